"""Copies that are delivered late get the time to live that is left."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.cluster.derived import aging_of
from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.mirror.mutation import Mutation
from cqlproxy.mirror.time_left import Aged, aged, expires
from cqlproxy.statements import TableName, analyse
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

# Tables whose names say what time to live they give, in the keyspaces "ks" and "other": t100, t31.
_FADING = "INSERT INTO t100 (k, a) VALUES (?, ?)"
_FADING_OR = "UPDATE ks.t100 USING TTL ? SET a = ? WHERE k = ?"


def seconds(number: int) -> bytes:
    return number.to_bytes(4, "big", signed=True)


def prepared(text: str, *columns: str, name: bytes = b"sixteen bytes id") -> PreparedStatement:
    bound = tuple(ColumnSpec("ks", "t", column, NativeType(TypeId.INT)) for column in columns)
    answer = Prepared(name, BindMetadata(bound), RowsMetadata.of(()))
    return PreparedStatement(answer, text.encode(), "ks", analyse(text))


def default_ttl(keyspace: str, table: str) -> int:
    return int(table[1:] or 0) if keyspace in ("ks", "other") else 0


def late(mutation: Mutation, age: float) -> Aged:
    return aged(mutation, age, default_ttl)


def copy(message: Query | Execute | Batch, *statements: PreparedStatement, keyspace: str = "ks") -> Mutation:
    return Mutation(
        int(message.opcode),
        message.encode(4),
        offered=0.0,
        tables=(),
        rules=None,
        keyspace=keyspace,
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
    found = late(copy(Query(text, fields(*before))), 30)
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
    assert late(copy(message), 30).body == replace(message, text=left).encode(4)


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
        found = late(copy(message, statement), 1000)
        assert found.body == message.encode(4)
        assert not found.expired
    both = Batch(BatchType.LOGGED, (BatchQuery(text, values), BatchQuery(statement.id, values)), timestamp=1)
    assert late(copy(both, statement), 1000) == (both.encode(4), [statement], False)


def test_a_time_that_is_bound_changes_in_place() -> None:
    statement = prepared(_MARKER, "[ttl]", "a", "k")
    found = late(copy(Execute(statement.id, fields(seconds(100), None, b"k")), statement), 30)
    assert found == (Execute(statement.id, fields(seconds(70), None, b"k")).encode(4), (statement,), False)


def test_a_literal_of_a_prepared_text_becomes_a_value() -> None:
    statement = prepared(_LITERAL, "k", "a")
    derived = aging_of(statement)
    assert derived is not None
    found = late(copy(Execute(statement.id, fields(b"k", UNSET)), statement), 30)
    assert found == (Execute(derived.id, fields(b"k", UNSET, seconds(70))).encode(4), (derived,), False)


def test_a_time_that_is_bound_by_name() -> None:
    statement = prepared("UPDATE t USING TTL :x SET a = :x WHERE k = :k", "x", "x", "k")
    derived = aging_of(statement)
    assert derived is not None
    message = Execute(statement.id, fields(b"k", seconds(100), names=("k", "x")))
    bound = fields(b"k", seconds(100), seconds(70), names=("k", "x", "cqlproxy_0"))
    assert late(copy(message, statement), 30) == (Execute(derived.id, bound).encode(4), (derived,), False)


def test_a_time_that_shares_its_variable() -> None:
    statement = prepared("UPDATE t USING TTL :x SET a = :x WHERE k = :k", "x", "k")
    derived = aging_of(statement)
    assert derived is not None
    found = late(copy(Execute(statement.id, fields(seconds(100), b"k")), statement), 30)
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
    found = late(copy(message, plain, literal, marker), 30)
    assert found == (left.encode(4), [plain, derived, marker], True)


@given(st.integers(1, 2**31 - 1), st.floats(0, 2**32))
def test_what_is_left(ttl: int, age: float) -> None:
    statement = prepared(_MARKER, "[ttl]", "a", "k")
    found = late(copy(Execute(statement.id, fields(seconds(ttl), b"a", b"k")), statement), age)
    left = max(1, ttl - int(age))
    assert found.body == Execute(statement.id, fields(seconds(left), b"a", b"k")).encode(4)
    assert found.expired == (ttl - int(age) < 1)


# --- a time to live that the table gives


@pytest.mark.parametrize(
    ("text", "before", "left", "after"),
    [
        ("INSERT INTO t100 (k) VALUES (1);", (), "INSERT INTO t100 (k) VALUES (1) USING TTL 70 ;", ()),
        (
            "INSERT INTO other.t100 JSON ? DEFAULT UNSET",
            (b"{}",),
            "INSERT INTO other.t100 JSON ? DEFAULT UNSET USING TTL 70 ",
            (b"{}",),
        ),
        (
            "UPDATE t100 USING TIMESTAMP ? SET a = ? WHERE k = :k",
            (b"eight   ", UNSET, b"k"),
            "UPDATE t100 USING TIMESTAMP ? AND TTL 70  SET a = ? WHERE k = :k",
            (b"eight   ", UNSET, b"k"),
        ),
        (
            _FADING_OR,
            (UNSET, b"a", b"k"),
            "UPDATE ks.t100 USING TTL  70  SET a = ? WHERE k = ?",
            (b"a", b"k"),
        ),
        (_FADING_OR, (seconds(40), b"a", b"k"), _FADING_OR.replace("?", " 10 ", 1), (b"a", b"k")),
        (
            "BEGIN BATCH INSERT INTO t100 (k) VALUES (?); DELETE FROM t100 WHERE k = ?;"
            " UPDATE t SET a = ? WHERE k = 1; UPDATE ks.t31 USING TTL ? SET a = 1 WHERE k = ?;"
            " INSERT INTO unknown.t100 (k) VALUES (2) APPLY BATCH",
            (b"1", b"2", b"3", UNSET, b"4"),
            "BEGIN BATCH INSERT INTO t100 (k) VALUES (?) USING TTL 70 ; DELETE FROM t100 WHERE k = ?;"
            " UPDATE t SET a = ? WHERE k = 1; UPDATE ks.t31 USING TTL  1  SET a = 1 WHERE k = ?;"
            " INSERT INTO unknown.t100 (k) VALUES (2) APPLY BATCH",
            (b"1", b"2", b"3", b"4"),
        ),
    ],
)
def test_a_text_in_a_table_with_a_time_to_live(
    text: str, before: tuple[Value, ...], left: str, after: tuple[Value, ...]
) -> None:
    found = late(copy(Query(text, fields(*before))), 30)
    assert found.body == Query(left, fields(*after)).encode(4)
    assert not found.expired


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("INSERT INTO t100 (k) VALUES (?) USING TTL 0", (b"k",)),
        ("DELETE FROM t100 WHERE k = ?", (b"k",)),
        ("INSERT INTO t (k) VALUES (?)", (b"k",)),
        ("INSERT INTO unknown.t100 (k) VALUES (?)", (b"k",)),
        *((_FADING_OR, (ttl, b"a", b"k")) for ttl in (None, b"", seconds(0), seconds(-5))),
    ],
)
def test_what_says_that_it_has_none_stays(text: str, values: tuple[Value, ...]) -> None:
    statement = prepared(text, *(str(number) for number in range(analyse(text).markers)))
    statement.tables = tuple(
        TableName(table.keyspace or "ks", table.table) for table in statement.statement.tables
    )
    for message in (Query(text, fields(*values)), Execute(statement.id, fields(*values))):
        assert late(copy(message, statement), 1000) == (message.encode(4), (statement,), False)
    both = Batch(BatchType.LOGGED, (BatchQuery(text, values), BatchQuery(statement.id, values)), timestamp=1)
    assert late(copy(both, statement), 1000) == (both.encode(4), [statement], False)


def test_a_truncation_stays() -> None:
    message = Query("TRUNCATE t100", fields())
    assert late(copy(message), 1000) == (message.encode(4), (), False)


def test_a_prepared_statement_gets_the_time_as_a_value() -> None:
    statement = prepared(_FADING, "k", "a")
    derived = aging_of(statement)
    assert derived is not None
    assert derived.text == b"INSERT INTO t100 (k, a) VALUES (?, ?) USING TTL :cqlproxy_0 "
    found = late(copy(Execute(statement.id, fields(b"k", None)), statement), 30)
    assert found == (Execute(derived.id, fields(b"k", None, seconds(70))).encode(4), (derived,), False)
    named = Execute(statement.id, fields(b"a", b"k", names=("a", "k")))
    bound = fields(b"a", b"k", seconds(70), names=("a", "k", "cqlproxy_0"))
    assert late(copy(named, statement), 30).body == Execute(derived.id, bound).encode(4)


def test_a_time_that_is_bound_unset_is_bound_in_place() -> None:
    statement = prepared(_FADING_OR, "[ttl]", "a", "k")
    found = late(copy(Execute(statement.id, fields(UNSET, b"a", b"k")), statement), 30)
    assert found == (Execute(statement.id, fields(seconds(70), b"a", b"k")).encode(4), (statement,), False)


def test_a_batch_in_tables_with_a_time_to_live() -> None:
    fading = prepared(_FADING, "k", "a", name=b"fading")
    plain = prepared("UPDATE t SET a = ? WHERE k = ?", "a", "k", name=b"plain")
    derived = aging_of(fading)
    assert derived is not None
    message = Batch(
        BatchType.LOGGED,
        (
            BatchQuery(fading.id, (b"1", b"a")),
            BatchQuery("INSERT INTO ks.t31 (k) VALUES (?)", (b"2",)),
            BatchQuery(plain.id, (b"b", b"3")),
            BatchQuery("INSERT INTO t100 JSON '{\"k\": 1}'", ()),
        ),
        timestamp=9,
    )
    left = replace(
        message,
        queries=(
            BatchQuery(derived.id, (b"1", b"a", seconds(60))),
            BatchQuery("INSERT INTO ks.t31 (k) VALUES (?) USING TTL 1 ", (b"2",)),
            message.queries[2],
            BatchQuery("INSERT INTO t100 JSON '{\"k\": 1}' USING TTL 60 ", ()),
        ),
    )
    found = late(copy(message, fading, plain), 40)
    assert found == (left.encode(4), [derived, plain], True)


@given(st.integers(1, 630720000), st.floats(0, 2**32))
def test_what_is_left_of_the_time_that_a_table_gives(default: int, age: float) -> None:
    statement = prepared(_FADING, "k", "a")
    derived = aging_of(statement)
    assert derived is not None
    found = aged(copy(Execute(statement.id, fields(b"k", b"a")), statement), age, lambda *_: default)
    bound = Execute.decode(found.body, 4).parameters.values[2]
    assert isinstance(bound, bytes)
    ttl = int.from_bytes(bound, "big", signed=True)
    assert ttl == 1 if found.expired else ttl + int(age) == default
    assert found.expired == (int(age) >= default)
    text = aged(copy(Query("INSERT INTO t (k) VALUES (1)", fields())), age, lambda *_: default)
    assert text.body == Query(f"INSERT INTO t (k) VALUES (1) USING TTL {ttl} ", fields()).encode(4)


@pytest.mark.parametrize(
    ("tables", "keyspace", "own", "expected"),
    [
        ((TableName("ks", "t"),), None, False, False),
        ((TableName("ks", "t"),), None, True, True),
        ((TableName("ks", "t"), TableName("ks", "t31")), None, False, True),
        ((TableName(None, "t31"),), "ks", False, True),
        ((TableName(None, "t31"),), "unknown", False, False),
        ((TableName(None, "t31"),), None, False, False),
        ((TableName("unknown", "t31"),), "ks", False, False),
    ],
)
def test_which_copies_expire(
    tables: tuple[TableName, ...], keyspace: str | None, own: bool, expected: bool
) -> None:
    mutation = Mutation(7, b"", offered=0.0, tables=tables, rules=None, keyspace=keyspace, expires=own)
    assert expires(mutation, default_ttl) == expected


def test_nothing_lives_longer_when_the_clock_has_stepped_back() -> None:
    mutation = copy(Query("INSERT INTO t (k) VALUES (1) USING TTL 100", QueryParameters()))
    assert late(mutation, -3600).body == late(mutation, 0).body
    assert late(mutation, 60).body != late(mutation, 0).body
