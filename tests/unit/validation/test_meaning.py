"""Which serialized values CQL takes for the same, and which not."""

from __future__ import annotations

import struct
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.validation.meaning import json_meaning, meaning_of
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
from tests.unit.frame_codec.strategies import column_types

INT = NativeType(TypeId.INT)
TEXT = NativeType(TypeId.TEXT)
VARINT = NativeType(TypeId.VARINT)
DECIMAL = NativeType(TypeId.DECIMAL)
BOOLEAN = NativeType(TypeId.BOOLEAN)
DOUBLE = NativeType(TypeId.DOUBLE)
PERSON = UdtType("ks", "person", (("name", TEXT), ("age", INT), ("tags", SetType(TEXT))))


def parts(*values: bytes | None) -> bytes:
    """Values one after the other, each with its length."""
    return b"".join(
        struct.pack(">i", -1) if value is None else struct.pack(">i", len(value)) + value for value in values
    )


def collection(*values: bytes | None, size: int | None = None) -> bytes:
    return struct.pack(">i", len(values) if size is None else size) + parts(*values)


def decimal(scale: int, unscaled: int) -> bytes:
    return struct.pack(">i", scale) + unscaled.to_bytes(8, "big", signed=True)


def meant(column_type: ColumnType, value: bytes) -> object:
    read = meaning_of(column_type)
    return value if read is None else read(value)


NAN = struct.pack(">d", float("nan"))
OTHER_NAN = b"\xff\xf8\x00\x00\x00\x00\x00\x01"


@pytest.mark.parametrize(
    ("column_type", "left", "right", "same"),
    [
        (VARINT, b"\x05", b"\x00\x00\x05", True),
        (VARINT, b"\xff", b"\x00\xff", False),
        (VARINT, b"", b"\x00", False),
        (DECIMAL, decimal(1, 10), decimal(0, 1), True),
        (DECIMAL, decimal(-2, 3), decimal(0, 300), True),
        (DECIMAL, decimal(5, 0), decimal(0, 0), True),
        (DECIMAL, decimal(1, 11), decimal(0, 11), False),
        (DECIMAL, decimal(0, 1), decimal(0, -1), False),
        (BOOLEAN, b"\x01", b"\x02", True),
        (BOOLEAN, b"\x01", b"\x00", False),
        (DOUBLE, NAN, OTHER_NAN, True),
        (DOUBLE, struct.pack(">d", 0.0), struct.pack(">d", -0.0), False),
        (DOUBLE, struct.pack(">d", 1.5), struct.pack(">d", 1.25), False),
        (INT, b"", struct.pack(">i", 0), False),
        (TEXT, b"a", b"A", False),
        (SetType(INT), collection(b"\0\0\0\1", b"\0\0\0\2"), collection(b"\0\0\0\2", b"\0\0\0\1"), True),
        (SetType(INT), collection(b"\0\0\0\1"), collection(b"\0\0\0\2"), False),
        (ListType(VARINT), collection(b"\1", b"\2"), collection(b"\0\1", b"\2"), True),
        (ListType(VARINT), collection(b"\1", b"\2"), collection(b"\2", b"\1"), False),
        (ListType(TEXT), collection(b"\1", b"\2"), collection(b"\2", b"\1"), False),
        (MapType(TEXT, INT), collection(b"a", b"\0\0\0\1", b"b", b"\0\0\0\2", size=2),
         collection(b"b", b"\0\0\0\2", b"a", b"\0\0\0\1", size=2), True),
        (MapType(TEXT, INT), collection(b"a", b"\0\0\0\1", size=1),
         collection(b"a", b"\0\0\0\2", size=1), False),
        (TupleType((TEXT, INT)), parts(b"a", None), parts(b"a"), True),
        (TupleType((TEXT, INT)), parts(b"a", b""), parts(b"a"), False),
        (PERSON, parts(b"Ann"), parts(b"Ann", None, None), True),
        (PERSON, parts(b"Ann", None, collection(b"x", b"y")),
         parts(b"Ann", None, collection(b"y", b"x")), True),
        (PERSON, parts(b"Ann", b"\0\0\0\1"), parts(b"Ann", b"\0\0\0\2"), False),
        (CustomType("Vector"), b"\1", b"\0\1", False),
        # What does not fit its type stands for its bytes.
        (SetType(INT), b"\0\0\0\2\0\0\0\1a", b"\0\0\0\2\0\0\0\1b", False),
        (SetType(INT), collection(b"\0\0\0\1") + b"x", collection(b"\0\0\0\1"), False),
        (PERSON, parts(b"Ann", None, None, None), parts(b"Ann"), False),
    ],
)  # fmt: skip
def test_values(column_type: ColumnType, left: bytes, right: bytes, same: bool) -> None:
    assert (meant(column_type, left) == meant(column_type, right)) is same


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (b'{"a": 1, "b": [1, null]}', b'{"b":[1,null],"a":1.0}', True),
        (b'{"a": [1, 2]}', b'{"a": [2, 1]}', False),
        (b'{"a": true}', b'{"a": 1}', False),
        (b'{"a": "1"}', b'{"a": 1}', False),
        (b'{"a": null}', b"{}", False),
        (b'{"a": 0.1}', b'{"a": 0.10}', True),
        (b"not json", b"not  json", False),
        (b"[" * 100_000, b"[" * 100_001, False),
    ],
    ids=lambda value: str(value[:30]) if isinstance(value, bytes) else None,
)
def test_json_documents(left: bytes, right: bytes, same: bool) -> None:
    assert (json_meaning(left) == json_meaning(right)) is same


@given(column_types, st.binary(max_size=40))
def test_any_bytes_of_any_type_mean_something(column_type: ColumnType, value: bytes) -> None:
    assert meant(column_type, value) == meant(column_type, bytes(bytearray(value)))
    hash(meant(column_type, value))


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4), st.integers(0, 6))
def test_a_decimal_means_its_number(number: Decimal, zeros: int) -> None:
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    unscaled = int("".join(map(str, digits))) * (-1 if sign else 1)

    def serialized(scale: int, value: int) -> bytes:
        return struct.pack(">i", scale) + value.to_bytes(20, "big", signed=True)

    longer = serialized(-exponent + zeros, unscaled * 10**zeros)
    assert meant(DECIMAL, serialized(-exponent, unscaled)) == meant(DECIMAL, longer)
    assert meant(DECIMAL, serialized(-exponent, unscaled)) != meant(
        DECIMAL, serialized(-exponent, unscaled + 1)
    )


@given(st.lists(st.binary(max_size=3), max_size=6, unique=True))
def test_a_set_has_no_order(members: list[bytes]) -> None:
    assert meant(SetType(TEXT), collection(*members)) == meant(SetType(TEXT), collection(*reversed(members)))
    assert meant(SetType(TEXT), collection(*members)) != meant(SetType(TEXT), collection(*members, b"more"))
