"""What an ordinary program's driver sends: its frames, taken down on their way to a server."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from frame_codec import (
    HEADER,
    REQUEST_VERSIONS,
    FrameDecoder,
    FrameFlag,
    Opcode,
    decompress,
    encode_frame,
)
from tests.nodes import DriverProgram, ProxyProcess, loopback_address
from tests.nodes.addresses import NATIVE_PORT

_LONGEST = 4096
_CHANGES = (b"CREATE", b"DROP", b"ALTER", b"TRUNCATE", b"USE ", b"GRANT", b"REVOKE")


def recorded(proxy: ProxyProcess, program: Path, *arguments: str | int, root: Path) -> list[bytes]:
    """The frames that `program` sends, each once, but for long ones and those that change the schema.

    Bodies are not compressed, whatever the driver agreed on.

    The program gets the address and the port of a server, then `arguments`.
    """
    tap = _Tap(proxy)
    try:
        DriverProgram(program, tap.address, NATIVE_PORT, *arguments, root=root).result(60)
    finally:
        tap.end()
    return [frame for frame in dict.fromkeys(tap.frames) if len(frame) < _LONGEST and _harmless(frame)]


def _harmless(frame: bytes) -> bool:
    opcode = HEADER.unpack_from(frame)[3]
    text = frame.upper()
    return opcode != Opcode.STARTUP and not any(change in text for change in _CHANGES)


def _plain(version: int, flags: int, stream: int, opcode: int, body: bytes) -> bytes:
    if flags & FrameFlag.COMPRESSED:
        body = decompress(body, 1 << 28)
    return encode_frame(version, flags & ~FrameFlag.COMPRESSED, stream, opcode, body)


class _Tap:
    """Listens, and passes on what comes in either direction."""

    def __init__(self, proxy: ProxyProcess) -> None:
        self.address = loopback_address()
        self.frames: list[bytes] = []
        self._server = (proxy.address, proxy.port)
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        listening = threading.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._run(listening)))
        self._thread.start()
        assert listening.wait(10)

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()
        self._loop.close()

    async def _run(self, listening: threading.Event) -> None:
        async with await asyncio.start_server(self._accept, self.address, NATIVE_PORT):
            listening.set()
            await self._ended.wait()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(*self._server)
        decoder = FrameDecoder(
            max_body_length=1 << 28, versions=REQUEST_VERSIONS, refused=frozenset({5, 65, 66})
        )
        await asyncio.gather(self._pass(reader, to_server, decoder), self._pass(from_server, writer, None))

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, decoder: FrameDecoder | None
    ) -> None:
        try:
            while data := await reader.read(1 << 16):
                if decoder is not None:
                    self.frames += [_plain(*frame) for frame in decoder.feed(data) if frame[0] == 4]
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        writer.close()
