"""What clients may ask of the proxy at most. Each limit has a key of the same name in the configuration."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import Final, NamedTuple

Network = IPv4Network | IPv6Network

LEAST_BYTES_PER_SECOND: Final = 64 * 1024
"""What is long, a frame or answers that wait to be read, has so much more time as it takes at this pace."""

HANDSHAKE_FRAME_BYTES: Final = 64 * 1024
"""The longest body before a connection is started: options and tokens, of clients that nobody knows yet."""


class ClientLimits(NamedTuple):
    """Of all clients together, of one address, and of one connection."""

    max_clients: int
    """Connections at the same time."""
    max_clients_per_address: int
    allowed_networks: tuple[Network, ...] | None
    """Where clients may be; None: anywhere."""
    max_frame_bytes: int
    """The longest body of a frame, as it is on the wire and as it is after decompression."""
    max_requests: int
    """Requests of all clients that were taken and are not answered."""
    max_requests_per_client: int
    """Requests of one connection that were read and are not answered."""
    handshake_seconds: float
    """From the connection to the answer that ends the handshake."""
    frame_seconds: float
    """From a frame's first byte to its last; more for a long one: see LEAST_BYTES_PER_SECOND."""
    idle_seconds: float
    """Without a request; 0: for ever."""
    unread_seconds: float
    """For which a client that is read no further may leave its answers unread; more if it reads slowly."""
    max_unread_bytes: int
    """Bytes of answers that one client has not taken."""
    waiting_seconds: float
    """How long a request may wait for others of its client. Not a key: that is request_timeout_ms."""


class Turned(StrEnum):
    """Why a connection was turned away before it was served."""

    NETWORK = "allowed_networks"
    CLIENTS = "max_clients"
    ADDRESS = "max_clients_per_address"


class Ended(StrEnum):
    """Why the proxy ended a connection that it had accepted."""

    HANDSHAKE = "handshake_seconds"
    FRAME = "frame_seconds"
    FRAME_BYTES = "max_frame_bytes"
    IDLE = "idle_seconds"
    UNREAD = "unread_seconds"
    UNREAD_BYTES = "max_unread_bytes"
    LINGERING = "lingering"
    """The proxy had said all it had to say, and the client neither read it nor closed."""


class Refused(StrEnum):
    """Why a request was answered with OVERLOADED at once."""

    ALL = "max_requests"
    CLIENT = "max_requests_per_client"
    WAITED = "request_timeout_ms"
    """It waited for others of its client until its time was up."""
    STOPPING = "stopping"
