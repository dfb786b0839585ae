"""Dead letters: texts and values as an operator reads them."""

import struct
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.cluster.side import Side
from cqlproxy.journal import Json, Reason
from cqlproxy.mirror.letter import dead_letter
from cqlproxy.mirror.mutation import Mutation
from cqlproxy.mirror.readable_values import decoded
from cqlproxy.statements import TableName, analyse
from filters import Rules
from frame_codec import (
    UNSET,
    Batch,
    BatchQuery,
    BatchType,
    BindMetadata,
    ColumnSpec,
    ColumnType,
    ConsistencyLevel,
    CustomType,
    Execute,
    ListType,
    MapType,
    NativeType,
    Opcode,
    Prepared,
    Query,
    QueryParameters,
    RowsMetadata,
    SetType,
    TupleType,
    TypeId,
    UdtType,
)

INT, TEXT = NativeType(TypeId.INT), NativeType(TypeId.VARCHAR)


def native(type_id: TypeId) -> NativeType:
    return NativeType(type_id)


def cell(value: bytes | None) -> bytes:
    return struct.pack(">i", -1) if value is None else struct.pack(">i", len(value)) + value


def four(number: int) -> bytes:
    return struct.pack(">i", number)


ID = UUID("12345678-1234-5678-1234-567812345678")

VALUES: list[tuple[ColumnType, bytes, Json]] = [
    (INT, four(-7), -7),
    (native(TypeId.BIGINT), struct.pack(">q", 2**40), 2**40),
    (native(TypeId.SMALLINT), b"\xff\xfe", -2),
    (native(TypeId.TINYINT), b"\x80", -128),
    (native(TypeId.BOOLEAN), b"\x01", True),
    (native(TypeId.BOOLEAN), b"\x00", False),
    (native(TypeId.DOUBLE), struct.pack(">d", 1.5), 1.5),
    (native(TypeId.DOUBLE), struct.pack(">d", float("nan")), "nan"),
    (native(TypeId.FLOAT), struct.pack(">f", float("-inf")), "-inf"),
    (TEXT, "Käse".encode(), "Käse"),
    (TEXT, b"", ""),
    (TEXT, b"\xff", "0xff"),
    (native(TypeId.BLOB), b"\x00\x01", "0x0001"),
    (native(TypeId.UUID), ID.bytes, str(ID)),
    (native(TypeId.VARINT), b"\xff\x00", "-256"),
    (native(TypeId.DECIMAL), four(2) + b"\x30\x39", "123.45"),
    (native(TypeId.INET), b"\x7f\x00\x00\x01", "127.0.0.1"),
    (native(TypeId.INET), bytes(15) + b"\x01", "::1"),
    (native(TypeId.TIMESTAMP), struct.pack(">q", 1_700_000_000_123), "2023-11-14T22:13:20.123Z"),
    (native(TypeId.TIMESTAMP), struct.pack(">q", 2**62), "0x" + struct.pack(">q", 2**62).hex()),
    (native(TypeId.DATE), struct.pack(">I", 2**31 + 1), "1970-01-02"),
    (native(TypeId.TIME), struct.pack(">q", 3_661_000_000_005), "01:01:01.000000005"),
    (native(TypeId.DURATION), b"\x02\x04\x06", "0x020406"),
    (CustomType("org.example.Type"), b"\x01", "0x01"),
    (INT, b"\x01", "0x01"),
    (INT, b"", "0x"),
    (ListType(INT), four(2) + cell(four(1)) + cell(None), [1, None]),
    (SetType(TEXT), four(1) + cell(b"a"), ["a"]),
    (MapType(INT, TEXT), four(1) + cell(four(1)) + cell(b"a"), {"1": "a"}),
    (TupleType((INT, TEXT)), cell(four(1)) + cell(b"a"), [1, "a"]),
    (UdtType("ks", "u", (("a", INT), ("b", TEXT))), cell(four(1)), {"a": 1}),
    (ListType(ListType(INT)), four(1) + cell(four(1) + cell(four(5))), [[5]]),
    (ListType(INT), four(9) + cell(four(1)), "0x" + (four(9) + cell(four(1))).hex()),
]


