"""What serialized values stand for: two are equal here exactly when CQL takes them for the same value.

Most types have one serialized form for each value, so that bytes are compared as they are. The others are
brought to a form of which there is one: numbers of any length, collections without an order of their own,
tuples and user-defined types whose last fields may be left out (CQL native protocol v4, section 6).
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Hashable, Iterator
from decimal import Decimal
from typing import Final

from frame_codec import (
    ColumnType,
    ListType,
    MapType,
    NativeType,
    SetType,
    TupleType,
    TypeId,
    UdtType,
)

Meaning = Callable[[bytes], Hashable]
"""From a serialized value to what it stands for; what cannot be read stands for its bytes."""

_INT: Final = struct.Struct(">i")
_LONGEST_DECIMAL: Final = 64
"""Decimals of more bytes are compared as they are: to shorten one takes the square of its length."""


def meaning_of(column_type: ColumnType) -> Meaning | None:
    """How values of a type are read; None when their bytes are all there is to compare."""
    read = _reader(column_type)
    return None if read is None else _or_bytes(read)


def presence(value: bytes) -> Hashable:
    """Of what is there or not, whatever it is: see ``comparison.columns_of``."""
    return True


def json_meaning(document: bytes) -> Hashable:
    """A JSON document: servers differ in blanks, in the order of fields and in the form of numbers."""
    try:
        return _frozen(json.loads(document, parse_float=Decimal, parse_constant=str))
    except (ValueError, ArithmeticError, RecursionError):
        return document


def _or_bytes(read: Meaning) -> Meaning:
    def meaning(value: bytes) -> Hashable:
        try:
            return read(value)
        except (ValueError, struct.error):
            return value

    return meaning


def _reader(column_type: ColumnType) -> Meaning | None:
    match column_type:
        case NativeType(id=type_id):
            return _NATIVE.get(type_id)
        case ListType(element=element):
            of_element = _reader(element)
            return None if of_element is None else lambda value: tuple(_elements(value, of_element))
        case SetType(element=element):
            of_member = _reader(element)
            return lambda value: frozenset(_elements(value, of_member))
        case MapType(key=key, value=value_type):
            of_key, of_value = _reader(key), _reader(value_type)
            return lambda value: frozenset(_entries(value, of_key, of_value))
        case TupleType(elements=elements):
            readers = [_reader(element) for element in elements]
            return lambda value: tuple(_fields(value, readers))
        case UdtType(fields=fields):
            names = [name for name, _ in fields]
            of_fields = [_reader(field) for _, field in fields]
            return lambda value: frozenset(
                (name, field)
                for name, field in zip(names, _fields(value, of_fields), strict=True)
                if field is not None
            )
    return None


def _elements(value: bytes, read: Meaning | None) -> Iterator[Hashable]:
    (count,) = _INT.unpack_from(value)
    at = _INT.size
    for _ in range(count):
        element, at = _value(value, at, read)
        yield element
    _all_read(value, at)


def _entries(
    value: bytes, of_key: Meaning | None, of_value: Meaning | None
) -> Iterator[tuple[Hashable, Hashable]]:
    (count,) = _INT.unpack_from(value)
    at = _INT.size
    for _ in range(count):
        key, at = _value(value, at, of_key)
        entry, at = _value(value, at, of_value)
        yield key, entry
    _all_read(value, at)


def _fields(value: bytes, readers: list[Meaning | None]) -> Iterator[Hashable]:
    at = 0
    for read in readers:
        if at == len(value):
            yield None
        else:
            field, at = _value(value, at, read)
            yield field
    _all_read(value, at)


def _value(value: bytes, at: int, read: Meaning | None) -> tuple[Hashable, int]:
    (length,) = _INT.unpack_from(value, at)
    at += _INT.size
    if length < 0:
        return None, at
    end = at + length
    if end > len(value):
        raise ValueError("a value reaches beyond the one that it is in")
    part = value[at:end]
    return (part if read is None else read(part)), end


def _all_read(value: bytes, at: int) -> None:
    if at != len(value):
        raise ValueError("there is more in a value than its type says")


def _integer(value: bytes) -> Hashable:
    # An empty value is a value of its own in every type.
    return int.from_bytes(value, "big", signed=True) if value else value


def _decimal(value: bytes) -> Hashable:
    if not _INT.size < len(value) <= _LONGEST_DECIMAL:
        return value
    (scale,) = _INT.unpack_from(value)
    unscaled = int.from_bytes(value[_INT.size :], "big", signed=True)
    if not unscaled:
        return (0, 0)
    while unscaled % 10 == 0:
        unscaled //= 10
        scale -= 1
    return (unscaled, scale)


def _boolean(value: bytes) -> Hashable:
    return value != b"\0" if value else value


def _floating(layout: str) -> Meaning:
    form = struct.Struct(layout)

    def read(value: bytes) -> Hashable:
        # There are many NaNs. 0.0 and -0.0 are two values to servers, which sort and index them apart.
        return "NaN" if len(value) == form.size and math.isnan(form.unpack(value)[0]) else value

    return read


def _frozen(value: object) -> Hashable:
    match value:
        case dict():
            return frozenset((name, _frozen(field)) for name, field in value.items())
        case list():
            return ("list", *map(_frozen, value))
        case bool():  # 1 and True are equal in Python
            return ("boolean", value)
    assert isinstance(value, Hashable)
    return value


_NATIVE: Final[dict[TypeId, Meaning]] = {
    TypeId.TINYINT: _integer,
    TypeId.SMALLINT: _integer,
    TypeId.INT: _integer,
    TypeId.BIGINT: _integer,
    TypeId.COUNTER: _integer,
    TypeId.VARINT: _integer,
    TypeId.DECIMAL: _decimal,
    TypeId.BOOLEAN: _boolean,
    TypeId.FLOAT: _floating(">f"),
    TypeId.DOUBLE: _floating(">d"),
}
"""Integers of one value may be of several lengths, also where one cluster's column is wider."""
