"""What a node tells of its schema is read one by one, in order, until it has been read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from cassandra import DriverException

from cqlproxy.cluster import schema_changes
from cqlproxy.cluster.schema_changes import Changed, SchemaChanges, read_again
from cqlproxy.supervision import Supervisor
from frame_codec import SchemaChange

KEYSPACE = Changed("KEYSPACE", "shop", None)
TABLE = Changed("TABLE", "shop", "orders")
VIEW = Changed("TABLE", "shop", "orders_by_day")
TYPE = Changed("TYPE", "shop", "address")


def told(changed: Changed, change: str = "CREATED") -> SchemaChange:
    return SchemaChange(change, changed.target, changed.keyspace, changed.name)


class Cluster:
    """Reads what it is asked to when the test lets it, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[tuple[Changed, asyncio.Future[None]]] = asyncio.Queue()
        self.under_way = 0
        self.keyspaces_read: list[str] = []

    async def read(self, changed: Changed) -> None:
        answer = asyncio.get_running_loop().create_future()
        self.under_way += 1
        assert self.under_way == 1, "two things are being read at the same time"
        self.asked.put_nowait((changed, answer))
        try:
            await answer
        finally:
            self.under_way -= 1

    async def next(self) -> tuple[Changed, asyncio.Future[None]]:
        async with asyncio.timeout(10):
            return await self.asked.get()

    async def reads(self, *expected: Changed) -> None:
        """It is asked for these, one after the other, and reads them."""
        for changed in expected:
            asked, answer = await self.next()
            assert asked == changed
            answer.set_result(None)

    async def reads_nothing_more(self) -> None:
        # One round for whoever was told of the last answer, and some more.
        for _ in range(5):
            await asyncio.sleep(0)
        assert self.asked.empty()
        assert not self.under_way


@asynccontextmanager
async def bed() -> AsyncIterator[tuple[Cluster, Callable[..., None]]]:
    cluster, supervisor = Cluster(), Supervisor()
    changes = SchemaChanges("shadow", cluster.read, cluster.keyspaces_read.append, supervisor)

    def tell(*changed: Changed, change: str = "CREATED") -> None:
        for one in changed:
            changes.note(told(one, change))

    try:
        yield cluster, tell
    finally:
        await supervisor.stop()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema_changes, "WINDOW_SECONDS", 0.0)
    monkeypatch.setattr(schema_changes, "FIRST_PAUSE", 0.0)


async def _a_keyspace_and_what_is_in_it() -> None:
    async with bed() as (cluster, tell):
        tell(KEYSPACE, TYPE, TABLE, VIEW)
        # However long the keyspace takes, its table is not read before.
        asked, answer = await cluster.next()
        assert asked == KEYSPACE
        await cluster_is_only_asked_that(cluster)
        assert cluster.keyspaces_read == []
        answer.set_result(None)
        await cluster.reads(TYPE, TABLE, VIEW)
        assert cluster.keyspaces_read == ["shop"]
        await cluster.reads_nothing_more()


async def cluster_is_only_asked_that(cluster: Cluster) -> None:
    for _ in range(5):
        await asyncio.sleep(0)
    assert cluster.asked.empty()


async def _the_same_told_often() -> None:
    async with bed() as (cluster, tell):
        tell(KEYSPACE, TABLE)
        tell(KEYSPACE, TABLE, change="UPDATED")
        tell(TABLE, change="DROPPED")
        # Made anew while it still waits: what it stands in keeps its place before it.
        tell(KEYSPACE, TABLE, VIEW)
        await cluster.reads(KEYSPACE, TABLE, VIEW)
        await cluster.reads_nothing_more()
        tell(TABLE)
        await cluster.reads(TABLE)
        await cluster.reads_nothing_more()


async def _a_change_while_it_is_read() -> None:
    async with bed() as (cluster, tell):
        tell(TABLE)
        asked, answer = await cluster.next()
        tell(VIEW, TABLE)
        answer.set_result(None)
        assert asked == TABLE
        await cluster.reads(VIEW, TABLE)
        await cluster.reads_nothing_more()


async def _what_cannot_be_read() -> None:
    async with bed() as (cluster, tell):
        tell(KEYSPACE, TABLE)
        for _ in range(schema_changes.ATTEMPTS - 1):
            asked, answer = await cluster.next()
            assert asked == KEYSPACE
            answer.set_exception(DriverException("no agreement"))
        await cluster.reads(KEYSPACE, TABLE)
        assert cluster.keyspaces_read == ["shop"]


async def _what_can_never_be_read() -> None:
    async with bed() as (cluster, tell):
        tell(TYPE, TABLE)
        for _ in range(schema_changes.ATTEMPTS):
            asked, answer = await cluster.next()
            assert asked == TYPE
            answer.set_exception(DriverException("no agreement"))
        await cluster.reads(TABLE)
        await cluster.reads_nothing_more()


async def _what_nobody_looks_at() -> None:
    async with bed() as (cluster, tell):
        for target in ("FUNCTION", "AGGREGATE"):
            tell(Changed(target, "shop", "total"))
        tell(TABLE)
        await cluster.reads(TABLE)


def test_a_table_is_read_after_its_keyspace_and_a_view_after_its_table() -> None:
    asyncio.run(_a_keyspace_and_what_is_in_it())


def test_what_waits_is_read_once_and_keeps_its_place() -> None:
    asyncio.run(_the_same_told_often())


def test_what_changes_while_it_is_read_is_read_once_more() -> None:
    asyncio.run(_a_change_while_it_is_read())


def test_what_cannot_be_read_is_tried_again_before_what_came_after_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asyncio.run(_what_cannot_be_read())
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert vars(record)["changed"] == "keyspace shop"


def test_what_can_never_be_read_is_told_and_holds_up_nothing(caplog: pytest.LogCaptureFixture) -> None:
    asyncio.run(_what_can_never_be_read())
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]
    assert vars(caplog.records[-1])["changed"] == "type shop.address"


def test_functions_are_not_read() -> None:
    asyncio.run(_what_nobody_looks_at())


@pytest.mark.parametrize(
    ("changed", "asked"),
    [
        (KEYSPACE, ("refresh_keyspace_metadata", "shop")),
        (TABLE, ("refresh_table_metadata", "shop", "orders")),
        (TYPE, ("refresh_user_type_metadata", "shop", "address")),
    ],
)
def test_the_driver_is_asked_by_name(changed: Changed, asked: tuple[str, ...]) -> None:
    calls: list[tuple[str, ...]] = []

    def asks(name: str) -> Callable[..., None]:
        return lambda *arguments: calls.append((name, *arguments))

    cluster: Any = SimpleNamespace(
        **{
            name: asks(name)
            for name in (
                "refresh_keyspace_metadata",
                "refresh_table_metadata",
                "refresh_user_type_metadata",
            )
        }
    )
    read_again(cluster, changed)
    assert calls == [asked]
