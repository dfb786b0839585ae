"""What is agreed on before the first request: STARTUP, OPTIONS, REGISTER (spec 4.1.1, 4.1.3, 4.1.8)."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from cqlproxy.cluster.backend import Backend
from cqlproxy.cluster.versions import VersionedCluster
from frame_codec import EventType, ProtocolError, Register, Startup, Supported

COMPRESSIONS = ["lz4"]
PROTOCOL_VERSIONS = ["3/v3", "4/v4"]

_FORWARDED_EVENTS = frozenset({EventType.SCHEMA_CHANGE.value})


class Chosen(NamedTuple):
    """What a client's STARTUP asks for."""

    lz4: bool


class Handshake:
    """Answers the handshake of every client, from what the primary offers."""

    def __init__(self, primary: VersionedCluster) -> None:
        self._primary = primary

    @property
    def backend(self) -> Backend:
        """The cluster that answers clients, in the version that most of them speak."""
        return self._primary.main

    def backend_for(self, version: int) -> Backend | asyncio.Future[Backend]:
        """The cluster that answers clients, in ``version``; a future when it has to be connected first."""
        return self._primary.in_version(version)

    def supported(self, version: int) -> bytes:
        """The body of SUPPORTED: the primary's options, less those that promise what a proxy cannot keep."""
        options = {
            key: values for key, values in self.backend.supported.items() if not key.startswith("SCYLLA_")
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
