"""Tenants by value: each CQL type's serialized form, and each literal."""

from __future__ import annotations

import decimal
import struct
import uuid

import pytest
from cassandra import cqltypes
from hypothesis import given
from hypothesis import strategies as st

from filters import Reason, Tenants, Verdict

UUID = "550e8400-e29b-41d4-a716-446655440000"
UUID_BYTES = uuid.UUID(UUID).bytes


@pytest.mark.parametrize(
    ("rule", "cql_type", "value", "held"),
    [
        (UUID, "uuid", UUID_BYTES, True),
        (UUID.upper(), "uuid", UUID_BYTES, True),
        (UUID, "timeuuid", UUID_BYTES, True),
        (UUID, "uuid", bytes(16), False),
        (UUID, "uuid", UUID.encode(), False),
        (UUID.replace("-", ""), "uuid", UUID_BYTES, False),
        (UUID, "text", UUID.encode(), True),
        (UUID, "varchar", UUID.upper().encode(), True),
        (UUID.upper(), "ascii", UUID.encode(), True),
        (UUID, "text", UUID_BYTES, False),
        (UUID, "text", UUID.encode() + b" ", False),
        ("acme", "text", b"acme", True),
        ("acme", "text", b"Acme", False),
        ("acme", "text", b"acme2", False),
        ("a" * 36, "text", b"A" * 36, False),
        ("caf\u00e9", "text", "caf\u00e9".encode(), True),
        ("42", "text", b"42", True),
        ("042", "text", b"42", False),
        ("42", "tinyint", b"\x2a", True),
        ("42", "smallint", b"\x00\x2a", True),
        ("42", "int", b"\x00\x00\x00\x2a", True),
        ("042", "int", b"\x00\x00\x00\x2a", True),
        ("42", "bigint", b"\x00\x00\x00\x00\x00\x00\x00\x2a", True),
        ("42", "counter", b"\x00\x00\x00\x00\x00\x00\x00\x2a", True),
        ("42", "int", b"\x00\x00\x00\x2b", False),
        ("42", "int", b"42", False),
        ("-1", "int", b"\xff\xff\xff\xff", True),
        ("-1", "bigint", b"\xff" * 8, True),
        ("300", "tinyint", b"\x2c", False),
        ("42", "varint", b"\x2a", True),
        ("42", "varint", b"\x00\x00\x2a", True),
        ("128", "varint", b"\x00\x80", True),
        ("-128", "varint", b"\x80", True),
        ("128", "varint", b"\x80", False),
        ("0", "varint", b"\x00", True),
        ("0", "varint", b"", False),
        ("4.2", "decimal", b"\x00\x00\x00\x01\x2a", True),
        ("42", "decimal", b"\x00\x00\x00\x00\x2a", True),
        ("0.5", "double", struct.pack(">d", 0.5), True),
        ("0.1", "float", struct.pack(">f", 0.1), True),
        ("true", "boolean", b"\x01", True),
        ("False", "boolean", b"\x00", True),
        ("true", "boolean", b"\x00", False),
        ("0xCAFE", "blob", b"\xca\xfe", True),
        ("cafe", "blob", b"\xca\xfe", False),
        ("10.0.0.1", "inet", b"\x0a\x00\x00\x01", True),
        ("::1", "inet", bytes(15) + b"\x01", True),
        # A type that is not known, or that rules have no form for: any form is held back.
        (UUID, None, UUID_BYTES, True),
        (UUID, None, UUID.upper().encode(), True),
        ("acme", None, b"acme", True),
        ("42", None, b"\x00\x00\x00\x2a", True),
        ("42", None, b"42", True),
        ("42", None, b"\x00\x00\x00\x2b", False),
        ("acme", "org.example.Type", b"acme", True),
        ("42", "timestamp", b"\x00\x00\x00\x00\x00\x00\x00\x2a", True),
    ],
)
def test_bound_value(rule: str, cql_type: str | None, value: bytes, held: bool) -> None:
    expected = Verdict(False, Reason.TENANT, rule) if held else None
    assert Tenants(["other", rule]).finder(cql_type)(value) == expected


@pytest.mark.parametrize(
    ("rule", "kind", "text", "held"),
    [
        (UUID, "uuid", UUID, True),
        (UUID, "uuid", UUID.upper(), True),
        (UUID.upper(), "uuid", UUID, True),
        (UUID, "string", UUID.upper(), True),
        (UUID, "uuid", UUID[:-1] + "1", False),
        ("acme", "string", "acme", True),
        ("acme", "string", "ACME", False),
        ("42", "integer", "42", True),
        ("42", "integer", "0042", True),
        ("-42", "integer", "-42", True),
        ("42", "integer", "-42", False),
        ("42", "string", "42", True),
        ("4.50", "float", "4.5", True),
        ("4.5", "float", "NaN", False),
        ("true", "boolean", "TRUE", True),
        ("0xCAFE", "blob", "0xcafe", True),
        ("3h", "duration", "3h", True),
        ("null", "null", "null", False),
        ("null", "string", "null", True),
        ("1", "integer", "1" * 5000, False),
    ],
)
def test_literal(rule: str, kind: str, text: str, held: bool) -> None:
    expected = Verdict(False, Reason.TENANT, rule) if held else None
    assert Tenants([rule]).literal(kind, text) == expected


def test_no_tenants() -> None:
    assert not Tenants()
    assert Tenants().finder(None)(b"") is None
    assert Tenants(["x"])


@given(st.uuids())
def test_uuids_as_the_driver_serializes_them(value: uuid.UUID) -> None:
    tenants = Tenants([str(value).upper()])
    assert tenants.finder("uuid")(cqltypes.UUIDType.serialize(value, 4))
    assert tenants.finder("text")(cqltypes.UTF8Type.serialize(str(value), 4))


@given(value=st.integers(-(2**63), 2**63 - 1), other=st.integers(-(2**63), 2**63 - 1))
def test_integers_as_the_driver_serializes_them(value: int, other: int) -> None:
    tenants = Tenants([str(value)])
    of_types = {
        "tinyint": (cqltypes.ByteType, 7),
        "smallint": (cqltypes.ShortType, 15),
        "int": (cqltypes.Int32Type, 31),
        "bigint": (cqltypes.LongType, 63),
        "varint": (cqltypes.IntegerType, 63),
    }
    for name, (cql_type, bits) in of_types.items():
        for bound in (value, other):
            if -(2**bits) <= bound < 2**bits:
                held = tenants.finder(name)(cql_type.serialize(bound, 4))
                assert (held is not None) == (bound == value)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9))
def test_decimals_as_the_driver_serializes_them(value: decimal.Decimal) -> None:
    assert Tenants([str(value)]).finder("decimal")(cqltypes.DecimalType.serialize(value, 4))


@given(st.text(min_size=1))
def test_any_text_is_a_tenant(value: str) -> None:
    serialized = value.encode()
    assert Tenants([value]).finder("text")(serialized) == Verdict(False, Reason.TENANT, value)
    assert Tenants([value]).finder(None)(serialized) == Verdict(False, Reason.TENANT, value)
