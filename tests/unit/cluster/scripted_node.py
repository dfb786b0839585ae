"""A node of a script's making: it answers the handshake, and every other request as the script says."""

import asyncio
from collections.abc import Callable
from typing import cast

from cqlproxy.cluster.driver import RawConnection
from frame_codec import FrameDecoder, Opcode, Supported, encode_frame

Script = Callable[["ScriptedNode", int, int, bytes], None]


class ScriptedNode(asyncio.Protocol):
    """Answers the handshake; every other request goes to ``script(node, stream, opcode, body)``."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.decoder = FrameDecoder(max_body_length=1 << 20, versions=frozenset({4}))
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's in all but the class.
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        for _, _, stream, opcode, body in self.decoder.feed(data):
            if opcode == Opcode.OPTIONS:
                options = {"CQL_VERSION": ["3.4.7"], "COMPRESSION": ["lz4"], "SCYLLA_X": ["1"]}
                self.answer(stream, Opcode.SUPPORTED, Supported(options).encode(4))
            elif opcode == Opcode.STARTUP:
                self.answer(stream, Opcode.READY, b"")
            else:
                self.script(self, stream, opcode, body)

    def answer(self, stream: int, opcode: int, body: bytes) -> None:
        self.transport.write(encode_frame(0x84, 0, stream, opcode, body))


class Owner:
    """Notes what the connections tell."""

    protocol_version = 4

    def __init__(self) -> None:
        self.ready: asyncio.Future[RawConnection] = asyncio.get_running_loop().create_future()
        self.closed: list[RawConnection] = []
        self.supported: dict[str, list[str]] = {}
        self.events: list[bytes] = []
        self.authenticators: list[str | None] = []

    def connection_ready(self, connection: RawConnection) -> None:
        self.ready.set_result(connection)

    def connection_closed(self, connection: RawConnection) -> None:
        self.closed.append(connection)

    def supported_received(self, options: dict[str, list[str]]) -> None:
        self.supported = options

    def authenticator_told(self, authenticator: str | None) -> None:
        self.authenticators.append(authenticator)

    def event_received(self, body: bytes) -> None:
        self.events.append(body)


def echo(node: ScriptedNode, stream: int, opcode: int, body: bytes) -> None:
    node.answer(stream, Opcode.RESULT, body)
