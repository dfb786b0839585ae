"""A copy that is judged again is what it would be, had it been taken under the rules in force now."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.clock import WriteClock
from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.metrics import Metrics
from cqlproxy.mirror.mutation import Mutation
from cqlproxy.modes import Mode
from cqlproxy.routing.asked_again import AskedAgain
from cqlproxy.routing.copies import Copies
from cqlproxy.routing.exchange import Steps
from cqlproxy.routing.peer import ClientPeer
from cqlproxy.routing.route import Route
from cqlproxy.routing.writes import BatchWrite, PreparedWrite, SchemaChange, Write
from cqlproxy.statements import Kind, TableName, analyse
from filters import Governor, Rules, TablePatterns, Tenants, table_pattern
from frame_codec import (
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
    parameters,
    query_span,
)

A, B, C = (bytes([number] * 16) for number in (0xAA, 0xBB, 0xCC))
TENANTS = (A, B, C)
TABLES = ("one", "two")
_NOWHERE = cast(Steps, None)


class Nobody:
    """A client of which nothing is asked but how it is served."""

    route = cast(Route, None)


NOBODY = cast(ClientPeer, Nobody())


def rules(tables: frozenset[str], tenants: frozenset[bytes]) -> Rules:
    return Rules(
        tenants=Tenants([_uuid(tenant) for tenant in tenants]),
        tables=TablePatterns([table_pattern(f"ks.{table}") for table in tables]),
        tenant_columns=frozenset({"owner"}),
    )


def _uuid(tenant: bytes) -> str:
    digits = tenant.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def prepared(table: str) -> PreparedStatement:
    text = f"INSERT INTO {table} (id, owner) VALUES (?, ?)"
    columns = (
        ColumnSpec("ks", table, "id", NativeType(TypeId.INT)),
        ColumnSpec("ks", table, "owner", NativeType(TypeId.UUID)),
    )
    described = Prepared(table.encode().ljust(16), BindMetadata(columns), RowsMetadata.of(()))
    return PreparedStatement(described, text.encode(), "ks", analyse(text), system_table=False)


ONE = (0).to_bytes(4, "big")
Take = Callable[[Copies], Mutation | None]


def execute(table: str, tenant: bytes) -> Take:
    statement = prepared(table)
    body = Execute(statement.id, QueryParameters(values=(ONE, tenant), timestamp=1)).encode(4)
    write = PreparedWrite(_NOWHERE, NOBODY, 1, 0, Opcode.EXECUTE, body, 0.0)
    write.prepared, write.statement, write.keyspace = statement, statement.statement, "ks"
    return lambda copies: copies.prepared(write)


def query(text: str, parameters: QueryParameters) -> Take:
    body = Query(text, parameters).encode(4)
    statement = analyse(text)
    if statement.kind in (Kind.MUTATION, Kind.BATCH):
        write = Write(_NOWHERE, NOBODY, 1, 0, Opcode.QUERY, body, 0.0)
        write.statement, write.keyspace = statement, "ks"
        return lambda copies: copies.text(write)
    change = SchemaChange(_NOWHERE, NOBODY, 1, 0, Opcode.QUERY, body, 0.0)
    change.statement, change.keyspace = statement, "ks"
    return lambda copies: copies.schema(change)


def plain(table: str, tenant: bytes) -> Take:
    return query(f"INSERT INTO {table} (id, owner) VALUES (1, {_uuid(tenant)})", QueryParameters(timestamp=1))


def json(table: str, tenant: bytes) -> Take:
    document = f'{{"id": 1, "owner": "{_uuid(tenant)}"}}'
    return query(f"INSERT INTO ks.{table} JSON '{document}'", QueryParameters())


def named(table: str, tenant: bytes) -> Take:
    text = f"UPDATE {table} SET v = :v WHERE owner = :owner"
    return query(text, QueryParameters(values=(tenant, b"x"), names=("owner", "v")))


def truncate(table: str, tenant: bytes) -> Take:
    return query(f"TRUNCATE {table}", QueryParameters())


SINGLE = [execute, plain, json, named, truncate]
Rows = list[tuple[str, bytes]]


def batch(rows: Rows) -> Take:
    """Prepared statements and texts in turn."""
    entries: list[PreparedStatement | None] = []
    queries = []
    for position, (table, tenant) in enumerate(rows):
        if position % 2:
            text = f"INSERT INTO {table} (owner, id) VALUES (?, 1)"
            queries.append(BatchQuery(text, (tenant,)))
            entries.append(None)
        else:
            statement = prepared(table)
            queries.append(BatchQuery(statement.id, (ONE, tenant)))
            entries.append(statement)
    body = Batch(BatchType.LOGGED, tuple(queries), timestamp=7).encode(4)
    write = BatchWrite(_NOWHERE, NOBODY, 1, 0, Opcode.BATCH, body, 0.0)
    write.keyspace = "ks"
    write.entries = [
        entry or analyse(str(asked.text_or_id)) for entry, asked in zip(entries, queries, strict=True)
    ]
    return lambda copies: copies.batch(write)


def text_batch(rows: Rows) -> Take:
    inner = "; ".join(f"INSERT INTO {table} (id, owner) VALUES (?, ?)" for table, _ in rows)
    values = tuple(value for _, tenant in rows for value in (ONE, tenant))
    return query(f"BEGIN BATCH {inner}; APPLY BATCH", QueryParameters(values=values, timestamp=7))


def taken(take: Take, governor: Governor) -> tuple[Mutation | None, Metrics]:
    metrics = Metrics(Mode.DUAL_WRITE_ASYNC)
    copies = Copies(
        governor=governor, metrics=metrics, clock=WriteClock(), schema_changes=True, consistency=None
    )
    return take(copies), metrics


def rules_of_nothing() -> Rules:
    return rules(frozenset(), frozenset())


def assert_as_if_taken_now(take: Take, now: Rules) -> None:
    governor = Governor(rules_of_nothing())
    waited, _ = taken(take, governor)
    assert waited is not None
    size = waited.size
    governor.rules = now
    fresh, counted = taken(take, governor)
    metrics = Metrics(Mode.DUAL_WRITE_ASYNC)
    assert AskedAgain(governor, metrics)(waited) is (fresh is not None)
    assert (waited.rules, waited.size) == (now, size)
    assert metrics.filtered == counted.filtered
    if fresh is not None:
        assert waited.body == fresh.body
        assert [one.id for one in waited.prepared] == [one.id for one in fresh.prepared]


TABLE_SETS = st.frozensets(st.sampled_from(TABLES))
TENANT_SETS = st.frozensets(st.sampled_from(TENANTS))


@pytest.mark.parametrize("way", SINGLE, ids=lambda way: way.__name__)
@given(st.sampled_from(TABLES), st.sampled_from(TENANTS), TABLE_SETS, TENANT_SETS)
def test_one_statement(
    way: Callable[[str, bytes], Take],
    table: str,
    tenant: bytes,
    held_tables: frozenset[str],
    held_tenants: frozenset[bytes],
) -> None:
    assert_as_if_taken_now(way(table, tenant), rules(held_tables, held_tenants))


@pytest.mark.parametrize("way", [batch, text_batch], ids=lambda way: way.__name__)
@given(
    st.lists(st.tuples(st.sampled_from(TABLES), st.sampled_from(TENANTS)), min_size=1, max_size=6),
    TABLE_SETS,
    TENANT_SETS,
)
def test_a_batch_loses_what_is_forbidden_by_now(
    way: Callable[[Rows], Take], rows: Rows, held_tables: frozenset[str], held_tenants: frozenset[bytes]
) -> None:
    assert_as_if_taken_now(way(rows), rules(held_tables, held_tenants))


@pytest.mark.parametrize("way", [batch, text_batch], ids=lambda way: way.__name__)
@given(
    st.lists(st.tuples(st.sampled_from(TABLES), st.sampled_from(TENANTS)), min_size=1, max_size=6),
    st.lists(st.tuples(TABLE_SETS, TENANT_SETS), min_size=1, max_size=4),
)
def test_a_batch_that_is_judged_again_and_again_keeps_what_every_rule_set_allows(
    way: Callable[[Rows], Take], rows: Rows, changes: list[tuple[frozenset[str], frozenset[bytes]]]
) -> None:
    governor = Governor(rules_of_nothing())
    waited, _ = taken(way(rows), governor)
    assert waited is not None
    ask_again = AskedAgain(governor, Metrics(Mode.DUAL_WRITE_ASYNC))
    left = rows
    for tables, tenants in changes:
        governor.rules = rules(tables, tenants)
        left = [(table, tenant) for table, tenant in left if table not in tables and tenant not in tenants]
        assert ask_again(waited) is bool(left)
        if not left:
            return
    # Which rows are in it, in order: the values of tenants stand in the body as they were bound.
    found = [waited.body[at : at + 16] for at in range(len(waited.body) - 15)]
    assert [value for value in found if value in TENANTS] == [tenant for _, tenant in left]


def test_a_conditional_write_waits_as_it_was_decided() -> None:
    text = "UPDATE one SET v = 1 WHERE id = 1 AND owner = ? IF v = 0"
    body = QueryParameters(values=(A,))
    governor = Governor(rules_of_nothing())
    waited, _ = taken(query(text, body), governor)
    assert waited is not None
    assert b" IF " not in waited.body
    assert not waited.in_turn
    assert waited.repeatable
    governor.rules = rules(frozenset(), frozenset({A}))
    assert not AskedAgain(governor, Metrics(Mode.DUAL_WRITE_ASYNC))(waited)


def test_what_is_left_of_a_conditional_batch_has_a_write_time_of_the_proxys() -> None:
    text = (
        "BEGIN BATCH INSERT INTO one (id) VALUES (1) IF NOT EXISTS; INSERT INTO two (id) VALUES (1);"
        " APPLY BATCH"
    )
    # The cluster paid no heed to the client's: it wrote with the time of the round that decided.
    kept, _ = taken(
        query(text, QueryParameters(timestamp=5)), Governor(rules(frozenset({"one"}), frozenset()))
    )
    assert kept is not None
    assert kept.tables == (TableName("ks", "two"),)
    found = parameters(kept.body, query_span(kept.body, 0)[1])
    assert found.timestamp is not None
    assert found.timestamp > 5
