"""The clients: how they come, how long they may stay, and how they go."""

from __future__ import annotations

import asyncio
import logging
import socket
from time import monotonic
from typing import Final

from cqlproxy.frontend.accepting import Acceptor
from cqlproxy.frontend.admission import Admission, Place
from cqlproxy.frontend.connection import ClientConnection
from cqlproxy.frontend.gate import Identity
from cqlproxy.frontend.handshake import Handshake
from cqlproxy.frontend.limits import ClientLimits, Refused, Turned
from cqlproxy.frontend.load import Load
from cqlproxy.frontend.one_node import OneNode
from cqlproxy.frontend.tls_door import TlsDoor
from cqlproxy.frontend.turned_away import AT_MOST, TurnedAway
from cqlproxy.metrics import Metrics
from cqlproxy.routing.router import Router
from cqlproxy.supervision import Supervisor
from frame_codec import PROTOCOL_V3, EventType, SchemaChange

log = logging.getLogger(__name__)

SWEEP_SECONDS: Final = 1.0
"""How often each connection is looked at."""

_SWEEP_STEPS: Final = 10
_ANSWERED_CHECK_SECONDS: Final = 0.005
_V4_TARGETS = frozenset({"FUNCTION", "AGGREGATE"})


class Listener:
    """Accepts clients on ``host`` and ``port``; with ``tls``, those who speak it."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        limits: ClientLimits,
        router: Router,
        handshake: Handshake,
        one_node: OneNode,
        metrics: Metrics,
        tls: TlsDoor | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._limits = limits
        self._tls = tls
        self.load = Load(limits.max_requests)
        self._admission = Admission(limits)
        self._supervisor = Supervisor()
        self._acceptor = Acceptor(self._accepted, self._exhausted)
        self._turned_away: set[TurnedAway] = set()
        self._to_sweep: list[ClientConnection] = []
        self._sweep_step = 0
        self._swept_at = 0.0
        self._router = router
        self._handshake = handshake
        self._one_node = one_node
        self._metrics = metrics
        self._connections: set[ClientConnection] = set()

    async def start(self) -> None:
        """Begin to accept. Raises ``OSError`` when the address cannot be bound."""
        await self._acceptor.start(self._host, self._port)

    def _accepted(self, connection: socket.socket, host: str) -> None:
        turned = self._admission.admit(host)
        if turned is None:
            self._supervisor.start(self._serve(connection, host), "client connection")
            return
        self._metrics.count_turned_away(turned)
        log.warning(f"clients are turned away: beyond listen.{turned}", extra={"client": host})
        # A handshake of TLS would cost more than is saved by turning its client away.
        if turned is Turned.NETWORK or self._tls is not None or len(self._turned_away) >= AT_MOST:
            connection.close()
        else:
            self._supervisor.start(self._turn_away(connection, turned), "client turned away")

    async def _serve(self, connection: socket.socket, host: str) -> None:
        loop = asyncio.get_running_loop()
        place = Place(self._admission, host)

        def client() -> ClientConnection:
            return ClientConnection(
                router=self._router,
                handshake=self._handshake,
                one_node=self._one_node,
                metrics=self._metrics,
                connections=self._connections,
                limits=self._limits,
                load=self.load,
                address=host,
                left=place.leave,
                loop=loop,
            )

        try:
            if self._tls is None:
                await loop.connect_accepted_socket(client, connection)
            else:
                await loop.connect_accepted_socket(
                    client,
                    connection,
                    ssl=self._tls.context,
                    ssl_handshake_timeout=self._limits.handshake_seconds,
                )
        except BaseException as error:
            place.leave()
            connection.close()
            if not isinstance(error, OSError):
                raise
            if self._tls is not None:
                self._tls.refused(error, host)

    async def _turn_away(self, connection: socket.socket, turned: Turned) -> None:
        why = f"Too many connections to the proxy (listen.{turned})"
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(
                lambda: TurnedAway(why, self._turned_away, monotonic()), connection
            )
        except OSError:
            connection.close()

    def _exhausted(self) -> None:
        self._metrics.accepting_paused += 1

    def sweep(self, now: float) -> None:
        """End the connections whose clients have used up their time; ``now`` is ``time.monotonic()``.

        To be called often: each call looks at a part of them, so that none takes long.
        """
        if not self._to_sweep and now >= self._swept_at + SWEEP_SECONDS:
            self._to_sweep = list(self._connections)
            self._sweep_step = len(self._to_sweep) // _SWEEP_STEPS + 1
            self._swept_at = now
        for connection in self._to_sweep[-self._sweep_step :]:
            connection.sweep(now)
        del self._to_sweep[-self._sweep_step :]
        for turned_away in list(self._turned_away):
            turned_away.sweep(now)

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

    def identities(self) -> list[Identity]:
        """Of all clients that a cluster has let in."""
        found = (connection.identity for connection in self._connections)
        return [identity for identity in found if identity is not None]

    def use_routes(self) -> None:
        """Give every client the route that is in force now, or end it where it must not be served."""
        for connection in list(self._connections):
            connection.use_route()

    async def stop_accepting(self) -> None:
        """Accept no more, and read no more from those who are there; what was read will be answered."""
        self._acceptor.stop()
        await self._supervisor.stop()
        for connection in self._connections:
            connection.leave()

    async def answer_all(self, seconds: float) -> None:
        """Close each connection once all that was read of it is answered; wait so long for that at most."""
        give_up_at = monotonic() + seconds
        while True:
            left = [connection.has_left for connection in list(self._connections)]
            if all(left) or monotonic() >= give_up_at:
                return
            await asyncio.sleep(_ANSWERED_CHECK_SECONDS)

    async def close_clients(self, seconds: float) -> None:
        """Close what is still open, and give clients so long to take their answers."""
        for connection in list(self._connections):
            connection.refuse_waiting(monotonic(), Refused.STOPPING)
            connection.close()
        give_up_at = monotonic() + seconds
        while self._connections and monotonic() < give_up_at:
            await asyncio.sleep(_ANSWERED_CHECK_SECONDS)
        for connection in list(self._connections):
            connection.abort()
        for turned_away in list(self._turned_away):
            turned_away.abort()

    def forward(self, change: SchemaChange, event: bytes) -> None:
        """Tell those who registered for it what the body of the EVENT ``event`` says, that is ``change``."""
        for connection in list(self._connections):
            if EventType.SCHEMA_CHANGE in connection.registered and not (
                connection.version == PROTOCOL_V3 and change.target in _V4_TARGETS
            ):
                connection.send_event(event)
                self._metrics.events_forwarded += 1
