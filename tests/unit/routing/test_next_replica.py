"""A read whose node is lost, or has not run it, goes once to another node; a write if its node stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import pytest
import uvloop

from benchmarks.micro.in_process import InProcess, Setting, started
from benchmarks.micro.nodes import Node
from frame_codec import (
    PROTOCOL_V4,
    REQUEST_VERSIONS,
    RESPONSE_VERSIONS,
    Batch,
    BatchQuery,
    BatchType,
    ErrorCode,
    ErrorResponse,
    Execute,
    Frame,
    FrameDecoder,
    Opcode,
    PlainError,
    Prepare,
    Query,
    QueryParameters,
    ReadTimeout,
    Request,
    WriteTimeout,
    encode_frame,
)
from tests.unit.routing.traffic import INSERT, SELECT, id_of, prepared

KEY = bytes(7) + b"\x01"
READS: dict[str, Request] = {
    "EXECUTE": Execute(id_of(SELECT), QueryParameters(values=(KEY,))),
    "QUERY": Query("SELECT payload FROM bench.by_key WHERE key = 1", QueryParameters()),
}
INSERT_TEXT = "INSERT INTO bench.by_key (key, payload) VALUES (1, 0x00)"
WRITES: dict[str, Request] = {
    "EXECUTE": Execute(id_of(INSERT), QueryParameters(values=(KEY, b"x"))),
    "QUERY": Query(INSERT_TEXT, QueryParameters()),
}
NOT_RUN = (ErrorCode.OVERLOADED, ErrorCode.IS_BOOTSTRAPPING)
STOPS = PlainError("Server is shutting down", ErrorCode.OVERLOADED)
ROWS = b"rows"


class Bed:
    """A proxy, its client, and nodes that say what a test has them say."""

    def __init__(self, proxy: InProcess) -> None:
        self.proxy = proxy

    async def ask(self, request: Request) -> tuple[Node, int]:
        """Send it; the node that got it, and the stream there."""
        self.proxy.client.take()
        body = request.encode(PROTOCOL_V4)
        self.proxy.receive(encode_frame(PROTOCOL_V4, 0, 1, request.opcode, body))
        return await self.next_node()

    async def next_node(self) -> tuple[Node, int]:
        """The only node that has got a request since."""
        await turns()
        ((node, stream),) = self.sent()
        return node, stream

    def sent(self) -> list[tuple[Node, int]]:
        found = []
        for node in self.proxy.primary:
            for _, _, stream, _, _ in frames(node.transport.take(), REQUEST_VERSIONS):
                found.append((node, stream))
        return found

    def say(self, node: Node, stream: int, answer: bytes | ErrorCode | PlainError) -> None:
        """What a node answers: a RESULT, or an error without fields."""
        if isinstance(answer, ErrorCode):
            answer = PlainError("no", answer)
        if isinstance(answer, PlainError):
            opcode, body = Opcode.ERROR, answer.encode(PROTOCOL_V4)
        else:
            opcode, body = Opcode.RESULT, answer
        node.receive(encode_frame(0x84, 0, stream, opcode, body))

    async def answer(self) -> Frame:
        """What the client got, which must be one frame."""
        await turns()
        (frame,) = frames(self.proxy.client.take(), RESPONSE_VERSIONS)
        return frame

    async def error(self) -> ErrorResponse:
        frame = await self.answer()
        assert frame[3] == Opcode.ERROR
        return ErrorResponse.decode(frame[4], PROTOCOL_V4)


def frames(data: bytes, versions: frozenset[int]) -> list[Frame]:
    return FrameDecoder(max_body_length=1 << 20, versions=versions).feed(data)


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@asynccontextmanager
async def bed(nodes: int) -> AsyncIterator[Bed]:
    async with started(Setting("primary_only", "off", nodes=nodes)) as proxy:
        on = Bed(proxy)
        for text in (SELECT, INSERT):
            node, stream = await on.ask(Prepare(text))
            on.say(node, stream, prepared(text))
            await on.answer()
        yield on


def run(test: Callable[[Bed], Coroutine[object, object, None]], nodes: int = 3) -> None:
    async def main() -> None:
        async with bed(nodes) as on:
            await test(on)

    uvloop.run(main())


@pytest.mark.parametrize("how", READS)
@pytest.mark.parametrize("code", NOT_RUN)
def test_a_read_that_a_node_has_not_run_goes_to_another_one(how: str, code: ErrorCode) -> None:
    async def test(on: Bed) -> None:
        for _ in range(6):  # whoever's turn it is
            first, stream = await on.ask(READS[how])
            on.say(first, stream, code)
            second, stream = await on.next_node()
            assert second is not first
            on.say(second, stream, ROWS)
            assert (await on.answer())[3:] == (Opcode.RESULT, ROWS)
            assert on.sent() == []

    run(test)


@pytest.mark.parametrize("how", READS)
def test_it_does_so_once(how: str) -> None:
    async def test(on: Bed) -> None:
        node, stream = await on.ask(READS[how])
        on.say(node, stream, ErrorCode.OVERLOADED)
        node, stream = await on.next_node()
        on.say(node, stream, ErrorCode.IS_BOOTSTRAPPING)
        assert (await on.error()).code == ErrorCode.IS_BOOTSTRAPPING
        assert on.sent() == []

    run(test)


@pytest.mark.parametrize("how", READS)
def test_a_read_whose_node_is_lost_goes_to_another_one_once(how: str) -> None:
    async def test(on: Bed) -> None:
        first, _ = await on.ask(READS[how])
        first.close()
        await lost(first)
        second, _ = await on.next_node()
        assert second is not first
        second.close()
        await lost(second)
        assert isinstance(await on.error(), ReadTimeout)
        assert on.sent() == []

    run(test)


async def lost(node: Node) -> None:
    """The connection is closed over a thread of the driver's, or the loop's next turns."""
    for _ in range(1000):
        if not node._connection.alive:
            return
        await asyncio.sleep(0)
    raise AssertionError("the connection is still open")


@pytest.mark.parametrize("how", WRITES)
def test_a_write_goes_to_one_node_whatever_becomes_of_it(how: str) -> None:
    async def test(on: Bed) -> None:
        node, stream = await on.ask(WRITES[how])
        on.say(node, stream, ErrorCode.OVERLOADED)
        assert (await on.error()).code == ErrorCode.OVERLOADED
        node, _ = await on.ask(WRITES[how])
        node.close()
        await lost(node)
        assert isinstance(await on.error(), WriteTimeout)
        assert on.sent() == []

    run(test)


EVERY: dict[str, Request] = {
    **{f"read by {how}": request for how, request in READS.items()},
    **{f"write by {how}": request for how, request in WRITES.items()},
    "BATCH": Batch(BatchType.LOGGED, (BatchQuery(INSERT_TEXT),)),
    "PREPARE": Prepare(SELECT),
}


@pytest.mark.parametrize("how", EVERY)
def test_what_a_node_refuses_since_it_stops_goes_to_another_one(how: str) -> None:
    async def test(on: Bed) -> None:
        answer = prepared(SELECT) if how == "PREPARE" else ROWS
        for _ in range(6):  # whoever's turn it is
            stopping, stream = await on.ask(EVERY[how])
            on.say(stopping, stream, STOPS)
            other, stream = await on.next_node()
            assert other is not stopping
            on.say(other, stream, answer)
            assert (await on.answer())[3:] == (Opcode.RESULT, answer)
            assert on.sent() == []

    run(test)


@pytest.mark.parametrize("how", EVERY)
def test_where_all_nodes_stop_the_client_is_told(how: str) -> None:
    async def test(on: Bed) -> None:
        node, stream = await on.ask(EVERY[how])
        for _ in range(2):
            on.say(node, stream, STOPS)
            node, stream = await on.next_node()
        on.say(node, stream, STOPS)
        assert await on.error() == STOPS
        assert on.sent() == []

    run(test)


@pytest.mark.parametrize("how", READS)
def test_a_read_that_had_gone_elsewhere_before_is_not_refused_by_a_node_that_stops(how: str) -> None:
    async def test(on: Bed) -> None:
        first, _ = await on.ask(READS[how])
        first.close()
        await lost(first)
        stopping, stream = await on.next_node()
        on.say(stopping, stream, STOPS)
        third, stream = await on.next_node()
        assert third is not stopping
        on.say(third, stream, ROWS)
        assert (await on.answer())[3:] == (Opcode.RESULT, ROWS)

    run(test)


@pytest.mark.parametrize("how", EVERY)
def test_with_one_node_that_stops_the_client_is_told(how: str) -> None:
    async def test(on: Bed) -> None:
        node, stream = await on.ask(EVERY[how])
        on.say(node, stream, STOPS)
        assert await on.error() == STOPS
        assert on.sent() == []

    run(test, nodes=1)


@pytest.mark.parametrize("how", READS)
@pytest.mark.parametrize("code", [ErrorCode.SERVER_ERROR, ErrorCode.INVALID, ErrorCode.UNAUTHORIZED])
def test_any_other_error_is_the_clients(how: str, code: ErrorCode) -> None:
    async def test(on: Bed) -> None:
        node, stream = await on.ask(READS[how])
        on.say(node, stream, code)
        assert (await on.error()).code == code
        assert on.sent() == []

    run(test)


@pytest.mark.parametrize("how", READS)
def test_with_one_node_the_error_is_the_clients(how: str) -> None:
    async def test(on: Bed) -> None:
        node, stream = await on.ask(READS[how])
        on.say(node, stream, ErrorCode.OVERLOADED)
        assert (await on.error()).code == ErrorCode.OVERLOADED
        assert on.sent() == []

    run(test, nodes=1)
