"""One connection against a scripted node: whose answer is whose, what is late, what is lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cqlproxy.cluster.driver import DRIVER_STREAMS, LAST_STREAM, RawConnection, connection_class
from cqlproxy.cluster.heartbeat import BUSY_SECONDS, IDLE_SECONDS
from cqlproxy.cluster.request import Failure, NoAnswerError, Request
from frame_codec import Opcode
from tests.unit.cluster.scripted_node import Owner, Script, ScriptedNode, echo


class Probe(Request):
    """A request that keeps what it is told."""

    def __init__(self) -> None:
        self.told: asyncio.Future[bytes | Failure] = asyncio.get_running_loop().create_future()

    def answered(self, flags: int, opcode: int, body: bytes) -> None:
        self.told.set_result(body)

    def failed(self, failure: Failure) -> None:
        self.told.set_result(failure)


@asynccontextmanager
async def connected(script: Script) -> AsyncIterator[tuple[RawConnection, Owner]]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: ScriptedNode(script), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    owner = Owner()
    made = connection_class(loop, owner)
    connection = await loop.run_in_executor(
        None, lambda: made.factory(_endpoint(host, port), 5, protocol_version=4, compression=False)
    )
    try:
        async with asyncio.timeout(10):
            assert await owner.ready is connection
            yield connection, owner
    finally:
        connection.close()
        server.close()


def _endpoint(host: str, port: int) -> object:
    from cassandra.connection import DefaultEndPoint

    return DefaultEndPoint(host, port)


def send(connection: RawConnection, body: bytes = b"", timeout: float = 5) -> Probe:
    probe = Probe()
    now = asyncio.get_running_loop().time()
    assert connection.send(probe, 0, Opcode.QUERY, body, now + timeout)
    return probe


def silence(node: ScriptedNode, stream: int, opcode: int, body: bytes) -> None:
    pass


def test_the_owner_learns_of_the_connection_and_of_the_options() -> None:
    async def main() -> None:
        async with connected(echo) as (connection, owner):
            assert connection.alive
            assert owner.supported["CQL_VERSION"] == ["3.4.7"]
            assert owner.supported["SCYLLA_X"] == ["1"]

    asyncio.run(main())


def test_the_driver_asks_its_control_connection_alone_whether_it_is_alive() -> None:
    async def main() -> None:
        async with connected(echo) as (connection, _):
            connection.reset_idle()
            asks = [connection.is_idle]  # it is looked after elsewhere
            connection.is_control_connection = True
            asks.append(connection.is_idle)
            await send(connection).told
            asks.append(connection.is_idle)
            connection.reset_idle()
            asks.append(connection.is_idle)
            assert asks == [False, True, False, True]

    asyncio.run(main())


def test_a_heartbeat_is_answered_on_a_stream_of_its_own_when_all_others_are_in_use() -> None:
    async def main() -> None:
        async with connected(silence) as (connection, _):
            while connection.send(Probe(), 0, Opcode.QUERY, b"", asyncio.get_running_loop().time() + 60):
                pass
            heard_at = connection.read_at
            assert not connection.look_after(heard_at + BUSY_SECONDS, IDLE_SECONDS)
            async with asyncio.timeout(10):
                while connection.read_at == heard_at:
                    await asyncio.sleep(0.001)
            assert connection.alive
            assert not connection.silent

    asyncio.run(main())


def test_answers_out_of_order_reach_their_own_requests() -> None:
    waiting: list[tuple[int, bytes]] = []

    def reverse(node: ScriptedNode, stream: int, opcode: int, body: bytes) -> None:
        waiting.append((stream, body))
        if len(waiting) == 50:
            for held_stream, held_body in reversed(waiting):
                node.answer(held_stream, Opcode.RESULT, held_body)

    async def main() -> None:
        async with connected(reverse) as (connection, _):
            probes = [send(connection, str(number).encode()) for number in range(50)]
            assert [await probe.told for probe in probes] == [str(number).encode() for number in range(50)]
            assert connection.pending == 0

    asyncio.run(main())


def test_the_proxys_stream_ids_are_never_the_drivers() -> None:
    seen: list[int] = []

    def note(node: ScriptedNode, stream: int, opcode: int, body: bytes) -> None:
        seen.append(stream)
        echo(node, stream, opcode, body)

    async def main() -> None:
        async with connected(note) as (connection, _):
            for probe in [send(connection) for _ in range(2000)]:
                await probe.told
        assert min(seen) == DRIVER_STREAMS
        assert max(seen) <= LAST_STREAM

    asyncio.run(main())


def test_a_late_answer_goes_to_nobody_and_frees_its_stream_id() -> None:
    held: list[tuple[ScriptedNode, int]] = []

    def first_is_late(node: ScriptedNode, stream: int, opcode: int, body: bytes) -> None:
        if body == b"late":
            held.append((node, stream))
        else:
            echo(node, stream, opcode, body)

    async def main() -> None:
        async with connected(first_is_late) as (connection, _):
            late = send(connection, b"late", timeout=0.01)
            await send(connection, b"on time").told
            assert connection.expire(asyncio.get_running_loop().time() + 1) == 1
            assert await late.told is Failure.TIMEOUT
            node, stream = held[0]
            streams_in_use: list[int] = []
            # Until the answer comes the stream id stays out of use ...
            for _ in range(3):
                probe = send(connection, b"other")
                streams_in_use.extend(connection._pending)
                await probe.told
            assert stream not in streams_in_use
            # ... and afterwards it is used again.
            node.answer(stream, Opcode.RESULT, b"too late")
            await send(connection, b"a round trip").told
            probes = [send(connection, b"again") for _ in range(2)]
            assert stream in connection._pending
            assert [await probe.told for probe in probes] == [b"again", b"again"]

    asyncio.run(main())


def test_more_requests_than_stream_ids_are_refused_at_once() -> None:
    async def main() -> None:
        async with connected(silence) as (connection, _):
            room = LAST_STREAM + 1 - DRIVER_STREAMS
            for _ in range(room):
                send(connection)
            now = asyncio.get_running_loop().time()
            assert not connection.send(Probe(), 0, Opcode.QUERY, b"", now + 5)
            assert connection.pending == room

    asyncio.run(main())


def test_a_lost_connection_fails_what_is_under_way_and_takes_nothing_more() -> None:
    def hang_up(node: ScriptedNode, stream: int, opcode: int, body: bytes) -> None:
        if body == b"last":
            node.transport.abort()

    async def main() -> None:
        async with connected(hang_up) as (connection, owner):
            probes = [send(connection, body) for body in (b"one", b"two", b"last")]
            assert {await probe.told for probe in probes} == {Failure.CONNECTION_LOST}
            assert owner.closed == [connection]
            assert not connection.send(Probe(), 0, Opcode.QUERY, b"", 0)
            with pytest.raises(NoAnswerError, match="closed or full"):
                await connection.ask(Opcode.QUERY, b"", 1)

    asyncio.run(main())


def test_an_answer_on_a_stream_that_nobody_uses_ends_the_connection() -> None:
    def confused(node: ScriptedNode, stream: int, opcode: int, body: bytes) -> None:
        node.answer(stream + 5, Opcode.RESULT, b"")

    async def main() -> None:
        async with connected(confused) as (connection, _):
            assert await send(connection).told is Failure.CONNECTION_LOST

    asyncio.run(main())


def test_events_reach_the_owner() -> None:
    def event_first(node: ScriptedNode, stream: int, opcode: int, body: bytes) -> None:
        node.answer(-1, Opcode.EVENT, b"\x00\x0dSTATUS_CHANGE")
        echo(node, stream, opcode, body)

    async def main() -> None:
        async with connected(event_first) as (connection, owner):
            await send(connection).told
            assert owner.events == [b"\x00\x0dSTATUS_CHANGE"]

    asyncio.run(main())
