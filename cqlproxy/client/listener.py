"""The listening socket and the clients that came through it."""

from __future__ import annotations

import asyncio
import logging

from cqlproxy.client.connection import ClientConnection
from cqlproxy.client.handshake import Handshake
from cqlproxy.client.one_node import OneNode
from cqlproxy.metrics import Metrics
from cqlproxy.routing.router import Router
from frame_codec import PROTOCOL_V3, EventType, ProtocolError, SchemaChangeEvent, decode_event

log = logging.getLogger(__name__)

_V4_TARGETS = frozenset({"FUNCTION", "AGGREGATE"})


class Listener:
    """Accepts clients on ``host`` and ``port``."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        max_frame_bytes: int,
        router: Router,
        handshake: Handshake,
        one_node: OneNode,
        metrics: Metrics,
    ) -> None:
        self._host = host
        self._port = port
        self._max_frame_bytes = max_frame_bytes
        self._router = router
        self._handshake = handshake
        self._one_node = one_node
        self._metrics = metrics
        self._connections: set[ClientConnection] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to accept. Raises ``OSError`` when the address cannot be bound."""
        loop = asyncio.get_running_loop()

        def connection() -> ClientConnection:
            return ClientConnection(
                router=self._router,
                handshake=self._handshake,
                one_node=self._one_node,
                metrics=self._metrics,
                connections=self._connections,
                max_frame_bytes=self._max_frame_bytes,
                loop=loop,
            )

        self._server = await loop.create_server(connection, self._host, self._port, backlog=1024)

    def stand_still(self) -> None:
        """Handle no further request of any client until ``go_on``."""
        self._handshake.standing_still = True
        for connection in self._connections:
            connection.stand_still()

    def go_on(self) -> None:
        """Handle requests again."""
        self._handshake.standing_still = False
        for connection in list(self._connections):
            connection.go_on()

    def use_routes(self) -> None:
        """Give every client the route that is in force now."""
        for connection in self._connections:
            connection.use_route()

    def stop_accepting(self) -> None:
        if self._server is not None:
            self._server.close()

    def close_clients(self) -> None:
        """Close every connection, after what has been answered is sent."""
        for connection in list(self._connections):
            connection.close()

    def schema_event(self, body: bytes, *, forward: bool) -> SchemaChangeEvent | None:
        """Read an EVENT; returns it if it tells of the schema. ``forward``: to who registered for it."""
        try:
            event = decode_event(body, 4)
        except ProtocolError as error:
            log.warning("an event of the cluster could not be read", extra={"error": error.message})
            return None
        if not isinstance(event, SchemaChangeEvent):
            return None
        if not forward:
            return event
        for connection in list(self._connections):
            if EventType.SCHEMA_CHANGE in connection.registered and not (
                connection.version == PROTOCOL_V3 and event.change.target in _V4_TARGETS
            ):
                connection.send_event(body)
                self._metrics.events_forwarded += 1
        return event
