"""How long the proxy waits for one client: to finish its handshake or a frame, to ask, to read. Pure.

A connection is looked at about once a second, by one sweep for all; it keeps no clock of its own. What is
judged is therefore found late by a second at most, and never early.
"""

from __future__ import annotations

from cqlproxy.client.limits import LEAST_BYTES_PER_SECOND, ClientLimits, Ended

LINGER_SECONDS = 2.0
"""For which a connection that the proxy has ended may stay open, so that its client can read why."""


class Patience:
    """Of one connection, made at ``now``; all times are of one clock that never goes back, in seconds."""

    __slots__ = (
        "_connected",
        "_frame_mark",
        "_frame_since",
        "_linger_since",
        "_most_unread",
        "_unread_since",
    )

    def __init__(self, now: float) -> None:
        self._connected = now
        self._frame_since: float | None = None
        self._frame_mark = 0.0
        self._unread_since: float | None = None
        self._most_unread = 0
        self._linger_since: float | None = None

    def receiving(
        self, limits: ClientLimits, now: float, *, started: bool, heard: float, part: int
    ) -> Ended | None:
        """Why a client that may send is given up, or None.

        ``heard`` is when its last whole frame came (0: none yet), ``part`` how many bytes there are of a
        frame that is not whole. Not to be asked while requests of it are under way.
        """
        if not started and now - self._connected > limits.handshake_seconds:
            return Ended.HANDSHAKE
        if part:
            return self._frame(limits, now, heard, part)
        self._frame_since = None
        if started and limits.idle_seconds and now - max(heard, self._connected) > limits.idle_seconds:
            return Ended.IDLE
        return None

    def _frame(self, limits: ClientLimits, now: float, heard: float, part: int) -> Ended | None:
        if self._frame_since is None or self._frame_mark != heard:
            self._frame_since, self._frame_mark = now, heard
        elif now - self._frame_since > limits.frame_seconds + part / LEAST_BYTES_PER_SECOND:
            return Ended.FRAME
        return None

    def unread(self, limits: ClientLimits, now: float, waiting: int) -> Ended | None:
        """Why a client is given up that has not taken ``waiting`` bytes, and so is not read any more."""
        if waiting > limits.max_unread_bytes:
            return Ended.UNREAD_BYTES
        if self._unread_since is None:
            self._unread_since = now
            self._most_unread = 0
        self._most_unread = max(self._most_unread, waiting)
        taken = self._most_unread - waiting
        if now - self._unread_since > limits.unread_seconds + taken / LEAST_BYTES_PER_SECOND:
            return Ended.UNREAD
        return None

    def reads_again(self) -> None:
        """The client has taken what it had left unread."""
        self._unread_since = None

    def lingering(self, now: float) -> Ended | None:
        """Why a connection that the proxy has ended is cut off, or None as long as it may stay."""
        if self._linger_since is None:
            self._linger_since = now
        return Ended.LINGERING if now - self._linger_since > LINGER_SECONDS else None
