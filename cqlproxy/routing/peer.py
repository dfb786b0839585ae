"""What routing knows of the client at the other end: enough to answer it, and no more."""

from __future__ import annotations

from typing import Protocol

from cqlproxy.cluster.driver import RawConnection
from cqlproxy.routing.route import Route
from cqlproxy.statements import Statement


class ClientPeer(Protocol):
    """A client connection, as the requests of it see it."""

    keyspace: str | None
    """The keyspace that its USE has set, by its real name."""

    version: int
    """The protocol version that it speaks."""

    route: Route
    """How its requests are served from now on."""

    def reply(self, stream: int, flags: int, opcode: int, body: bytes) -> None:
        """Send an answer. Does nothing when the client has gone."""

    def hold(self, connection: RawConnection) -> None:
        """Read no more from the client until ``connection`` has room."""

    def one_node_view(self, statement: Statement, body: bytes, at: int) -> bytes:
        """The answer of a read of ``system.local`` or ``system.peers`` as this client is to see it.

        ``at`` is where the RESULT message begins in ``body``.
        """
