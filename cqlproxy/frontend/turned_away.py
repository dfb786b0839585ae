"""A client for whom there is no room: it is told so when it asks its first question, and has to go.

The protocol has no word for it before that: an ERROR answers a request, on that request's stream.
"""

from __future__ import annotations

import asyncio
from typing import cast

from cqlproxy.frontend.limits import HANDSHAKE_FRAME_BYTES
from frame_codec import (
    HEADER,
    PROTOCOL_V4,
    REQUEST_VERSIONS,
    RESPONSE_BIT,
    ErrorCode,
    FrameDecoder,
    Opcode,
    error_body,
)

AT_MOST = 128
"""Those who wait for their first question to be answered; who comes beyond is closed at once."""

STAY_SECONDS = 2.0


class TurnedAway(asyncio.Protocol):
    """``why`` is told to the client; ``turned_away`` is the listener's set of those who are still there."""

    def __init__(self, why: str, turned_away: set[TurnedAway], now: float) -> None:
        self._why = why
        self._turned_away = turned_away
        self._until = now + STAY_SECONDS
        self._decoder = FrameDecoder(max_body_length=HANDSHAKE_FRAME_BYTES, versions=REQUEST_VERSIONS)
        self._transport: asyncio.Transport | None = None
        self._told = False
        turned_away.add(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's in all but the class.
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._turned_away.discard(self)

    def data_received(self, data: bytes) -> None:
        if self._told or self._transport is None:
            return
        frames = self._decoder.feed(data)
        violation = self._decoder.violation
        if frames:
            version, _, stream, _, _ = frames[0]
        elif violation is not None:
            version, stream = PROTOCOL_V4, violation.stream
        else:
            return
        body = error_body(ErrorCode.OVERLOADED, self._why)
        self._transport.write(HEADER.pack(version | RESPONSE_BIT, 0, stream, Opcode.ERROR, len(body)) + body)
        self._told = True
        # What it has sent meanwhile is still read: a close would destroy the answer on its way.
        self._transport.write_eof()

    def sweep(self, now: float) -> None:
        """Close it, if it has been there long enough."""
        if now >= self._until:
            self.abort()

    def abort(self) -> None:
        """Close at once."""
        self._turned_away.discard(self)
        if self._transport is not None:
            self._transport.abort()
