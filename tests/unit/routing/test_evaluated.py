"""Functions evaluated once: their values, and the requests that carry them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.cluster.derived import evaluated_of
from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.routing.evaluated import (
    Evaluated,
    Evaluator,
    evaluated_batch,
    evaluated_execute,
    evaluated_query,
)
from cqlproxy.statements import Statement, StatementCache, analyse
from cqlproxy.statements.rewriting import Added
from frame_codec import (
    UNSET,
    Batch,
    BatchQuery,
    BatchType,
    BindMetadata,
    ColumnSpec,
    Execute,
    NativeType,
    Opcode,
    Prepared,
    Query,
    QueryParameters,
    RowsMetadata,
    TypeId,
    batch,
)

_TIME = datetime(2026, 7, 10, 13, 14, 15, 678901, UTC)
_NANOSECONDS = int(_TIME.timestamp()) * 1_000_000_000 + 678_901_234


def evaluator(
    now_ns: Callable[[], int] = lambda: _NANOSECONDS, random: Callable[[int], bytes] = bytes
) -> Evaluator:
    """One whose clock stands still, and all of whose random bytes are zero."""
    return Evaluator(now_ns, random)


def prepared(text: str, *columns: str, keyspace: str | None = "ks") -> PreparedStatement:
    bound = tuple(ColumnSpec("ks", "t", name, NativeType(TypeId.INT)) for name in columns)
    answer = Prepared(b"sixteen bytes id", BindMetadata(bound), RowsMetadata.of(()))
    return PreparedStatement(answer, text.encode(), keyspace, analyse(text))


# --- values


@pytest.mark.parametrize("function", ["now", "currenttimeuuid", "current_timeuuid"])
def test_time_uuids(function: str) -> None:
    found = uuid.UUID(bytes=evaluator().value(function))
    assert (found.version, found.variant) == (1, uuid.RFC_4122)
    assert found.node >> 40 & 1, "the node must not look like that of a network card"
    since = timedelta(microseconds=found.time // 10)
    assert datetime(1582, 10, 15, tzinfo=UTC) + since == _TIME


@given(st.lists(st.integers(0, 4 * 10**18), min_size=1, max_size=50))
def test_time_uuids_are_unique_and_in_order_whatever_the_clock_does(clock: list[int]) -> None:
    readings = iter(clock)
    one = evaluator(now_ns=lambda: next(readings))
    found = [uuid.UUID(bytes=one.value("now")).time for _ in clock]
    assert found == sorted(set(found))


def test_evaluators_are_told_apart_by_their_nodes() -> None:
    found = {uuid.UUID(bytes=Evaluator(lambda: _NANOSECONDS).value("now")).node for _ in range(20)}
    assert len(found) == 20


def test_random_uuids() -> None:
    assert str(uuid.UUID(bytes=evaluator().value("uuid"))) == "00000000-0000-4000-8000-000000000000"
    full = evaluator(random=lambda size: b"\xff" * size)
    assert str(uuid.UUID(bytes=full.value("uuid"))) == "ffffffff-ffff-4fff-bfff-ffffffffffff"
    real = Evaluator()
    found = [uuid.UUID(bytes=real.value("uuid")) for _ in range(100)]
    assert len(set(found)) == 100
    assert {one.version for one in found} == {4}


@pytest.mark.parametrize(
    ("function", "value"),
    [
        ("currenttimestamp", int(_TIME.timestamp() * 1000)),
        ("current_timestamp", int(_TIME.timestamp() * 1000)),
        ("currentdate", 2**31 + (_TIME.date() - date(1970, 1, 1)).days),
        ("current_date", 2**31 + (_TIME.date() - date(1970, 1, 1)).days),
        ("currenttime", ((13 * 60 + 14) * 60 + 15) * 10**9 + 678_901_234),
        ("current_time", ((13 * 60 + 14) * 60 + 15) * 10**9 + 678_901_234),
    ],
)
def test_times(function: str, value: int) -> None:
    found = evaluator().value(function)
    assert len(found) == (4 if function.endswith("date") else 8)
    assert int.from_bytes(found, "big") == value


def test_other_functions_have_no_value() -> None:
    with pytest.raises(ValueError, match="random cannot be evaluated"):
        evaluator().value("random")
    with pytest.raises(ValueError, match="does not stand in place of a function"):
        evaluator().of_added(Added("cqlproxy_0", "int", None))


# --- requests

_UUID = "blobasuuid(0x00000000000040008000000000000000)"
_UUID_BYTES = bytes.fromhex("00000000000040008000000000000000")
_FIELDS = QueryParameters(values=(b"a", UNSET, None), timestamp=7, page_size=9)


@pytest.mark.parametrize("names", [None, ("a", "b", "c")])
def test_a_query_has_constants(names: tuple[str, ...] | None) -> None:
    text = "INSERT INTO t (k, a, b, c) VALUES (uuid(), ?, ?, [uuid(), ?])"
    fields = replace(_FIELDS, names=names)
    body = b"before" + Query(text, fields).encode(4)
    found = evaluated_query(body, 6, analyse(text), evaluator())
    assert found == b"before" + Query(text.replace("uuid()", _UUID), fields).encode(4)


@pytest.mark.parametrize(
    "text",
    ["INSERT INTO t (k) VALUES ('uuid()')", "UPDATE t SET a = uuid() WHERE k IN (1, 2)", "SELECT now()"],
)
def test_what_has_no_functions_of_the_proxy_is_left_alone(text: str) -> None:
    assert evaluated_query(Query(text, _FIELDS).encode(4), 0, analyse(text), evaluator()) is None
    statement = prepared(text)
    assert evaluated_execute(Execute(statement.id, _FIELDS).encode(4), 0, statement, evaluator()) is None


def test_an_execute_binds_the_values() -> None:
    statement = prepared("INSERT INTO t (k, a, b, c) VALUES (uuid(), ?, ?, ?)", "a", "b", "c")
    body = b"before" + Execute(statement.id, _FIELDS).encode(4)
    derived = evaluated_of(statement)
    assert derived is not None
    fields = replace(_FIELDS, values=(_UUID_BYTES, b"a", UNSET, None))
    assert evaluated_execute(body, 6, statement, evaluator()) == Evaluated(
        Opcode.EXECUTE, b"before" + Execute(derived.id, fields).encode(4), derived
    )


def test_an_execute_becomes_a_query_where_no_marker_may_stand() -> None:
    text = "INSERT INTO t (k, a, b, c) VALUES (uuid(), ?, ?, [uuid(), ?])"
    statement = prepared(text, "a", "b", "c")
    body = b"before" + Execute(statement.id, _FIELDS).encode(4)
    assert evaluated_execute(body, 6, statement, evaluator()) == Evaluated(
        Opcode.QUERY, b"before" + Query(text.replace("uuid()", _UUID), _FIELDS).encode(4), None
    )


def test_an_execute_with_too_few_values_is_left_to_the_server() -> None:
    statement = prepared("INSERT INTO t (k, a) VALUES (uuid(), ?)", "a")
    body = Execute(statement.id, QueryParameters()).encode(4)
    assert evaluated_execute(body, 0, statement, evaluator()) is None


@pytest.mark.parametrize("keyspace", ["ks", "other"])
def test_a_batch(keyspace: str) -> None:
    plain = prepared("INSERT INTO t (k) VALUES (?)", "k")
    bound = prepared("INSERT INTO t (k, a) VALUES (uuid(), ?)", "a")
    listed = prepared("INSERT INTO t (a, b) VALUES ([uuid()], ?)", "b")
    text = "DELETE FROM t WHERE k = uuid() AND c = ?"
    queries = (
        BatchQuery(plain.id, (b"1",)),
        BatchQuery(bound.id, (b"2",)),
        BatchQuery("DELETE FROM t WHERE k = ?", (b"3",)),
        BatchQuery(listed.id, (b"4",)),
        BatchQuery(text, (b"5",)),
    )
    message = Batch(BatchType.LOGGED, queries, timestamp=5)
    body = b"before" + message.encode(4)
    entries: list[PreparedStatement | Statement] = [
        plain,
        bound,
        analyse("DELETE FROM t WHERE k = ?"),
        listed,
        analyse(text),
    ]
    found = evaluated_batch(
        body, 6, batch(body, 6), entries, keyspace, StatementCache(9).analyse, evaluator()
    )

    assert found is not None
    derived = evaluated_of(bound)
    assert derived is not None
    one_of_text = keyspace == "ks"
    expected = replace(
        message,
        queries=(
            queries[0],
            BatchQuery(derived.id, (_UUID_BYTES, b"2")),
            queries[2],
            # As a text it means a table of the keyspace in use, which may be another than its own.
            BatchQuery(f"INSERT INTO t (a, b) VALUES ([{_UUID}], ?)", (b"4",)) if one_of_text else queries[3],
            BatchQuery(text.replace("uuid()", _UUID), (b"5",)),
        ),
    )
    assert found[0] == b"before" + expected.encode(4)
    after = found[1]
    assert after[:2] == [plain, derived]
    assert after[2] == entries[2]
    assert isinstance(after[3], Statement) is one_of_text
    assert after[4] == analyse(text.replace("uuid()", _UUID))


def test_a_batch_without_functions_is_left_alone() -> None:
    plain = prepared("INSERT INTO t (k) VALUES (?)", "k")
    body = Batch(BatchType.LOGGED, (BatchQuery(plain.id, (b"1",)),)).encode(4)
    assert (
        evaluated_batch(body, 0, batch(body, 0), [plain], None, StatementCache(9).analyse, evaluator())
        is None
    )
