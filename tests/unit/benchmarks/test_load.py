"""The load generator against a scripted node: answers are counted once, errors are seen, ends are clean."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from benchmarks.client import connect
from benchmarks.errors import BenchmarkError
from benchmarks.workload import workload
from frame_codec import (
    HEADER,
    HEADER_LENGTH,
    PROTOCOL_V4,
    RESPONSE_BIT,
    ErrorCode,
    Opcode,
    Void,
    encode_frame,
    error_body,
)

_WINDOW = 5
_FAILS = b"fails"
_BODIES = (b"first", b"other", _FAILS)


class _Node:
    """Answers STARTUP, and each EXECUTE of `_FAILS` with OVERLOADED, the others with Void, in tiny pieces."""

    def __init__(self, *, ends_after: int | None = None) -> None:
        self.executed: Counter[bytes] = Counter()
        self.streams: set[int] = set()
        self.enough = asyncio.Event()
        self._ends_after = ends_after

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            yield server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                _, _, stream, opcode, length = HEADER.unpack(await reader.readexactly(HEADER_LENGTH))
                answer = self._answer(stream, opcode, await reader.readexactly(length))
                for at in range(0, len(answer), 3):
                    writer.write(answer[at : at + 3])
                    await writer.drain()
                    await asyncio.sleep(0)  # so that the other side reads in between
                if self._ends_after is not None and self.executed.total() >= self._ends_after:
                    return
        except (asyncio.IncompleteReadError, ConnectionResetError):
            return
        finally:
            self.enough.set()
            writer.close()

    def _answer(self, stream: int, opcode: int, body: bytes) -> bytes:
        version = PROTOCOL_V4 | RESPONSE_BIT
        if opcode == Opcode.STARTUP:
            return encode_frame(version, 0, stream, Opcode.READY, b"")
        self.executed[body] += 1
        self.streams.add(stream)
        if self.executed.total() >= 30:
            self.enough.set()
        if body == _FAILS:
            failure = error_body(ErrorCode.OVERLOADED, "too much")
            return encode_frame(version, 0, stream, Opcode.ERROR, failure)
        return encode_frame(version, 0, stream, Opcode.RESULT, Void().encode(PROTOCOL_V4))


async def _run(node: _Node) -> tuple[int, int, str]:
    """Answers and errors that a client counted until it had been drained, and its first error."""
    async with asyncio.timeout(20), node.listening() as port:
        client = await connect("127.0.0.1", port)
        client.run(workload("insert"), _BODIES, _WINDOW)
        await node.enough.wait()
        client.drain()
        await client.drained()
        return len(client.latencies), client.errors, client.first_error


def test_every_answer_is_counted_once_and_errors_are_told_apart() -> None:
    async def scenario() -> None:
        node = _Node()
        answers, errors, first_error = await _run(node)
        assert answers == node.executed.total()
        assert errors == node.executed[_FAILS] > 0
        assert first_error == "0x1001 too much"
        assert set(node.executed) == set(_BODIES)
        assert max(node.executed.values()) - min(node.executed.values()) <= 1
        assert node.streams == set(range(_WINDOW))

    asyncio.run(scenario())


def test_a_connection_that_is_lost_under_load_is_no_measurement() -> None:
    async def scenario() -> None:
        with pytest.raises(BenchmarkError, match="lost, or its answers stopped"):
            await _run(_Node(ends_after=7))

    asyncio.run(scenario())


def test_nobody_listens() -> None:
    async def scenario() -> None:
        async with _Node().listening() as port:
            pass
        with pytest.raises(BenchmarkError, match=f"cannot connect to 127.0.0.1, port {port}"):
            await connect("127.0.0.1", port)

    asyncio.run(scenario())
