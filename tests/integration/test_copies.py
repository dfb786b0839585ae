"""After programs have run through the proxy, the shadow holds what the primary holds, less what is held back.

Rows are compared cell by cell with their write times. Two kinds of tables are compared by value alone:
counters have no write time, and a conditional write is given one by each server for itself.
"""

import re
from pathlib import Path
from typing import cast

import pytest

from frame_codec import Opcode, Query, QueryParameters
from tests.integration.comparison import (
    Tables,
    contents,
    contents_of_both,
    differences,
    expiring,
)
from tests.integration.conftest import StartProxy
from tests.integration.raw_client import RawClient
from tests.integration.transcripts import ProgramRun
from tests.nodes import CassandraNode, ProxyProcess

HELD = "6f1d2a44-0c55-4a4e-9d1e-1f8a57b7c001"
FREE = "b2c9e0d7-73a1-4f0c-8a35-5d2f4be5c002"
RULES: dict[str, object] = {
    "tenant_blacklist": [HELD],
    "table_blacklist": ["*.migrations"],
    "tenant_columns": ["system_domain_id"],
}
TENANTS = "copied_tenants"

# Two at a time.
OTHERS = (
    ("statements", "counters"),
    ("native_types", "nested_types"),
    ("keyspaces_in_use", "many_writes"),
    ("conditional_writes", "collection_changes"),
)
BY_VALUE = (
    "copied_counters.hits",
    "copied_conditional_writes.accounts",
    "copied_conditional_writes.ledger",
)


@pytest.fixture(scope="module")
def proxy(start_module_proxy: StartProxy) -> ProxyProcess:
    return start_module_proxy(rules=RULES)


@pytest.fixture(scope="module")
def counts(proxy: ProxyProcess, root: Path) -> dict[str, int]:
    """What the tenants' program says it has sent, once it has been copied. It is the first to run."""
    run = ProgramRun("tenant_writes", proxy, TENANTS, HELD, FREE, root=root)
    counts = cast("dict[str, int]", run.entries()["counts"])
    proxy.wait_copied()
    return counts


@pytest.fixture(scope="module")
def stats(proxy: ProxyProcess, counts: dict[str, int]) -> dict[str, object]:
    """The proxy's figures after the tenants' program and before any other."""
    return proxy.stats()


def only(tables: Tables, tenant: str) -> Tables:
    """The rows that name the tenant, in their key or in a column."""
    return {
        table: {key: cells for key, cells in rows.items() if tenant in f"{key} {cells}"}
        for table, rows in tables.items()
    }


def test_figures_are_those_of_what_was_sent(counts: dict[str, int], stats: dict[str, object]) -> None:
    assert stats["total_writes"] == stats["successful_writes"] == counts["requests"]
    assert stats["filtered_by_reason"] == {"tenant": counts["tenant"], "table": counts["table"]}
    assert stats["filtered_writes"] == counts["tenant"] + counts["table"]
    assert stats["mirrored_writes"] == counts["copied"]
    assert (stats["failed_writes"], stats["failed_copies"], stats["dropped_writes"]) == (0, 0, 0)
    assert (stats["unclassified_statements"], stats["protocol_errors"]) == (0, 0)
    # Not figures of nothing.
    assert counts["tenant"] > 50
    assert counts["table"] > 10
    assert counts["copied"] > 50
    assert counts["kept"] > 50


def test_nothing_that_is_held_back_is_on_the_shadow(
    counts: dict[str, int], primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    on_primary = contents(primary, TENANTS, root=root)
    on_shadow = contents(shadow, TENANTS, root=root)
    assert on_primary.keys() - on_shadow.keys() == {f"{TENANTS}.migrations"}
    assert len(on_primary[f"{TENANTS}.migrations"]) == 10
    assert not any(only(on_shadow, HELD).values())
    held = {table.partition(".")[2]: len(rows) for table, rows in only(on_primary, HELD).items()}
    # Of orders: 20 inserted and 2 of them deleted, 11 more one by one, 10 in batches.
    assert held == {"orders": 39, "people": 2, "seats": 1, "hits": 1, "migrations": 0, "old_migrations": 0}


def test_what_is_not_held_back_is_the_same_to_the_microsecond(
    counts: dict[str, int], primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    on_primary = only(contents(primary, TENANTS, root=root), FREE)
    on_shadow = contents(shadow, TENANTS, root=root)
    tables = [f"{TENANTS}.{table}" for table in ("orders", "people", "seats", "hits")]
    left, right = ({table: side[table] for table in tables} for side in (on_primary, on_shadow))
    assert differences(left, right, by_value=tables[2:]) == []
    orders = on_primary[f"{TENANTS}.orders"]
    assert len(orders) > 30
    assert expiring(orders) == 2


@pytest.mark.parametrize(("tenant", "copied"), [(HELD, 0), (FREE, 1)], ids=["held", "free"])
def test_a_tenant_is_found_among_values_with_names(
    tenant: str,
    copied: int,
    counts: dict[str, int],
    proxy: ProxyProcess,
    primary: CassandraNode,
    shadow: CassandraNode,
    root: Path,
) -> None:
    """The protocol lets a QUERY bind values by name, in any order; cassandra-driver does not."""
    before = {name: proxy.count(name) for name in ("filtered_writes", "mirrored_writes")}
    parameters = QueryParameters(
        values=(b"by name", (9_000).to_bytes(4, "big"), bytes.fromhex(tenant.replace("-", ""))),
        names=("v", "id", "tenant"),
    )
    text = f"INSERT INTO {TENANTS}.orders (system_domain_id, id, v) VALUES (:tenant, :id, :v)"
    with RawClient(proxy) as client:
        client.start()
        client.request(Query(text, parameters))
        client.expect(Opcode.RESULT, stream=1)
    proxy.wait_copied()
    assert proxy.count("filtered_writes") - before["filtered_writes"] == 1 - copied
    assert proxy.count("mirrored_writes") - before["mirrored_writes"] == copied
    found = []
    for node in (primary, shadow):
        rows = only(contents(node, TENANTS, root=root), tenant)[f"{TENANTS}.orders"]
        found.append({key: cells for key, cells in rows.items() if "9000" in key})
    assert len(found[0]) == 1
    assert found[1] == (found[0] if copied else {})


def test_rows_of_every_type_and_statement_are_the_same_to_the_microsecond(
    stats: dict[str, object], proxy: ProxyProcess, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    for programs in OTHERS:
        runs = [ProgramRun(program, proxy, f"copied_{program}", root=root) for program in programs]
        for run in runs:
            run.entries()
    proxy.wait_copied()
    after = proxy.stats()
    assert (after["failed_copies"], after["dropped_writes"]) == (0, 0)

    beginnings = [f"copied_{program}" for programs in OTHERS for program in programs]
    on_primary, on_shadow = contents_of_both(primary, shadow, *beginnings, root=root)
    assert len(on_primary) == 11
    assert all(on_primary.values())
    assert differences(on_primary, on_shadow, by_value=BY_VALUE) == []
    assert len(on_primary["copied_many_writes.t"]) == 5_500
    given = [cell[1] for row in on_primary["copied_statements.t"].values() for cell in row.values()]
    assert any(re.fullmatch(r"17000000000000\d\d", str(time)) for time in given)
