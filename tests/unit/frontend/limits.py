"""Limits for tests: each as wide as can be, unless a test says otherwise."""

from cqlproxy.frontend.limits import ClientLimits

WIDE = ClientLimits(
    max_clients=10**6,
    max_clients_per_address=10**6,
    allowed_networks=None,
    max_frame_bytes=1 << 28,
    max_requests=10**6,
    max_requests_per_client=10**6,
    handshake_seconds=10,
    frame_seconds=30,
    idle_seconds=100,
    unread_seconds=30,
    max_unread_bytes=1 << 28,
    waiting_seconds=12,
)
