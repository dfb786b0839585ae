"""Nodes that exist in this process only: connected to over a socket as any, driven by hand from then on.

A connection is made by the product's own class and does its handshake with a script. Then its transport is
replaced, so that what the proxy sends is kept here and answered when the benchmark says so.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import cast
from uuid import uuid4

from cassandra.connection import DefaultEndPoint
from cassandra.policies import SimpleConvictionPolicy
from cassandra.pool import Host

from benchmarks.micro.requests import BOUND
from benchmarks.micro.transports import Recorder
from cqlproxy.cluster.backend import Backend
from cqlproxy.cluster.driver import RawConnection, connection_class
from cqlproxy.cluster.request import Request
from frame_codec import (
    HEADER,
    HEADER_LENGTH,
    PROTOCOL_V4,
    REQUEST_VERSIONS,
    RESPONSE_BIT,
    Frame,
    FrameDecoder,
    Opcode,
    Prepare,
    Prepared,
    RowsMetadata,
    Supported,
    Void,
    encode_frame,
)

_SECONDS = 10.0
_RESPONSE = PROTOCOL_V4 | RESPONSE_BIT


class Node:
    """One node, which answers whatever is not PREPARE with `answer`, the body of a RESULT."""

    def __init__(self, connection: RawConnection) -> None:
        real = connection._transport
        assert real is not None
        self.transport = connection._transport = Recorder(real)
        self.receive = self.transport.protocol.data_received
        """Has the proxy read bytes of this node."""
        self.answer = Void().encode(PROTOCOL_V4)
        self.name_of_ids = ""
        """What its prepared ids are made from, beside the text."""
        self._connection = connection

    def answers(self) -> bytes:
        """The answers, in order, to all that was sent to this node and not answered yet."""
        sent = self.transport.take()
        answers = []
        at = 0
        while at < len(sent):
            _, _, stream, opcode, length = HEADER.unpack_from(sent, at)
            start = at + HEADER_LENGTH
            at = start + length
            body = sent[start:at]
            if opcode == Opcode.PREPARE:
                answer = _prepared(self.name_of_ids, Prepare.decode(body, PROTOCOL_V4).text)
            else:
                answer = self.answer
            answers.append(encode_frame(_RESPONSE, 0, stream, Opcode.RESULT, answer))
        return b"".join(answers)

    def under_way(self) -> list[Request]:
        """The requests that this node has not answered."""
        return list(self._connection._pending.values())

    def close(self) -> None:
        self._connection.close()


def _prepared(name_of_ids: str, text: str) -> bytes:
    """The answer to a PREPARE."""
    digest = hashlib.md5(f"{name_of_ids}{text}".encode(), usedforsecurity=False).digest()
    return Prepared(digest, BOUND[text], RowsMetadata.of(())).encode(PROTOCOL_V4)


class _Handshake(asyncio.Protocol):
    """The server's end of a connection until its transport is replaced."""

    def __init__(self) -> None:
        self._decoder = FrameDecoder(max_body_length=1 << 20, versions=REQUEST_VERSIONS)
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's in all but the class.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        for frame in self._decoder.feed(data):
            self._transport.write(_handshake_answer(frame))


def _handshake_answer(frame: Frame) -> bytes:
    _, _, stream, opcode, _ = frame
    if opcode == Opcode.OPTIONS:
        options = {"CQL_VERSION": ["3.4.7"], "COMPRESSION": []}
        return encode_frame(_RESPONSE, 0, stream, Opcode.SUPPORTED, Supported(options).encode(PROTOCOL_V4))
    return encode_frame(_RESPONSE, 0, stream, Opcode.READY, b"")


class _Pool:
    """The driver's pool of one node, as far as the backend looks at it."""

    def __init__(self, endpoint: DefaultEndPoint) -> None:
        self.host = Host(endpoint, SimpleConvictionPolicy, host_id=uuid4())

    def stream_released(self) -> None:
        """The connection knows its pool by this method."""

    def return_connection(self, connection: RawConnection, stream_was_orphaned: bool) -> None:
        """The connection is closed: nobody reconnects."""


class _Announced:
    """The owner of a connection: tells the backend what the connection tells, and whoever waits for it."""

    def __init__(self, backend: Backend) -> None:
        self.protocol_version = backend.protocol_version
        self.ready = asyncio.Event()
        self.connection_closed = backend.connection_closed
        self.supported_received = backend.supported_received
        self.authenticator_told = backend.authenticator_told
        self.event_received = backend.event_received
        self._backend = backend

    def connection_ready(self, connection: RawConnection) -> None:
        self._backend.connection_ready(connection)
        self.ready.set()


async def connected_node(backend: Backend, address: str, port: int) -> Node:
    """A node at an address that nothing else listens at, which `backend` is connected to."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Handshake, address, port)
    endpoint = DefaultEndPoint(address, port)
    owner = _Announced(backend)
    made = connection_class(loop, owner)
    released = _Pool(endpoint).stream_released
    try:
        async with asyncio.timeout(_SECONDS):
            connection = await loop.run_in_executor(
                None,
                lambda: made.factory(
                    endpoint,
                    _SECONDS,
                    protocol_version=backend.protocol_version,
                    compression=False,
                    on_orphaned_stream_released=released,
                ),
            )
            await owner.ready.wait()
    finally:
        server.close()
    return Node(connection)
