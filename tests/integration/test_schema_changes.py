"""What is made, altered and dropped on a real node is known soon after, whatever is slow meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic

from cqlproxy.cluster.backend import Backend
from frame_codec import Opcode, Query, QueryParameters
from tests.nodes import CassandraNode
from tests.nodes.faults import LateAnswers
from tests.nodes.relay import Node, Relay

AT_ONCE = 6
"""Keyspaces made one after the other, each with its tables."""

SOON = 10.0
"""Seconds."""

REPLICATED_ONCE = "WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
TIME_TO_LIVE = 86_400


@asynccontextmanager
async def connected(node: Node) -> AsyncIterator[tuple[Backend, Callable[[str], Awaitable[None]]]]:
    """A backend of a node, and what sends it DDL."""
    backend = Backend(
        name="primary",
        contact_points=[node.address],
        port=node.port,
        local_datacenter=None,
        request_timeout=20.0,
    )
    await backend.connect()

    async def change(text: str) -> None:
        connection = backend.pick()
        assert connection is not None
        body = Query(text, QueryParameters()).encode(4)
        answer = await connection.ask(Opcode.QUERY, body, 20)
        assert answer.opcode == Opcode.RESULT, answer.body

    try:
        await until(lambda: backend.ready)
        yield backend, change
    finally:
        await backend.close()


async def until(holds: Callable[[], bool]) -> None:
    give_up_at = monotonic() + SOON
    while not holds():
        assert monotonic() < give_up_at, "the change is not known yet"
        await asyncio.sleep(0.02)


async def make(change: Callable[[str], Awaitable[None]], keyspace: str) -> None:
    for text in (
        f"CREATE KEYSPACE {keyspace} {REPLICATED_ONCE}",
        f"CREATE TYPE {keyspace}.place (street text)",
        f"CREATE TABLE {keyspace}.t (k int PRIMARY KEY, v int, p frozen<place>)"
        f" WITH default_time_to_live = {TIME_TO_LIVE}",
        f"CREATE MATERIALIZED VIEW {keyspace}.by_v AS SELECT k, v FROM {keyspace}.t"
        " WHERE v IS NOT NULL AND k IS NOT NULL PRIMARY KEY (v, k)",
    ):
        await change(text)


def is_known(backend: Backend, keyspace: str) -> bool:
    """All that ``make`` makes, the time to live of its table included."""
    shapes = [backend.table(keyspace, name) for name in ("t", "by_v")]
    return (
        None not in shapes
        and "place" in backend.schema.keyspaces[keyspace].user_types
        and backend.default_ttl(keyspace, "t") == TIME_TO_LIVE
    )


def test_what_is_made_at_once_with_its_keyspace_is_known(primary: CassandraNode) -> None:
    async def all_of_it() -> None:
        async with connected(primary) as (backend, change):
            names = [f"at_once_{number}" for number in range(AT_ONCE)]
            for name in names:
                await make(change, name)
            await until(lambda: all(is_known(backend, name) for name in names))
            await change(f"ALTER TABLE {names[0]}.t ADD w int")
            await change(f"ALTER TABLE {names[0]}.t ADD x int")
            await change(f"DROP MATERIALIZED VIEW {names[0]}.by_v")
            await change(f"DROP KEYSPACE {names[1]}")
            await until(lambda: names[1] not in backend.schema.keyspaces)
            shape = backend.table(names[0], "t")
            assert shape is not None
            assert {"w", "x"} <= shape.columns
            assert backend.table(names[0], "by_v") is None
            for name in (names[0], *names[2:]):
                await change(f"DROP KEYSPACE {name}")

    asyncio.run(all_of_it())


def test_a_table_is_known_though_its_new_keyspace_is_read_slowly(primary: CassandraNode) -> None:
    async def all_of_it() -> None:
        with Relay(primary) as relay:
            async with connected(relay) as (backend, change):
                # The driver would read the table meanwhile, on another thread, and forget it.
                relay.suffer(LateAnswers(b"system_schema.keyspaces WHERE keyspace_name", 1.0))
                await make(change, "read_slowly")
                await until(lambda: is_known(backend, "read_slowly"))
                await change("DROP KEYSPACE read_slowly")

    asyncio.run(all_of_it())
