"""A copy becomes a record and a copy again, with nothing lost."""

import time
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.mirror.mutation import Mutation
from cqlproxy.mirror.record import RecordError, mutation_of, record_of
from cqlproxy.mirror.statement_numbers import StatementNumbers, described, restored
from cqlproxy.statements import TableName, analyse
from filters import Rules
from frame_codec import BindMetadata, ColumnSpec, NativeType, Opcode, Prepared, RowsMetadata, TypeId

names = st.text(min_size=1, max_size=48).filter(lambda name: name.isprintable())
tables = st.lists(st.builds(TableName, st.none() | names, names), min_size=1, max_size=4, unique=True)


class Numbers:
    """Descriptions by number, without a journal behind them."""

    def __init__(self) -> None:
        self.descriptions: list[bytes] = []

    def statement(self, key: object, description: bytes) -> int:
        if description not in self.descriptions:
            self.descriptions.append(description)
        return self.descriptions.index(description) + 1

    def description_of(self, number: int) -> bytes:
        return self.descriptions[number - 1]


@dataclass
class Case:
    opcode: Opcode
    statements: int
    keyspace: str | None


def statement(
    number: int, keyspace: str | None = None, bound: tuple[ColumnSpec, ...] = ()
) -> PreparedStatement:
    text = f"INSERT INTO ks.t{number} (id, v) VALUES (?, ?)"
    prepared = Prepared(f"id {number}".encode(), BindMetadata(bound), RowsMetadata.of(()))
    return PreparedStatement(prepared, text.encode(), keyspace, analyse(text))


@given(
    case=st.one_of(
        st.builds(Case, st.just(Opcode.EXECUTE), st.just(1), st.none() | names),
        st.builds(Case, st.just(Opcode.BATCH), st.integers(0, 4), st.none() | names),
        st.builds(Case, st.just(Opcode.QUERY), st.just(0), st.none() | names),
    ),
    body=st.binary(max_size=200),
    tables=tables,
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans()),
    age=st.floats(0, 1e6),
)
def test_what_is_read_is_what_was_written(
    case: Case, body: bytes, tables: list[TableName], flags: tuple[bool, bool, bool, bool], age: float
) -> None:
    statements = [statement(number) for number in range(case.statements)]
    repeatable, in_turn, schema, expires = flags
    written = Mutation(
        case.opcode,
        body,
        offered=time.monotonic() - age,
        tables=statements[0].tables if case.opcode is Opcode.EXECUTE else tuple(tables),
        rules=Rules(),
        keyspace=case.keyspace,
        prepared=statements,
        repeatable=repeatable,
        in_turn=in_turn,
        schema=schema,
        expires=expires,
    )
    kept = Numbers()
    numbers = StatementNumbers(kept)
    record = record_of(written, numbers.number_of)
    read = mutation_of(record, numbers.statement_of)
    for name in Mutation.__slots__:
        if name not in ("offered", "rules", "prepared", "carrier", "sent"):
            assert getattr(read, name) == getattr(written, name), name
    assert read.offered == pytest.approx(written.offered, abs=1)
    assert read.rules is None, "the rules have to be asked"
    assert list(read.prepared) == statements, "in the same run, the statements are the very same"

    after_restart = mutation_of(record, StatementNumbers(kept).statement_of)
    assert [s.text for s in after_restart.prepared] == [s.text for s in statements]
    assert after_restart.tables == written.tables


@pytest.mark.parametrize("keyspace", [None, "ks", "Käse"])
def test_a_statement_is_restored_with_all_that_delivery_needs(keyspace: str | None) -> None:
    columns = (
        ColumnSpec("ks", "t1", "id", NativeType(TypeId.INT)),
        ColumnSpec("ks", "t1", "v", NativeType(TypeId.VARCHAR)),
    )
    original = statement(1, keyspace, columns)
    copy = restored(described(original))
    for name in ("id", "text", "keyspace", "bound", "routing_indexes", "tables", "repeatable", "in_turn"):
        assert getattr(copy, name) == getattr(original, name), name
    assert copy.ids == [None, None], "it has to be prepared again"


def test_a_statement_whose_bind_variables_have_changed_gets_another_number() -> None:
    numbers = StatementNumbers(Numbers())
    prepared = statement(1)
    first = numbers.number_of(prepared)
    assert numbers.number_of(prepared) == first
    prepared.bound = (ColumnSpec("ks", "t1", "id", NativeType(TypeId.INT)),)
    assert numbers.number_of(prepared) != first


@pytest.mark.parametrize("cut", range(12))
def test_a_record_that_is_cut_short_is_refused(cut: int) -> None:
    execute = Mutation(
        Opcode.EXECUTE, b"", offered=0, tables=(), rules=Rules(), prepared=(statement(1),), keyspace="ks"
    )
    numbers = StatementNumbers(Numbers())
    record = record_of(execute, numbers.number_of)
    with pytest.raises(RecordError):
        mutation_of(record[:cut], numbers.statement_of)


def test_a_record_of_another_format_or_with_an_unknown_statement_is_refused() -> None:
    numbers = StatementNumbers(Numbers())
    one = Mutation(Opcode.EXECUTE, b"body", offered=0, tables=(), rules=Rules(), prepared=(statement(1),))
    record = record_of(one, numbers.number_of)
    with pytest.raises(RecordError, match="format 9"):
        mutation_of(b"\x09" + record[1:], numbers.statement_of)
    with pytest.raises(RecordError, match="unknown statement"):
        mutation_of(record, StatementNumbers(Numbers()).statement_of)
