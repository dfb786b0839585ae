"""Cassandra's warning of USE with prepared statements, where only the proxy has given cause for it.

A server warns once per connection when a prepared statement that does not name its keyspace is executed on
a connection that stands in another one. Clients' EXECUTEs share connections that stand in none, so the
warning comes even to clients that have done nothing of the kind.
"""

from __future__ import annotations

from dataclasses import replace

from frame_codec import FrameFlag, ResponsePrefix, response_start

_WARNING = int(FrameFlag.WARNING)
_BEGINNING = "`USE <keyspace>` with prepared statements is considered to be an anti-pattern"


def without_use_warning(flags: int, body: bytes) -> tuple[int, bytes]:
    """Frame flags and body of a response, less that warning. ``flags`` has `FrameFlag.WARNING`.

    Raises ``ProtocolError`` when the body ends too early.
    """
    prefix = ResponsePrefix.decode(body, flags)
    warnings = tuple(text for text in prefix.warnings or () if not text.startswith(_BEGINNING))
    if warnings == prefix.warnings:
        return flags, body
    message = body[response_start(body, flags) :]
    if not warnings:
        return flags & ~_WARNING, replace(prefix, warnings=None).encode() + message
    return flags, replace(prefix, warnings=warnings).encode() + message
