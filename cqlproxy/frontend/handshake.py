"""What is agreed on before the first request: STARTUP, AUTH_RESPONSE, OPTIONS, REGISTER (spec 4.1.1 to 4.1.3,
4.1.8)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from cqlproxy.frontend.authentication import Authentication
from cqlproxy.frontend.gate import Gate, Identity
from cqlproxy.routing.route import Route
from cqlproxy.routing.routes import Routes
from frame_codec import EventType, ProtocolError, Register, Startup, Supported

COMPRESSIONS = ["lz4"]
PROTOCOL_VERSIONS = ["3/v3", "4/v4"]

_FORWARDED_EVENTS = frozenset({EventType.SCHEMA_CHANGE.value})


class Chosen(NamedTuple):
    """What a client's STARTUP asks for."""

    lz4: bool


class Handshake:
    """Answers the handshake of every client, from what the cluster that answers them offers."""

    def __init__(self, routes: Routes, gate: Gate) -> None:
        self._routes = routes
        self._gate = gate
        self.standing_still = False
        """Whether those who connect now have to wait before their requests are handled."""

    def route(self, version: int, identity: Identity | None) -> Route | None:
        """How a client of ``version`` is served from now on; None when it must not be. See ``opened``."""
        return self._gate.route(version, identity)

    def authenticator(self) -> str | None:
        """The class to name in AUTHENTICATE; None when READY is the answer. Raises ``UndecidedError``."""
        return self._gate.authenticator()

    def authentication(
        self,
        version: int,
        address: str,
        let_in: Callable[[Identity | None], bool],
        on_revoked: Callable[[], None],
    ) -> Authentication:
        """Of one client: see there."""
        return Authentication(
            self._gate, version=version, address=address, let_in=let_in, on_revoked=on_revoked
        )

    def opened(self, version: int) -> asyncio.Future[None] | None:
        """None if clients of ``version`` can be served; else a future, which fails with ``ConnectError``."""
        return None if self._routes.is_open(version) else asyncio.ensure_future(self._routes.open(version))

    def supported(self, version: int) -> bytes:
        """The body of SUPPORTED: the cluster's options, less those that promise what a proxy cannot keep."""
        options = {
            key: values
            for key, values in self._routes.main.backend.supported.items()
            if not key.startswith("SCYLLA_")
        }
        options["COMPRESSION"] = COMPRESSIONS
        options["PROTOCOL_VERSIONS"] = PROTOCOL_VERSIONS
        return Supported(options).encode(version)

    def startup(self, body: bytes, version: int) -> Chosen:
        """Read STARTUP. Raises ``ProtocolError`` for what Cassandra refuses too."""
        options = Startup.decode(body, version).options
        if "CQL_VERSION" not in options:
            raise ProtocolError("Missing value CQL_VERSION in STARTUP message")
        compression = options.get("COMPRESSION", "").lower()
        if compression not in ("", *COMPRESSIONS):
            raise ProtocolError(f"Unknown compression algorithm: {compression}")
        return Chosen(lz4=compression == "lz4")

    def register(self, request: Register) -> frozenset[str]:
        """The event types of a REGISTER that the client will get: changes of topology and status never.

        The client sees one node, which is there as long as its connection is.
        """
        known = {event_type.value for event_type in EventType}
        for event_type in request.event_types:
            if event_type not in known:
                raise ProtocolError(f"Invalid value '{event_type}' for Type")
        return frozenset(request.event_types) & _FORWARDED_EVENTS
