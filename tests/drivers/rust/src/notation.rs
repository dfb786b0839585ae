//! Values and types as the transcripts of all languages have them.

use std::net::IpAddr;

use num_bigint::BigInt;
use scylla::cluster::metadata::{CollectionType, ColumnType};
use scylla::value::CqlValue;
use serde_json::{Value, json};

pub fn notation(value: Option<&CqlValue>) -> Value {
    let Some(value) = value else {
        return Value::Null;
    };
    let text = match value {
        CqlValue::Ascii(text) | CqlValue::Text(text) => text.clone(),
        CqlValue::Boolean(truth) => truth.to_string(),
        CqlValue::Blob(bytes) => hex(bytes),
        CqlValue::Counter(number) => number.0.to_string(),
        CqlValue::Decimal(number) => {
            let (unscaled, scale) = number.as_signed_be_bytes_slice_and_exponent();
            format!("{}e-{scale}", BigInt::from_signed_bytes_be(unscaled))
        }
        CqlValue::Varint(number) => {
            BigInt::from_signed_bytes_be(number.as_signed_bytes_be_slice()).to_string()
        }
        CqlValue::Date(date) => (i64::from(date.0) - (1 << 31)).to_string(),
        CqlValue::Double(number) if number.is_nan() => "NaN".to_owned(),
        CqlValue::Double(number) => hex(&number.to_be_bytes()),
        CqlValue::Float(number) if number.is_nan() => "NaN".to_owned(),
        CqlValue::Float(number) => hex(&number.to_be_bytes()),
        CqlValue::Duration(duration) => {
            format!("{},{},{}", duration.months, duration.days, duration.nanoseconds)
        }
        CqlValue::Empty => "(empty)".to_owned(),
        CqlValue::Int(number) => number.to_string(),
        CqlValue::BigInt(number) => number.to_string(),
        CqlValue::SmallInt(number) => number.to_string(),
        CqlValue::TinyInt(number) => number.to_string(),
        CqlValue::Timestamp(time) => time.0.to_string(),
        CqlValue::Time(time) => time.0.to_string(),
        CqlValue::Inet(IpAddr::V4(address)) => hex(&address.octets()),
        CqlValue::Inet(IpAddr::V6(address)) => hex(&address.octets()),
        CqlValue::Timeuuid(uuid) => uuid.to_string(),
        CqlValue::Uuid(uuid) => uuid.to_string(),
        CqlValue::List(elements) | CqlValue::Vector(elements) => {
            return elements.iter().map(|element| notation(Some(element))).collect();
        }
        CqlValue::Set(elements) => {
            let mut noted: Vec<Value> = elements.iter().map(|element| notation(Some(element))).collect();
            noted.sort_by_key(Value::to_string);
            return noted.into();
        }
        CqlValue::Map(entries) => {
            let mut noted: Vec<[Value; 2]> =
                entries.iter().map(|(key, value)| [notation(Some(key)), notation(Some(value))]).collect();
            noted.sort_by_key(|[key, _]| key.to_string());
            return json!(noted);
        }
        CqlValue::Tuple(elements) => {
            return elements.iter().map(|element| notation(element.as_ref())).collect();
        }
        CqlValue::UserDefinedType { fields, .. } => {
            return fields.iter().map(|(name, value)| json!([name, notation(value.as_ref())])).collect();
        }
        other => panic!("a value of a type that came after this program: {other:?}"),
    };
    text.into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// A type in the words of CQL.
pub fn type_name(typ: &ColumnType) -> String {
    match typ {
        ColumnType::Native(native) => format!("{native:?}").to_lowercase(),
        ColumnType::Collection { frozen, typ } => {
            let name = match typ {
                CollectionType::List(element) => format!("list<{}>", type_name(element)),
                CollectionType::Set(element) => format!("set<{}>", type_name(element)),
                CollectionType::Map(key, value) => format!("map<{}, {}>", type_name(key), type_name(value)),
                other => format!("{other:?}"),
            };
            frozen_name(*frozen, name)
        }
        ColumnType::UserDefinedType { frozen, definition } => {
            frozen_name(*frozen, definition.name.to_string())
        }
        other => format!("{other:?}"),
    }
}

fn frozen_name(frozen: bool, name: String) -> String {
    if frozen { format!("frozen<{name}>") } else { name }
}
