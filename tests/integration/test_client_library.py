"""Rows written by `cqlproxy.client`, as the driver reads them from both clusters."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, time
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from uuid import UUID

import pytest

from cqlproxy.client import MigrationProxyClient, RefusedError
from cqlproxy.client.json_values import Value
from tests.integration.comparison import contents_of_both, differences
from tests.integration.conftest import StartProxy
from tests.integration.dead_letters import wait_settled
from tests.nodes import CassandraNode, DriverProgram
from tests.nodes.addresses import ADMIN_PORT

_PROGRAM = Path(__file__).parent / "programs" / "typed_table.py"
KEYSPACE = "client_library"
TABLE = "Typed"

ROW: dict[str, Value] = {
    "id": UUID(int=7),
    "Name": "a 'quoted' name",
    "big": 2**63 - 1,
    "huge": 2**100,
    "amount": Decimal("123456789.000000001"),
    "ratio": 0.1,
    "flag": True,
    "raw": b"\x00\xffab",
    "at": datetime(2026, 3, 4, 5, 6, 7, 890_000, tzinfo=UTC),
    "day": date(2024, 2, 29),
    "moment": time(12, 34, 56, 789),
    "peer": ip_address("2001:db8::1"),
    "tags": {"a", "b"},
    "steps": [1, 2, 2],
    "names": {1: "one", 2: "two"},
    "pair": (3, "three"),
    "nothing": None,
}
READ = {
    "Name": '''"a 'quoted' name"''',
    "big": str(2**63 - 1),
    "huge": str(2**100),
    "amount": "Decimal('123456789.000000001')",
    "ratio": "0.1",
    "flag": "True",
    "raw": repr(b"\x00\xffab"),
    "at": "datetime.datetime(2026, 3, 4, 5, 6, 7, 890000)",
    "day": "Date(19782)",
    "moment": "Time(45296000789000)",
    "peer": "'2001:db8::1'",
    "tags": "SortedSet(['a', 'b'])",
    "steps": "[1, 2, 2]",
    "names": "OrderedMapSerializedKey([(1, 'one'), (2, 'two')])",
    "pair": "(3, 'three')",
    "nothing": "None",
}


def test_what_is_written_by_it_is_read_by_the_driver_from_both(
    start_proxy: StartProxy, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    proxy = start_proxy()
    DriverProgram(_PROGRAM, proxy.address, proxy.port, KEYSPACE, TABLE, root=root).result(60)

    async def write() -> None:
        async with MigrationProxyClient(f"http://{proxy.address}:{ADMIN_PORT}") as client:
            done = await client.insert(KEYSPACE, TABLE, ROW, consistency="ONE", request_id="first")
            assert done.success, done
            # Asked for again, it is not written again.
            again = await client.insert(KEYSPACE, TABLE, ROW, consistency="ONE", request_id="first")
            assert (again.success, again.write_timestamp) == (True, done.write_timestamp)
            other = {**ROW, "id": UUID(int=8)}
            assert (await client.insert(KEYSPACE, TABLE, other, consistency="ONE")).success
            key: dict[str, Value] = {"id": UUID(int=8)}
            changed = await client.update(
                KEYSPACE, TABLE, {"Name": "changed", "tags": None}, key, consistency="ONE"
            )
            assert changed.success
            gone: dict[str, Value] = {"id": UUID(int=9)}
            assert (await client.insert(KEYSPACE, TABLE, {**ROW, **gone}, consistency="ONE")).success
            assert (await client.delete(KEYSPACE, TABLE, gone, consistency="ONE")).success
            unmet = await client.insert(KEYSPACE, TABLE, ROW, if_not_exists=True, consistency="ONE")
            assert unmet.error is not None
            assert unmet.error.name == "NOT_APPLIED"
            with pytest.raises(RefusedError) as refusal:
                await client.insert(KEYSPACE, TABLE, {"id": "no uuid"})
            assert refusal.value.field is not None
            assert refusal.value.field.startswith("values")
            assert (await client.stats()).successful_writes >= 5

    asyncio.run(write())
    wait_settled(proxy)
    on_primary, on_shadow = contents_of_both(primary, shadow, KEYSPACE, root=root)
    assert differences(on_primary, on_shadow) == []
    rows = on_primary[f"{KEYSPACE}.{TABLE}"]
    assert sorted(rows) == [f"[UUID('{UUID(int=number)}')]" for number in (7, 8)]
    first, second = (rows[key] for key in sorted(rows))
    assert {name: cell[0] for name, cell in first.items()} == READ
    assert (second["Name"][0], second["tags"][0]) == ("'changed'", "None")
