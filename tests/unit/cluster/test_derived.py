"""Prepared statements made of others, and the requests that execute them."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.cluster.derived import (
    DerivedStatement,
    aging_of,
    decided_of,
    entry_of,
    evaluated_of,
    execute_of,
)
from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.statements import TableName, analyse
from cqlproxy.statements.rewriting import Added
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
    QueryParameters,
    RowsMetadata,
    TypeId,
    Value,
    batch,
)

_INT = NativeType(TypeId.INT)
_KEYSPACE = "shop"


def prepared(text: str, *columns: str, key: tuple[int, ...] = ()) -> PreparedStatement:
    """A statement as its server describes it: all columns are of type int."""
    bound = tuple(ColumnSpec(_KEYSPACE, "t", name, _INT) for name in columns)
    answer = Prepared(b"sixteen bytes id", BindMetadata(bound, key), RowsMetadata.of(()))
    return PreparedStatement(answer, text.encode(), _KEYSPACE, analyse(text))


def number(added: Added) -> bytes:
    return f"{added.function}!".encode()


def test_a_decided_statement() -> None:
    origin = prepared("UPDATE t SET a = ? WHERE c = ? AND k = ? IF b = ?", "a", "c", "k", "b", key=(2, 1))
    derived = decided_of(origin)

    assert derived is not None
    assert derived.text == b"UPDATE t SET a = ? WHERE c = ? AND k = ?  "
    assert [column.name for column in derived.bound] == ["a", "c", "k"]
    assert derived.routing_indexes == (2, 1)
    assert derived.tables == (TableName(_KEYSPACE, "t"),)
    assert (derived.conditional, derived.stamped, derived.repeatable) == (False, True, True)
    assert derived.ids == [None, None]
    assert derived.id == hashlib.md5(b"shop\0" + derived.text).digest()
    assert origin.decided is derived
    assert decided_of(origin) is derived


def test_an_evaluated_statement() -> None:
    origin = prepared("INSERT INTO t (k, a, b) VALUES (uuid(), ?, now())", "a")
    derived = evaluated_of(origin)

    assert derived is not None
    assert derived.values == (
        Added("cqlproxy_0", "uuid", "uuid"),
        0,
        Added("cqlproxy_1", "timeuuid", "now"),
    )
    assert derived.bound == (
        ColumnSpec(_KEYSPACE, "t", "cqlproxy_0", NativeType(TypeId.UUID)),
        origin.bound[0],
        ColumnSpec(_KEYSPACE, "t", "cqlproxy_1", NativeType(TypeId.TIMEUUID)),
    )
    assert evaluated_of(origin) is derived
    assert evaluated_of(prepared("INSERT INTO t (k) VALUES (?)", "k")) is None
    assert evaluated_of(prepared("INSERT INTO t (k) VALUES ([now()])")) is None


def test_an_aging_statement() -> None:
    origin = prepared("INSERT INTO t (k) VALUES (?) USING TTL 5", "k", key=(0,))
    derived = aging_of(origin)

    assert derived is not None
    assert derived.text == b"INSERT INTO t (k) VALUES (?) USING TTL  :cqlproxy_0 "
    assert derived.values == (0, Added("cqlproxy_0", "int", None))
    assert derived.bound[1].type == _INT
    assert derived.routing_indexes == (0,)
    assert aging_of(origin) is derived


def test_a_key_that_is_not_bound_any_more_routes_nothing() -> None:
    origin = prepared("UPDATE t SET a = ? WHERE k = 1 IF b = ?", "a", "b", key=(1,))
    derived = decided_of(origin)
    assert derived is not None
    assert derived.routing_indexes == ()


def test_each_keyspace_has_a_statement_of_its_own() -> None:
    text = "INSERT INTO t (k) VALUES (now())"
    one, other = prepared(text), prepared(text)
    other.keyspace = "other"
    ids = [derived.id for derived in (evaluated_of(one), evaluated_of(other)) if derived is not None]
    assert len({*ids}) == 2


def test_variables_that_the_server_merged() -> None:
    origin = prepared("UPDATE t SET a = :x WHERE k = :k IF b = :x AND c = :c", "x", "k", "c")
    derived = decided_of(origin)
    assert derived is not None
    assert derived.values == (0, 1)
    # One more than the text has by any count.
    assert decided_of(prepared("UPDATE t SET a = :x WHERE k = :k IF b = :x", "x", "k", "x", "y")) is None


_values = st.none() | st.just(UNSET) | st.binary(max_size=9)


@given(
    st.lists(_values, min_size=4, max_size=4),
    st.booleans(),
    st.none() | st.sampled_from(ConsistencyLevel),
    st.none() | st.integers(0, 2**60),
    st.binary(max_size=4),
)
def test_executing_a_derived_statement(
    values: list[Value], named: bool, serial: ConsistencyLevel | None, timestamp: int | None, before: bytes
) -> None:
    names = ("a", "b", "k", "c")
    origin = prepared("UPDATE t SET a = ?, b = ?, d = now() WHERE k = ? IF c = ?", *names)
    fields = QueryParameters(
        ConsistencyLevel.QUORUM,
        tuple(values),
        names if named else None,
        serial_consistency=serial,
        timestamp=timestamp,
    )
    body = before + Execute(origin.id, fields).encode(4)

    evaluated = evaluated_of(origin)
    assert evaluated is not None
    found = execute_of(body, len(before), origin, evaluated, number)
    a, b, k, c = values
    with_now = replace(
        fields,
        values=(a, b, k, c, b"now!") if named else (a, b, b"now!", k, c),
        names=(*names, "cqlproxy_0") if named else None,
    )
    assert found == before + Execute(evaluated.id, with_now).encode(4)

    decided = decided_of(evaluated)
    assert decided is not None
    found = execute_of(found, len(before), evaluated, decided, number)
    # A server looks for the names that it knows, and passes over the others.
    expected = with_now if named else replace(fields, values=(a, b, b"now!", k))
    assert found == before + Execute(decided.id, expected).encode(4)


@pytest.mark.parametrize("values", [(), (b"a",), (b"a", b"b", b"c")])
def test_a_request_with_another_number_of_values_is_left_alone(values: tuple[bytes, ...]) -> None:
    origin = prepared("INSERT INTO t (k, a, b) VALUES (?, ?, now())", "k", "a")
    derived = evaluated_of(origin)
    assert derived is not None
    assert (
        execute_of(Execute(origin.id, QueryParameters(values=values)).encode(4), 0, origin, derived, number)
        is None
    )
    body = Batch(BatchType.LOGGED, (BatchQuery(origin.id, values),)).encode(4)
    assert entry_of(body, batch(body, 0).entries[0], origin, derived, number) is None


def test_a_statement_of_its_own_values_only() -> None:
    origin = prepared("INSERT INTO t (k) VALUES (uuid())")
    derived = evaluated_of(origin)
    assert isinstance(derived, DerivedStatement)
    body = Execute(origin.id, QueryParameters()).encode(4)
    expected = Execute(derived.id, QueryParameters(values=(b"uuid!",))).encode(4)
    assert execute_of(body, 0, origin, derived, number) == expected
