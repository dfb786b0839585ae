//! What was seen, one JSON object a line.

use std::error::Error;
use std::io::Write;

use scylla::errors::DbError;
use scylla::response::query_result::QueryResult;
use scylla::value::Row;
use serde_json::{Map, Value, json};

use crate::Anything;
use crate::notation::notation;

pub fn say(line: Value) {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}").and_then(|()| output.flush()).expect("standard output is open");
}

/// The steps of one feature.
pub struct Feature(pub &'static str);

impl Feature {
    /// Writes down the rows that a request gave, or its error.
    pub fn step<E: Error + 'static>(&self, step: &str, answer: Result<QueryResult, E>) {
        match answer.map_err(Into::into).and_then(rows) {
            Ok(rows) => self.note(step, rows),
            Err(error) => self.failed(step, error.as_ref()),
        }
    }

    pub fn note(&self, step: &str, answer: impl Into<Value>) {
        say(json!({"feature": self.0, "step": step, "answer": answer.into()}));
    }

    pub fn failed(&self, step: &str, error: &(dyn Error + 'static)) {
        say(json!({"feature": self.0, "step": step, "error": failure(error)}));
    }

    pub fn unsupported(&self, step: &str, why: &str, link: &str) {
        say(json!({"feature": self.0, "step": step, "unsupported": why, "link": link}));
    }
}

pub fn rows(result: QueryResult) -> Anything<Value> {
    let mut answer = Map::new();
    let warnings: Vec<Value> = result.warnings().map(Value::from).collect();
    if result.is_rows() {
        let result = result.into_rows_result()?;
        let columns: Vec<&str> = result.column_specs().iter().map(|column| column.name()).collect();
        let mut noted = Vec::new();
        for row in result.rows::<Row>()? {
            noted.push(row?.columns.iter().map(|value| notation(value.as_ref())).collect::<Value>());
        }
        answer.insert("columns".into(), json!(columns));
        answer.insert("rows".into(), json!(noted));
    }
    if !warnings.is_empty() {
        answer.insert("warnings".into(), json!(warnings));
    }
    Ok(Value::Object(answer))
}

/// An error; the driver tells kinds, and no codes.
pub fn failure(error: &(dyn Error + 'static)) -> Value {
    let mut said = json!({"kind": variant(error), "code": null, "message": error.to_string()});
    let mut cause = Some(error);
    while let Some(inner) = cause {
        if let Some(told) = inner.downcast_ref::<DbError>() {
            tell(&mut said, told);
        }
        cause = inner.source();
    }
    said
}

/// What the server has told of an error.
fn tell(said: &mut Value, told: &DbError) {
    said["kind"] = variant(told).into();
    match told {
        DbError::Unavailable { consistency, required, alive } => {
            said["consistency"] = consistency.to_string().into();
            said["required"] = (*required).into();
            said["alive"] = (*alive).into();
        }
        DbError::AlreadyExists { keyspace, table } => {
            said["keyspace"] = keyspace.as_str().into();
            said["table"] = table.as_str().into();
        }
        _ => {}
    }
}

/// The name of the error's variant, as its debug text begins.
fn variant(error: &(impl std::fmt::Debug + ?Sized)) -> String {
    let text = format!("{error:?}");
    text.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default().to_owned()
}
