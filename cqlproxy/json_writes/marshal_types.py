"""Types that a server names by the class that holds their values, as it does where the protocol has no
option for them: duration before v5, vectors, and whatever stands inside a vector."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from frame_codec import (
    ColumnType,
    CustomType,
    ListType,
    MapType,
    NativeType,
    SetType,
    TupleType,
    TypeId,
    UdtType,
)

_PACKAGE: Final = "org.apache.cassandra.db.marshal."

_NATIVE: Final = {
    "AsciiType": TypeId.ASCII,
    "BooleanType": TypeId.BOOLEAN,
    "ByteType": TypeId.TINYINT,
    "BytesType": TypeId.BLOB,
    "CounterColumnType": TypeId.COUNTER,
    "DateType": TypeId.TIMESTAMP,
    "DecimalType": TypeId.DECIMAL,
    "DoubleType": TypeId.DOUBLE,
    "DurationType": TypeId.DURATION,
    "FloatType": TypeId.FLOAT,
    "InetAddressType": TypeId.INET,
    "Int32Type": TypeId.INT,
    "IntegerType": TypeId.VARINT,
    "LexicalUUIDType": TypeId.UUID,
    "LongType": TypeId.BIGINT,
    "ShortType": TypeId.SMALLINT,
    "SimpleDateType": TypeId.DATE,
    "TimeType": TypeId.TIME,
    "TimestampType": TypeId.TIMESTAMP,
    "TimeUUIDType": TypeId.TIMEUUID,
    "UTF8Type": TypeId.VARCHAR,
    "UUIDType": TypeId.UUID,
}

_FIXED: Final = {
    TypeId.BOOLEAN: 1,
    TypeId.INT: 4,
    TypeId.FLOAT: 4,
    TypeId.BIGINT: 8,
    TypeId.DOUBLE: 8,
    TypeId.TIMESTAMP: 8,
    TypeId.UUID: 16,
    TypeId.TIMEUUID: 16,
}
"""Bytes of the types whose values a vector holds without their lengths. Others are as short (smallint, date),
and servers write their lengths all the same."""


class UnknownTypeError(ValueError):
    """A class that holds values of no type known here."""


@dataclass(frozen=True, slots=True)
class VectorType:
    """vector<element, size>, for which the protocol has no option."""

    element: ColumnType
    size: int


@lru_cache(maxsize=1_000)
def marshal_type(class_name: str) -> ColumnType | VectorType:
    """The type whose values a class holds; the types inside it are named by their classes in turn.

    Raises ``UnknownTypeError``.
    """
    name, within = _split(class_name)
    inner = [CustomType(part) for part in within]
    match name, inner:
        case "FrozenType" | "ReversedType", [only]:
            return marshal_type(only.class_name)
        case "VectorType", [element, size] if size.class_name.isdigit():
            return VectorType(element, int(size.class_name))
        case "ListType", [element]:
            return ListType(element)
        case "SetType", [element]:
            return SetType(element)
        case "MapType", [key, value]:
            return MapType(key, value)
        case "TupleType", [_, *_]:
            return TupleType(tuple(inner))
        case "UserType", [_, _, *_]:
            keyspace, named, *fields = within
            return UdtType(keyspace, _from_hex(named), tuple(map(_field, fields)))
        case _, [] if name in _NATIVE:
            return NativeType(_NATIVE[name])
    raise UnknownTypeError(class_name)


def fixed_length(column_type: ColumnType) -> int | None:
    """The bytes of a value of this type, where a vector holds values without their lengths; else None."""
    found: ColumnType | VectorType = column_type
    if isinstance(column_type, CustomType):
        found = marshal_type(column_type.class_name)
    if isinstance(found, VectorType):
        length = fixed_length(found.element)
        return None if length is None else length * found.size
    return _FIXED.get(found.id) if isinstance(found, NativeType) else None


def _split(class_name: str) -> tuple[str, list[str]]:
    """The class without its package, and what stands in its brackets."""
    name, bracket, rest = class_name.strip().partition("(")
    name = name.strip().removeprefix(_PACKAGE)
    if not bracket:
        return name, []
    if not rest.endswith(")"):
        raise UnknownTypeError(class_name)
    parts: list[str] = []
    depth = start = 0
    for at, character in enumerate(rest):
        if character == "(":
            depth += 1
        elif character in "),":
            if depth == 0:
                parts.append(rest[start:at].strip())
                start = at + 1
            elif character == ")":
                depth -= 1
    return name, parts


def _field(part: str) -> tuple[str, ColumnType]:
    """A field of ``UserType(keyspace,name,field:type,...)``; names are in hexadecimal digits."""
    named, _, class_name = part.partition(":")
    return _from_hex(named), CustomType(class_name)


def _from_hex(digits: str) -> str:
    try:
        return bytes.fromhex(digits).decode()
    except ValueError:
        raise UnknownTypeError(digits) from None