@pytest.mark.parametrize(("column_type", "value", "shown"), VALUES)
def test_a_value_is_shown_by_its_type(column_type: ColumnType, value: bytes, shown: Json) -> None:
    assert decoded(value, column_type) == shown


@given(st.decimals(allow_nan=False, allow_infinity=False, places=40))
def test_a_decimal_is_shown_exactly(value: Decimal) -> None:
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    unscaled = int("".join(map(str, digits))) * (-1 if sign else 1)
    size = unscaled.bit_length() // 8 + 1
    encoded = four(-exponent) + unscaled.to_bytes(size, "big", signed=True)
    shown = decoded(encoded, native(TypeId.DECIMAL))
    assert isinstance(shown, str)
    assert Decimal(shown) == value


@given(st.sampled_from([column_type for column_type, _, _ in VALUES]), st.binary(max_size=40))
def test_no_bytes_are_too_odd_to_be_shown(column_type: ColumnType, value: bytes) -> None:
    decoded(value, column_type)


def prepared(text: str, *columns: ColumnSpec) -> PreparedStatement:
    answer = Prepared(b"id", BindMetadata(columns), RowsMetadata.of(()))
    return PreparedStatement(answer, text.encode(), None, analyse(text))


INSERT = prepared(
    "INSERT INTO ks.t (id, v) VALUES (?, ?)",
    ColumnSpec("ks", "t", "id", INT),
    ColumnSpec("ks", "t", "v", TEXT),
)


def told(opcode: Opcode, body: bytes, *statements: PreparedStatement) -> tuple[str, Json, str]:
    mutation = Mutation(
        opcode, body, offered=0, tables=(TableName("ks", "t"),), rules=Rules(), prepared=statements
    )
    letter = dead_letter(mutation, Side.SHADOW, Reason.REJECTED, "why")
    assert (letter.keyspace, letter.tables, letter.error) == ("ks", ("ks.t",), "why")
    return letter.statement, letter.values, letter.consistency


def test_an_execute_has_the_text_and_typed_values() -> None:
    parameters = QueryParameters(ConsistencyLevel.QUORUM, values=(four(7), UNSET))
    body = Execute(b"id", parameters).encode(4)
    expected = (INSERT.text.decode(), [7, "(unset)"], "QUORUM")
    assert told(Opcode.EXECUTE, body, INSERT) == expected


def test_named_values_are_shown_by_name() -> None:
    parameters = QueryParameters(ConsistencyLevel.ONE, values=(b"x", None), names=("v", "id"))
    body = Execute(b"id", parameters).encode(4)
    assert told(Opcode.EXECUTE, body, INSERT)[1] == {"v": "x", "id": None}


def test_values_of_a_text_are_shown_in_hexadecimal_digits() -> None:
    text = "UPDATE ks.t SET v = ? WHERE id = 1"
    body = Query(text, QueryParameters(ConsistencyLevel.ONE, values=(b"\x01",))).encode(4)
    assert told(Opcode.QUERY, body) == (text, ["0x01"], "ONE")


def test_a_batch_has_all_its_texts_and_their_values() -> None:
    queries = (BatchQuery(b"id", (four(1), b"a")), BatchQuery("DELETE FROM ks.t WHERE id = 2;", ()))
    body = Batch(BatchType.LOGGED, queries, ConsistencyLevel.ALL).encode(4)
    assert told(Opcode.BATCH, body, INSERT) == (
        "INSERT INTO ks.t (id, v) VALUES (?, ?);\nDELETE FROM ks.t WHERE id = 2;\n",
        [[1, "a"], []],
        "ALL",
    )


@given(st.binary(max_size=30), st.sampled_from([Opcode.QUERY, Opcode.EXECUTE, Opcode.BATCH]))
def test_a_body_that_makes_no_sense_has_its_letter_all_the_same(body: bytes, opcode: Opcode) -> None:
    statement, values, _ = told(opcode, body, *([INSERT] if opcode is not Opcode.QUERY else []))
    assert statement or values is not None
