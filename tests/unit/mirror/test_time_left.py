"""Copies that are delivered late get the time to live that is left."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.cluster.derived import aging_of
from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.mirror.mutation import Mutation
from cqlproxy.mirror.time_left import aged
from cqlproxy.statements import analyse
from frame_codec import (
    UNSET,
    Batch,
    BatchQuery,
    BatchType,
    BindMetadata,
    ColumnSpec,
    Execute,
    NativeType,
    Prepared,
    Query,
    QueryParameters,
    RowsMetadata,
    TypeId,
    Value,
)

_LITERAL = "INSERT INTO t (k, a) VALUES (?, ?) USING TTL 100"
_MARKER = "UPDATE t USING TTL ? SET a = ? WHERE k = ?"


def seconds(number: int) -> bytes:
    return number.to_bytes(4, "big", signed=True)


def prepared(text: str, *columns: str, name: bytes = b"sixteen bytes id") -> PreparedStatement:
    bound = tuple(ColumnSpec("ks", "t", column, NativeType(TypeId.INT)) for column in columns)
    answer = Prepared(name, BindMetadata(bound), RowsMetadata.of(()))
    return PreparedStatement(answer, text.encode(), "ks", analyse(text))


def copy(message: Query | Execute | Batch, *statements: PreparedStatement) -> Mutation:
    return Mutation(
        int(message.opcode),
        message.encode(4),
        offered=0.0,
        tables=(),
        rules=None,
        prepared=statements,
        expires=True,
    )


def fields(*values: Value, names: tuple[str, ...] | None = None) -> QueryParameters:
    return QueryParameters(values=values, names=names, timestamp=7)


@pytest.mark.parametrize(
    ("text", "before", "left", "after"),
    [
        ("INSERT INTO t (k) VALUES (1) USING TTL 100", (), "INSERT INTO t (k) VALUES (1) USING TTL  70 ", ()),
        (
            "UPDATE t USING TTL 100 AND TIMESTAMP 5 SET a = ? WHERE k = ?",
            (b"a", b"k"),
            "UPDATE t USING TTL  70  AND TIMESTAMP 5 SET a = ? WHERE k = ?",
            (b"a", b"k"),
        ),
        (
            _MARKER,
            (seconds(100), b"a", UNSET),
            "UPDATE t USING TTL  70  SET a = ? WHERE k = ?",
            (b"a", UNSET),
        ),
        (
            "BEGIN BATCH INSERT INTO t (k) VALUES (?) USING TTL ?; DELETE FROM t WHERE k = ?;"
            " INSERT INTO t (k) VALUES (?) USING TTL 31;"
            " UPDATE t USING TTL ? SET a = 1 WHERE k = ? APPLY BATCH",
            (b"1", seconds(100), b"2", b"3", seconds(0), b"4"),
            "BEGIN BATCH INSERT INTO t (k) VALUES (?) USING TTL  70 ; DELETE FROM t WHERE k = ?;"
            " INSERT INTO t (k) VALUES (?) USING TTL  1 ;"
            " UPDATE t USING TTL ? SET a = 1 WHERE k = ? APPLY BATCH",
            (b"1", b"2", b"3", seconds(0), b"4"),
        ),
        # A server that takes :x for one variable.
        (
            "UPDATE t USING TTL :x SET a = :x WHERE k = ?",
            (seconds(100), b"k"),
            "UPDATE t USING TTL  70  SET a = :x WHERE k = ?",
            (seconds(100), b"k"),
        ),
    ],
)
def test_a_text(text: str, before: tuple[Value, ...], left: str, after: tuple[Value, ...]) -> None:
    found = aged(copy(Query(text, fields(*before))), 30)
    assert found.body == Query(left, fields(*after)).encode(4)
    assert not found.expired


@pytest.mark.parametrize(
    ("text", "left", "names"),
    [
        (_MARKER, "UPDATE t USING TTL  70  SET a = ? WHERE k = ?", ("[ttl]", "a", "k")),
        (
            "UPDATE t USING TTL :t SET a = :t WHERE k = :k",
            "UPDATE t USING TTL  70  SET a = :t WHERE k = :k",
            ("t", "other", "k"),
        ),
    ],
)
def test_a_text_whose_values_have_names(text: str, left: str, names: tuple[str, ...]) -> None:
    message = Query(text, fields(seconds(100), b"a", b"k", names=names))
    assert aged(copy(message), 30).body == replace(message, text=left).encode(4)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("INSERT INTO t (k) VALUES (?)", (b"k",)),
        ("INSERT INTO t (k) VALUES (?) USING TTL 0", (b"k",)),
        ("DELETE FROM t WHERE k = ?", (b"k",)),
        ("INSERT INTO t (k) VALUES ('USING TTL 100')", ()),
        *((_MARKER, (ttl, b"a", b"k")) for ttl in (None, UNSET, b"", seconds(0), seconds(-5), b"eight   ")),
        (_MARKER, (seconds(100),)),
    ],
)
def test_what_has_no_time_to_live_stays(text: str, values: tuple[Value, ...]) -> None:
    names = [str(number) for number in range(analyse(text).markers)]
    statement = prepared(text, *names)
    for message in (Query(text, fields(*values)), Execute(statement.id, fields(*values))):
        found = aged(copy(message, statement), 1000)
        assert found.body == message.encode(4)
        assert not found.expired
    both = Batch(BatchType.LOGGED, (BatchQuery(text, values), BatchQuery(statement.id, values)), timestamp=1)
    assert aged(copy(both, statement), 1000) == (both.encode(4), [statement], False)


def test_a_time_that_is_bound_changes_in_place() -> None:
    statement = prepared(_MARKER, "[ttl]", "a", "k")
    found = aged(copy(Execute(statement.id, fields(seconds(100), None, b"k")), statement), 30)
    assert found == (Execute(statement.id, fields(seconds(70), None, b"k")).encode(4), (statement,), False)


def test_a_literal_of_a_prepared_text_becomes_a_value() -> None:
    statement = prepared(_LITERAL, "k", "a")
    derived = aging_of(statement)
    assert derived is not None
    found = aged(copy(Execute(statement.id, fields(b"k", UNSET)), statement), 30)
    assert found == (Execute(derived.id, fields(b"k", UNSET, seconds(70))).encode(4), (derived,), False)


def test_a_time_that_is_bound_by_name() -> None:
    statement = prepared("UPDATE t USING TTL :x SET a = :x WHERE k = :k", "x", "x", "k")
    derived = aging_of(statement)
    assert derived is not None
    message = Execute(statement.id, fields(b"k", seconds(100), names=("k", "x")))
    bound = fields(b"k", seconds(100), seconds(70), names=("k", "x", "cqlproxy_0"))
    assert aged(copy(message, statement), 30) == (Execute(derived.id, bound).encode(4), (derived,), False)


def test_a_time_that_shares_its_variable() -> None:
    statement = prepared("UPDATE t USING TTL :x SET a = :x WHERE k = :k", "x", "k")
    derived = aging_of(statement)
    assert derived is not None
    found = aged(copy(Execute(statement.id, fields(seconds(100), b"k")), statement), 30)
    assert found.body == Execute(derived.id, fields(seconds(70), seconds(100), b"k")).encode(4)


def test_a_batch() -> None:
    literal = prepared(_LITERAL, "k", "a", name=b"literal")
    marker = prepared(_MARKER, "[ttl]", "a", "k", name=b"marker")
    plain = prepared("DELETE FROM t WHERE k = ?", "k", name=b"plain")
    derived = aging_of(literal)
    assert derived is not None
    message = Batch(
        BatchType.UNLOGGED,
        (
            BatchQuery(plain.id, (b"1",)),
            BatchQuery(literal.id, (b"2", b"a")),
            BatchQuery(_MARKER, (seconds(20), b"b", b"3")),
            BatchQuery(marker.id, (seconds(40), UNSET, b"4")),
        ),
        timestamp=9,
    )
    left = replace(
        message,
        queries=(
            message.queries[0],
            BatchQuery(derived.id, (b"2", b"a", seconds(70))),
            BatchQuery("UPDATE t USING TTL  1  SET a = ? WHERE k = ?", (b"b", b"3")),
            BatchQuery(marker.id, (seconds(10), UNSET, b"4")),
        ),
    )
    found = aged(copy(message, plain, literal, marker), 30)
    assert found == (left.encode(4), [plain, derived, marker], True)


@given(st.integers(1, 2**31 - 1), st.floats(0, 2**32))
def test_what_is_left(ttl: int, age: float) -> None:
    statement = prepared(_MARKER, "[ttl]", "a", "k")
    found = aged(copy(Execute(statement.id, fields(seconds(ttl), b"a", b"k")), statement), age)
    left = max(1, ttl - int(age))
    assert found.body == Execute(statement.id, fields(seconds(left), b"a", b"k")).encode(4)
    assert found.expired == (ttl - int(age) < 1)
