"""How long the proxy waits for one client: to finish its handshake or a frame, to ask, to read. Pure.

A connection is looked at about once a second, by one sweep for all; it keeps no clock of its own. What is
judged is therefore found late by a second or two, and never early.
"""

from __future__ import annotations

from cqlproxy.frontend.limits import LEAST_BYTES_PER_SECOND, ClientLimits, Ended

LINGER_SECONDS = 2.0
"""For which a connection that the proxy has ended may stay open, so that its client can read why."""


class Patience:
    """Of one connection, made at ``now``; all times are of one clock that never goes back, in seconds."""

    __slots__ = (
        "_active",
        "_asked",
        "_connected",
        "_frame_since",
        "_linger_since",
        "_most_unread",
        "_owed_since",
        "_unread_since",
    )

    def __init__(self, now: float) -> None:
        self._connected = self._active = now
        self._asked = 0
        self._frame_since: float | None = None
        self._unread_since: float | None = None
        self._most_unread = 0
        self._owed_since: float | None = None
        self._linger_since: float | None = None

    def waits_for_us(self, now: float) -> None:
        """Requests of it are under way, or it is not read: whatever it does not do is not its fault."""
        self._active = now
        self._frame_since = self._unread_since = None

    def receiving(
        self, limits: ClientLimits, now: float, *, started: bool, asked: int, part: int
    ) -> Ended | None:
        """Why a client is given up that has all its answers and may send; None when it is not.

        ``asked`` is how many whole frames have come from it, ``part`` the bytes there are of one that is not.
        """
        self._unread_since = None
        if asked != self._asked:
            self._asked, self._active, self._frame_since = asked, now, None
        if not started and now - self._connected > limits.handshake_seconds:
            return Ended.HANDSHAKE
        if part:
            if self._frame_since is None:
                self._frame_since = now
            elif now - self._frame_since > limits.frame_seconds + part / LEAST_BYTES_PER_SECOND:
                return Ended.FRAME
            return None
        self._frame_since = None
        if started and limits.idle_seconds and now - self._active > limits.idle_seconds:
            return Ended.IDLE
        return None

    def unread(self, limits: ClientLimits, now: float, waiting: int) -> Ended | None:
        """Why a client is given up that has not taken ``waiting`` bytes, and so is not read any further."""
        if waiting > limits.max_unread_bytes:
            return Ended.UNREAD_BYTES
        self._active, self._frame_since = now, None
        if self._unread_since is None:
            self._unread_since, self._most_unread = now, waiting
        self._most_unread = max(self._most_unread, waiting)
        taken = self._most_unread - waiting
        if now - self._unread_since > limits.unread_seconds + taken / LEAST_BYTES_PER_SECOND:
            return Ended.UNREAD
        return None

    def overdue(self, limits: ClientLimits, now: float) -> bool:
        """Whether a connection that is to end need not wait any longer for what its requests are answered."""
        if self._owed_since is None:
            self._owed_since = now
        # Each is answered in its time, if only with a time-out, which is found by a sweep as well.
        return now - self._owed_since > limits.waiting_seconds + LINGER_SECONDS

    def lingering(self, now: float) -> Ended | None:
        """Why a connection that the proxy has ended is cut off; None as long as it may stay."""
        if self._linger_since is None:
            self._linger_since = now
        return Ended.LINGERING if now - self._linger_since > LINGER_SECONDS else None
