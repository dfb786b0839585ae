// Values as the transcripts of all languages have them.

import cassandra from 'cassandra-driver';

const { dataTypes: code, getDataTypeNameByCode, Duration, Vector } = cassandra.types;

// A type in the words of CQL.
export function typeName(type) {
  return getDataTypeNameByCode(type);
}

// `value` as the driver gives it for a column of `type`.
export function notation(type, value) {
  if (value === null || value === undefined) {
    return null;
  }
  // In version 4 of the protocol these are custom types.
  if (value instanceof Duration) {
    return `${value.months},${value.days},${value.nanoseconds}`;
  }
  if (value instanceof Vector) {
    return value.elements.map((element) => notation({ code: code[value.subtype] }, element));
  }
  switch (type.code) {
    case code.blob:
      return `0x${value.toString('hex')}`;
    case code.float:
      return bits(value, 4, (view) => view.setFloat32(0, value));
    case code.double:
      return bits(value, 8, (view) => view.setFloat64(0, value));
    case code.decimal:
      return `${value._intVal}e-${value._scale}`;
    case code.timestamp:
      return String(value.getTime());
    case code.date:
      return String(value.toBuffer().readUInt32BE() - 2 ** 31);
    case code.time:
      return value.getTotalNanoseconds().toString();
    case code.inet:
      return `0x${value.getBuffer().toString('hex')}`;
    case code.list:
      return value.map((element) => notation(type.info, element));
    case code.set:
      return value.map((element) => notation(type.info, element)).sort(byText);
    case code.map:
      return mapped(type.info, value);
    case code.tuple:
      return type.info.map((each, i) => notation(each, value.get(i)));
    case code.udt:
      return type.info.fields.map((field) => [field.name, notation(field.type, value[field.name])]);
    default: // texts, integers, booleans and UUIDs
      return value.toString();
  }
}

// Maps are objects, unless the driver is told otherwise; their keys are texts.
function mapped([, values], map) {
  return Object.entries(map)
    .map(([key, value]) => [key, notation(values, value)])
    .sort(([left], [right]) => byText(left, right));
}

function bits(value, length, write) {
  if (Number.isNaN(value)) {
    return 'NaN';
  }
  const buffer = Buffer.alloc(length);
  write(new DataView(buffer.buffer, buffer.byteOffset, length));
  return `0x${buffer.toString('hex')}`;
}

function byText(left, right) {
  return Buffer.compare(Buffer.from(JSON.stringify(left)), Buffer.from(JSON.stringify(right)));
}
