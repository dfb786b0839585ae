"""Scripted nodes that ask for credentials, and a cluster of them as the proxy's own account knows it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

from cassandra.connection import DefaultEndPoint

from cqlproxy.cluster.backend import Backend
from cqlproxy.cluster.driver import RawConnection
from cqlproxy.cluster.ring import Node
from frame_codec import (
    Authenticate,
    AuthResponse,
    AuthSuccess,
    ErrorCode,
    FrameDecoder,
    Opcode,
    SetKeyspace,
    Supported,
    encode_frame,
    error_body,
)


class GuardedCluster:
    """Nodes on one address: who is in ``passwords`` is let in, and requests are answered with their name.

    ``unable``: what is said to every login instead, if anything.
    """

    def __init__(self) -> None:
        self.passwords: dict[str, str] = {}
        self.unable: str | None = None
        self.silent = False
        """Whether the nodes say nothing any more."""
        self.logins = 0
        self.connections: list[_Connection] = []


class _Connection(asyncio.Protocol):
    def __init__(self, cluster: GuardedCluster) -> None:
        self._cluster = cluster
        self._decoder = FrameDecoder(max_body_length=1 << 20, versions=frozenset({4}))
        self.user = ""
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's in all but the class.
        self.transport = cast(asyncio.Transport, transport)
        self._cluster.connections.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._cluster.connections.remove(self)

    def data_received(self, data: bytes) -> None:
        for _, _, stream, opcode, body in self._decoder.feed(data):
            if self._cluster.silent:
                continue
            answer, content = self._answer(opcode, body)
            self.transport.write(encode_frame(0x84, 0, stream, answer, content))

    def _answer(self, opcode: int, body: bytes) -> tuple[Opcode, bytes]:
        if opcode == Opcode.OPTIONS:
            return Opcode.SUPPORTED, Supported({"CQL_VERSION": ["3.4.7"], "COMPRESSION": []}).encode(4)
        if opcode == Opcode.STARTUP:
            return Opcode.AUTHENTICATE, Authenticate("PasswordAuthenticator").encode(4)
        if opcode == Opcode.AUTH_RESPONSE:
            return self._log_in(AuthResponse.decode(body, 4).token or b"")
        if b"USE " in body:
            return Opcode.RESULT, SetKeyspace("ks").encode(4)
        return Opcode.RESULT, self.user.encode()

    def _log_in(self, token: bytes) -> tuple[Opcode, bytes]:
        self._cluster.logins += 1
        _, user, password = token.decode().split("\0")
        if self._cluster.unable is not None:
            return Opcode.ERROR, error_body(ErrorCode.AUTHENTICATION_ERROR, self._cluster.unable)
        if self._cluster.passwords.get(user) != password:
            return Opcode.ERROR, error_body(ErrorCode.AUTHENTICATION_ERROR, "wrong")
        self.user = user
        return Opcode.AUTH_SUCCESS, AuthSuccess().encode(4)


class _Host:
    sharding_info = None

    def __init__(self, endpoint: DefaultEndPoint) -> None:
        self.endpoint = endpoint


class _DriverCluster:
    """What is used of the driver's ``Cluster`` once it has discovered the nodes."""

    connect_timeout = 5
    metadata = SimpleNamespace(token_map=None, keyspaces={})

    def _make_connection_kwargs(self, endpoint: object, settings: dict[str, object]) -> dict[str, object]:
        return {**settings, "protocol_version": 4, "compression": False}


class Service(Backend):
    """The proxy's own account, with nodes that a test takes away and brings back."""

    def __init__(self) -> None:
        super().__init__(
            name="primary", contact_points=[], port=0, local_datacenter=None, request_timeout=5.0
        )
        self._cluster = _DriverCluster()

    def node_up(self, port: int) -> None:
        endpoint: Any = DefaultEndPoint("127.0.0.1", port)
        node = self.nodes.setdefault(endpoint, Node(_Host(endpoint)))
        # Users only look whether there is any.
        node.connections.append(cast(RawConnection, object()))

    def node_down(self, port: int) -> None:
        self.nodes[DefaultEndPoint("127.0.0.1", port)].connections.clear()


@asynccontextmanager
async def guarded(nodes: int = 1) -> AsyncIterator[tuple[GuardedCluster, Service, list[int]]]:
    """A cluster, the proxy's account on it, and the ports of its nodes."""
    loop = asyncio.get_running_loop()
    cluster, service = GuardedCluster(), Service()
    servers = [await loop.create_server(lambda: _Connection(cluster), "127.0.0.1", 0) for _ in range(nodes)]
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    for port in ports:
        service.node_up(port)
    try:
        async with asyncio.timeout(20):
            yield cluster, service, ports
    finally:
        for server in servers:
            server.close()
