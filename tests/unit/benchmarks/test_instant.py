"""An instant backend before a scripted node: what reaches the node, what is answered, what control does."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from benchmarks.client import LoadClient, connect
from benchmarks.errors import BenchmarkError
from benchmarks.instant.control import Counts, serve_control, tell
from benchmarks.instant.known_answers import KnownAnswers
from benchmarks.instant.relay import Behaviour, ClientEnd, Shared
from frame_codec import (
    HEADER,
    HEADER_LENGTH,
    PROTOCOL_V4,
    RESPONSE_BIT,
    BindMetadata,
    Execute,
    Opcode,
    Options,
    Prepare,
    Prepared,
    Query,
    QueryParameters,
    RowsMetadata,
    Supported,
    Void,
    encode_frame,
)

_ID = b"0123456789abcdef"
_INSERT = Prepare("INSERT INTO bench.t (key, v) VALUES (?, ?)")
_PREPARED = Prepared(_ID, BindMetadata(()), RowsMetadata((), 0)).encode(PROTOCOL_V4)
_VOID = Void().encode(PROTOCOL_V4)
_ANSWERS = {
    Opcode.STARTUP: (Opcode.READY, b""),
    Opcode.OPTIONS: (Opcode.SUPPORTED, Supported({}).encode(PROTOCOL_V4)),
    Opcode.PREPARE: (Opcode.RESULT, _PREPARED),
    Opcode.EXECUTE: (Opcode.RESULT, _VOID),
    Opcode.QUERY: (Opcode.RESULT, _VOID),
}


def _execute(key: int) -> Execute:
    return Execute(_ID, QueryParameters(values=(key.to_bytes(8, "big"), bytes(100))))


class _Bed:
    """A backend, the node behind it, and a port to connect to."""

    def __init__(self, control: Path) -> None:
        self.seen: Counter[int] = Counter()
        """Requests that the node had, by opcode."""
        self.shared = Shared(KnownAnswers("bench"))
        self.control = control
        self.port = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[_Bed]:
        node = await asyncio.start_server(self._node, "127.0.0.1", 0)
        address = node.sockets[0].getsockname()[:2]
        loop = asyncio.get_running_loop()
        backend = await loop.create_server(lambda: ClientEnd(self.shared, address), "127.0.0.1", 0)
        control = await serve_control(self.shared, self.control)
        async with node, backend, control:
            self.port = backend.sockets[0].getsockname()[1]
            yield self

    async def behave(self, behaviour: Behaviour | None = None) -> Counts:
        return await asyncio.to_thread(tell, self.control, behaviour)

    async def _node(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                _, _, stream, opcode, length = HEADER.unpack(await reader.readexactly(HEADER_LENGTH))
                await reader.readexactly(length)
                self.seen[opcode] += 1
                kind, body = _ANSWERS[Opcode(opcode)]
                writer.write(encode_frame(PROTOCOL_V4 | RESPONSE_BIT, 0, stream, kind, body))
        except asyncio.IncompleteReadError:
            writer.close()


Scenario = Callable[[_Bed, LoadClient], Awaitable[None]]


def _with_client(tmp_path: Path, scenario: Scenario) -> None:
    async def run() -> None:
        async with asyncio.timeout(20), _Bed(tmp_path / "control").running() as bed:
            client = await connect("127.0.0.1", bed.port)
            try:
                await scenario(bed, client)
            finally:
                client.close()

    asyncio.run(run())


def test_the_node_is_asked_once_for_requests_that_are_alike(tmp_path: Path) -> None:
    async def scenario(bed: _Bed, client: LoadClient) -> None:
        assert await client.ask(_INSERT) == (Opcode.RESULT, _PREPARED)
        for key in range(20):
            assert await client.ask(_execute(key)) == (Opcode.RESULT, _VOID)
            text = f"INSERT INTO bench.t (key, v) VALUES ({key}, 0x{key:08x})"
            assert await client.ask(Query(text)) == (Opcode.RESULT, _VOID)
        assert await client.ask(_INSERT) == (Opcode.RESULT, _PREPARED)
        assert bed.seen == {Opcode.STARTUP: 1, Opcode.PREPARE: 2, Opcode.EXECUTE: 1, Opcode.QUERY: 1}
        assert await bed.behave() == Counts(answered=38, forwarded=5, ignored=0)

    _with_client(tmp_path, scenario)


@pytest.mark.parametrize("piece", [1, 7, 64, 1 << 20])
def test_each_request_has_its_answer_on_its_stream_however_it_is_cut(tmp_path: Path, piece: int) -> None:
    async def scenario(bed: _Bed, client: LoadClient) -> None:
        await client.ask(_INSERT)
        await client.ask(_execute(0))
        reader, writer = await asyncio.open_connection("127.0.0.1", bed.port)
        body = _execute(1).encode(PROTOCOL_V4)
        streams = [*range(20), 300, 32_767]
        frames = [encode_frame(PROTOCOL_V4, 0, stream, Opcode.EXECUTE, body) for stream in streams]
        # One in their midst that only the node can answer.
        frames.insert(7, encode_frame(PROTOCOL_V4, 0, 500, Opcode.OPTIONS, Options().encode(PROTOCOL_V4)))
        data = b"".join(frames)
        for at in range(0, len(data), piece):
            writer.write(data[at : at + piece])
            await writer.drain()
            await asyncio.sleep(0)  # so that the other side reads in between
        answered = {}
        for _ in frames:
            version, flags, stream, opcode, length = HEADER.unpack(await reader.readexactly(HEADER_LENGTH))
            assert (version, flags) == (PROTOCOL_V4 | RESPONSE_BIT, 0)
            answered[stream] = opcode, await reader.readexactly(length)
        writer.close()
        assert answered == dict.fromkeys(streams, (Opcode.RESULT, _VOID)) | {500: _ANSWERS[Opcode.OPTIONS]}
        assert (bed.seen[Opcode.EXECUTE], bed.seen[Opcode.OPTIONS]) == (1, 1)

    _with_client(tmp_path, scenario)


def test_silence_lasts_until_the_end_of_it(tmp_path: Path) -> None:
    async def scenario(bed: _Bed, client: LoadClient) -> None:
        await client.ask(_INSERT)
        await client.ask(_execute(0))
        await bed.behave(Behaviour.SILENT)
        reader, writer = await asyncio.open_connection("127.0.0.1", bed.port)
        frame = encode_frame(PROTOCOL_V4, 0, 1, Opcode.EXECUTE, _execute(1).encode(PROTOCOL_V4))
        half = len(frame) // 2
        writer.write(frame + encode_frame(PROTOCOL_V4, 0, 2, Opcode.OPTIONS, b"") + frame[:half])
        while (await bed.behave()).ignored < 2:
            await asyncio.sleep(0.01)
        assert await bed.behave(Behaviour.ANSWER) == Counts(answered=0, forwarded=3, ignored=2)
        # What was begun in silence is one whole request.
        writer.write(frame[half:])
        _, _, stream, opcode, _ = HEADER.unpack(await reader.readexactly(HEADER_LENGTH))
        assert (stream, opcode) == (1, Opcode.RESULT)
        writer.close()
        assert await client.ask(_execute(3)) == (Opcode.RESULT, _VOID)

    _with_client(tmp_path, scenario)


def test_an_overloaded_backend_still_prepares(tmp_path: Path) -> None:
    async def scenario(bed: _Bed, client: LoadClient) -> None:
        await client.ask(_INSERT)
        await bed.behave(Behaviour.OVERLOADED)
        with pytest.raises(BenchmarkError, match="0x1001 told to be overloaded"):
            await client.ask(_execute(0))
        assert await client.ask(_INSERT) == (Opcode.RESULT, _PREPARED)
        await bed.behave(Behaviour.ANSWER)
        assert await client.ask(_execute(0)) == (Opcode.RESULT, _VOID)

    _with_client(tmp_path, scenario)


def test_no_node_no_backend(tmp_path: Path) -> None:
    async def scenario(bed: _Bed, client: LoadClient) -> None:
        nobody = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        port = nobody.sockets[0].getsockname()[1]
        nobody.close()
        await nobody.wait_closed()
        loop = asyncio.get_running_loop()
        alone = await loop.create_server(lambda: ClientEnd(bed.shared, ("127.0.0.1", port)), "127.0.0.1", 0)
        async with alone:
            with pytest.raises(BenchmarkError, match="STARTUP got no answer"):
                await connect("127.0.0.1", alone.sockets[0].getsockname()[1])

    _with_client(tmp_path, scenario)


def test_nobody_obeys(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="does not obey"):
        tell(tmp_path / "nowhere", Behaviour.SILENT)
