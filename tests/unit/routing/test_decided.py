"""The bodies of conditional writes as their copies are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cqlproxy.cluster.derived import decided_of
from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.routing.decided import decided_batch, decided_execute, decided_query
from cqlproxy.statements import Statement, StatementCache, analyse
from frame_codec import (
    UNSET,
    Batch,
    BatchQuery,
    BatchType,
    BindMetadata,
    ColumnSpec,
    ConsistencyLevel,
    Execute,
    NativeType,
    Prepared,
    Query,
    QueryParameters,
    RowsMetadata,
    TypeId,
    Value,
    batch,
)

_TEXT = "UPDATE t SET a = ?, b = ? WHERE k = ? IF c = ?"
_FIELDS = QueryParameters(
    ConsistencyLevel.LOCAL_QUORUM,
    (b"a", UNSET, None, b"c"),
    serial_consistency=ConsistencyLevel.SERIAL,
    timestamp=7,
)


def prepared(text: str, *columns: str) -> PreparedStatement:
    bound = tuple(ColumnSpec("ks", "t", name, NativeType(TypeId.INT)) for name in columns)
    answer = Prepared(b"sixteen bytes id", BindMetadata(bound), RowsMetadata.of(()))
    return PreparedStatement(answer, text.encode(), "ks", analyse(text))


@pytest.mark.parametrize(
    ("text", "values", "rest", "left"),
    [
        (_TEXT, _FIELDS.values, "UPDATE t SET a = ?, b = ? WHERE k = ?  ", (b"a", UNSET, None)),
        ("INSERT INTO t (k) VALUES (1) IF NOT EXISTS", (), "INSERT INTO t (k) VALUES (1)  ", ()),
        ("DELETE FROM t WHERE k = 1 IF a = ?", (b"a",), "DELETE FROM t WHERE k = 1  ", ()),
        (
            "BEGIN BATCH DELETE FROM t WHERE k = ? IF a = ?; INSERT INTO t (k) VALUES (?) APPLY BATCH",
            (b"a", b"b", None),
            "BEGIN BATCH DELETE FROM t WHERE k = ?  ; INSERT INTO t (k) VALUES (?) APPLY BATCH",
            (b"a", None),
        ),
        # A server that takes :a for one variable.
        (
            "UPDATE t SET a = :a WHERE k = ? IF b = :a",
            (b"a", b"k"),
            "UPDATE t SET a = :a WHERE k = ?  ",
            (b"a", b"k"),
        ),
    ],
)
def test_a_query(text: str, values: tuple[Value, ...], rest: str, left: tuple[Value, ...]) -> None:
    fields = replace(_FIELDS, values=values)
    found = decided_query(Query(text, fields).encode(4), analyse(text))
    assert found == Query(rest, replace(fields, values=left)).encode(4)


def test_values_with_names_stay() -> None:
    fields = replace(_FIELDS, names=("a", "b", "k", "c"))
    found = decided_query(Query(_TEXT, fields).encode(4), analyse(_TEXT))
    assert found == Query("UPDATE t SET a = ?, b = ? WHERE k = ?  ", fields).encode(4)


def test_a_query_with_another_number_of_values_cannot_be_told() -> None:
    fields = replace(_FIELDS, values=(b"a", b"b"))
    assert decided_query(Query(_TEXT, fields).encode(4), analyse(_TEXT)) is None


def test_an_execute() -> None:
    statement = prepared(_TEXT, "a", "b", "k", "c")
    derived = decided_of(statement)
    assert derived is not None
    found = decided_execute(Execute(statement.id, _FIELDS).encode(4), statement)
    assert found == (Execute(derived.id, replace(_FIELDS, values=(b"a", UNSET, None))).encode(4), derived)

    fewer = replace(_FIELDS, values=(b"a", b"b"))
    assert decided_execute(Execute(statement.id, fewer).encode(4), statement) is None
    undescribed = prepared(_TEXT, "a", "b")
    assert decided_execute(Execute(undescribed.id, fewer).encode(4), undescribed) is None


def test_a_batch() -> None:
    conditional = prepared(_TEXT, "a", "b", "k", "c")
    plain = prepared("INSERT INTO t (k) VALUES (?)", "k")
    text = "DELETE FROM t WHERE k = ? IF EXISTS"
    queries = (
        BatchQuery(plain.id, (b"1",)),
        BatchQuery(conditional.id, _FIELDS.values),
        BatchQuery(text, (b"2",)),
        BatchQuery("DELETE FROM t WHERE k = 3"),
    )
    message = Batch(BatchType.UNLOGGED, queries, serial_consistency=ConsistencyLevel.SERIAL, timestamp=3)
    body = message.encode(4)
    unconditional = analyse("DELETE FROM t WHERE k = 3")
    entries: list[PreparedStatement | Statement] = [plain, conditional, analyse(text), unconditional]
    found = decided_batch(body, batch(body, 0), entries, StatementCache(9).analyse)

    derived = decided_of(conditional)
    assert found is not None
    assert derived is not None
    rest = "DELETE FROM t WHERE k = ?  "
    expected = replace(
        message,
        queries=(
            queries[0],
            BatchQuery(derived.id, (b"a", UNSET, None)),
            BatchQuery(rest, (b"2",)),
            queries[3],
        ),
    )
    assert found == (expected.encode(4), [plain, derived, analyse(rest), unconditional])


def test_a_batch_with_another_number_of_values_cannot_be_told() -> None:
    text = "DELETE FROM t WHERE k = ? IF EXISTS"
    body = Batch(BatchType.LOGGED, (BatchQuery(text, (b"1", b"2")),)).encode(4)
    assert decided_batch(body, batch(body, 0), [analyse(text)], StatementCache(9).analyse) is None
    statement = prepared(_TEXT, "a", "b", "k", "c")
    body = Batch(BatchType.LOGGED, (BatchQuery(statement.id, (b"1",)),)).encode(4)
    assert decided_batch(body, batch(body, 0), [statement], StatementCache(9).analyse) is None
