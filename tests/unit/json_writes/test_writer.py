"""The writer before a whole proxy whose nodes are driven by hand: once, again, held up, refused, stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from benchmarks.micro.in_process import InProcess, Setting, started
from benchmarks.micro.requests import INSERT, KEYSPACE
from cqlproxy.json_writes.request import JsonWrite, NotServingError, RepeatedError, Written
from cqlproxy.json_writes.unfit import UnfitError
from cqlproxy.json_writes.writer import JsonWriter
from frame_codec import (
    PROTOCOL_V4,
    RESPONSE_BIT,
    ConsistencyLevel,
    ErrorCode,
    ErrorResponse,
    Execute,
    FrameDecoder,
    Opcode,
    PlainError,
    Query,
    WriteTimeout,
    encode_frame,
)

RESPONSE = PROTOCOL_V4 | RESPONSE_BIT
WRITE = JsonWrite(KEYSPACE, "by_key", INSERT, [7, "AAE="], ConsistencyLevel.QUORUM, None, None)
TEXT = WRITE._replace(query=f"INSERT INTO {KEYSPACE}.by_key (key) VALUES (7)", values=[])
COUNTER = WRITE._replace(query=f"UPDATE {KEYSPACE}.by_key SET n = n + 1 WHERE key = 7", values=[])
TIMEOUT = WriteTimeout("no answer", ConsistencyLevel.QUORUM, 0, 1, "SIMPLE")
UNAVAILABLE = PlainError("try later", ErrorCode.OVERLOADED)


class World:
    """A writer, and the primary behind it: what was sent there, and what it answers to further writes."""

    def __init__(self, inside: InProcess) -> None:
        self.inside = inside
        self.proxy = inside.proxy
        self.writer: JsonWriter = inside.proxy.writes
        self.writer.serving = True
        self.errors: list[ErrorResponse] = []
        """The answers to the next writes; when there are none, they are applied."""
        self.sent: list[tuple[int, bytes]] = []
        self._decoder = FrameDecoder(max_body_length=1 << 20, versions=frozenset({PROTOCOL_V4}))

    def answer(self) -> None:
        """Answer what was sent to the nodes."""
        shadow = self.inside.shadow
        if answers := shadow.answers():
            shadow.receive(answers)
        primary = self.inside.primary[0]
        for _, _, stream, opcode, body in self._decoder.feed(primary.transport.take()):
            self.sent.append((opcode, body))
            if opcode != Opcode.PREPARE and self.errors:
                error = self.errors.pop(0).encode(PROTOCOL_V4)
                primary.receive(encode_frame(RESPONSE, 0, stream, Opcode.ERROR, error))
            else:
                # Handed back, for the node to answer it as it answers everything.
                primary.transport.write(encode_frame(PROTOCOL_V4, 0, stream, opcode, body))
                primary.receive(primary.answers())

    async def answering(self, work: Awaitable[Written]) -> Written:
        """The result of ``work``, while the nodes answer."""
        task = asyncio.ensure_future(work)
        async with asyncio.timeout(10):
            while not task.done():
                self.answer()
                await asyncio.sleep(0)
        return task.result()

    async def write(self, wanted: JsonWrite) -> Written:
        return await self.answering(self.writer.write(wanted))

    def timestamps(self) -> list[int | None]:
        """Of all writes that were sent to the primary."""
        found: list[int | None] = []
        for opcode, body in self.sent:
            if opcode == Opcode.EXECUTE:
                found.append(Execute.decode(body, PROTOCOL_V4).parameters.timestamp)
            elif opcode == Opcode.QUERY:
                found.append(Query.decode(body, PROTOCOL_V4).parameters.timestamp)
        return found


def in_world(scenario: Callable[[World], Awaitable[None]]) -> None:
    async def main() -> None:
        async with started(Setting()) as inside:
            await scenario(World(inside))
            # A proxy that stops would wait for the copies.
            await inside.settle()

    asyncio.run(main())


def test_a_statement_is_prepared_once_and_then_executed() -> None:
    async def scenario(world: World) -> None:
        first, second = await world.write(WRITE), await world.write(WRITE._replace(values={"key": 8}))
        assert (first.success, second.success) == (True, True)
        assert [opcode for opcode, _ in world.sent] == [Opcode.PREPARE, Opcode.EXECUTE, Opcode.EXECUTE]
        sent = Execute.decode(world.sent[1][1], PROTOCOL_V4).parameters
        assert sent.values == ((7).to_bytes(8, "big"), b"\0\1")
        assert (sent.consistency, sent.timestamp) == (ConsistencyLevel.QUORUM, first.write_timestamp)
        assert first.request_id != second.request_id
        assert world.proxy.metrics.writes_ok == 2
        await world.inside.settle()
        assert world.proxy.metrics.mirrored == 2

    in_world(scenario)


def test_one_without_markers_is_sent_as_it_is() -> None:
    async def scenario(world: World) -> None:
        written = await world.write(TEXT._replace(timestamp=5))
        assert (written.success, written.write_timestamp) == (True, 5)
        assert [opcode for opcode, _ in world.sent] == [Opcode.QUERY]
        with pytest.raises(UnfitError, match="must be 0, as many as the query has markers, not 1"):
            await world.write(TEXT._replace(values=[1]))

    in_world(scenario)


def test_an_id_that_is_forgotten_is_prepared_again() -> None:
    async def scenario(world: World) -> None:
        await world.write(WRITE)
        prepared = world.proxy._routes.main.prepared
        prepared._by_id.clear()
        prepared._by_start.clear()
        assert (await world.write(WRITE)).success
        kinds = [opcode for opcode, _ in world.sent]
        assert kinds == [Opcode.PREPARE, Opcode.EXECUTE] * 2

    in_world(scenario)


def test_what_succeeded_is_told_again_and_not_done_again() -> None:
    async def scenario(world: World) -> None:
        wanted = WRITE._replace(request_id="a")
        first = await world.write(wanted)
        assert await world.write(wanted) == first
        assert await world.write(wanted._replace(timestamp=first.write_timestamp)) == first
        assert len(world.timestamps()) == 1
        for other in (wanted._replace(values=[8, None]), wanted._replace(timestamp=1)):
            with pytest.raises(RepeatedError, match="'a' was the id of another write"):
                await world.write(other)
        assert (await world.write(wanted._replace(request_id="b"))).success
        assert len(world.timestamps()) == 2

    in_world(scenario)


def test_two_at_once_are_one() -> None:
    async def scenario(world: World) -> None:
        wanted = WRITE._replace(request_id="a")
        second = asyncio.ensure_future(world.writer.write(wanted))
        first = await world.write(wanted)
        assert await second == first
        assert len(world.timestamps()) == 1

    in_world(scenario)


@pytest.mark.parametrize("error", [TIMEOUT, UNAVAILABLE])
def test_what_failed_is_tried_again_with_its_write_time(error: ErrorResponse) -> None:
    async def scenario(world: World) -> None:
        world.errors.append(error)
        wanted = WRITE._replace(request_id="a")
        first = await world.write(wanted)
        assert (first.success, first.error is not None) == (False, True)
        assert first.error is not None
        assert (first.error.code, first.error.message) == (error.code, error.message)
        assert first.error.may_be_applied == (error is TIMEOUT)
        again = await world.write(wanted)
        assert (again.success, again.write_timestamp) == (True, first.write_timestamp)
        assert world.timestamps() == [first.write_timestamp] * 2

    in_world(scenario)


def test_what_must_not_be_done_twice_is_not_when_nobody_knows_whether_it_was() -> None:
    async def scenario(world: World) -> None:
        wanted = COUNTER._replace(request_id="a")
        world.errors += [UNAVAILABLE, TIMEOUT]
        answers = [await world.write(wanted) for _ in range(4)]
        assert [one.error is not None and one.error.name for one in answers] == [
            "OVERLOADED",
            *["WRITE_TIMEOUT"] * 3,
        ]
        assert len(world.timestamps()) == 2

    in_world(scenario)


def test_one_that_did_not_fit_is_not_remembered() -> None:
    async def scenario(world: World) -> None:
        wanted = WRITE._replace(request_id="a")
        with pytest.raises(UnfitError):
            await world.write(wanted._replace(values=["x", None]))
        assert (await world.write(wanted)).success

    in_world(scenario)


def test_writes_stand_still_while_the_mode_is_switched() -> None:
    async def scenario(world: World) -> None:
        listener = world.proxy._listener
        listener.stand_still()
        held = asyncio.ensure_future(world.writer.write(WRITE))
        await asyncio.sleep(0.05)
        world.answer()
        assert world.sent == []
        listener.go_on()
        assert (await world.answering(held)).success

    in_world(scenario)


def test_too_many_requests_are_refused_as_those_of_clients_are() -> None:
    async def scenario(world: World) -> None:
        load = world.proxy._listener.load
        load.requests += load.limit
        refused = await world.write(WRITE)
        load.requests -= load.limit
        assert refused.error is not None
        assert (refused.error.name, refused.error.may_be_applied) == ("OVERLOADED", False)
        assert world.sent == []
        assert world.proxy.metrics.requests_refused == {"max_requests": 1}
        assert load.requests == 0

    in_world(scenario)


def test_a_proxy_that_stops_ends_what_is_under_way_and_takes_no_more() -> None:
    async def scenario(world: World) -> None:
        under_way = asyncio.ensure_future(world.writer.write(WRITE))
        await asyncio.sleep(0)
        stopped = asyncio.ensure_future(world.writer.stop(10))
        await asyncio.sleep(0.02)
        assert not stopped.done()
        assert (await world.answering(under_way)).success
        async with asyncio.timeout(5):
            await stopped
        with pytest.raises(NotServingError):
            await world.writer.write(WRITE)

    in_world(scenario)


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (WRITE._replace(query="SELECT * FROM t"), "query"),
        (WRITE._replace(query="INSERT INTO t (k) VALUES ('\ud800')"), "query"),
        (WRITE._replace(table="other"), "table"),
        (WRITE._replace(query=INSERT + " USING TIMESTAMP 5", timestamp=6), "timestamp"),
    ],
)
def test_what_cannot_be_sent_is_refused_before_it_is(wanted: JsonWrite, field: str) -> None:
    async def scenario(world: World) -> None:
        with pytest.raises(UnfitError) as refused:
            await world.write(wanted)
        assert refused.value.field == field
        assert world.sent == []

    in_world(scenario)
