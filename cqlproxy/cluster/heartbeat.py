"""Whether a connection leads anywhere: one that is silent for too long is asked, and given up in the end.

A node that hangs, or a network that swallows what it is given, says nothing, neither yes nor no. Any byte
from the node counts as life. A busy connection is asked earlier than an idle one, since requests wait there.
One that leaves the question open is passed over before it is given up, so that few requests meet a node that
is gone, and a pause of the node's own (a collection of its garbage) costs it no connection.

Pure: the times are given, ``time.monotonic()`` in seconds. Between two looks at it the connection must have
been read.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

BUSY_SECONDS: Final = 1.0
"""After so long without a byte a connection is asked on which requests wait."""

IDLE_SECONDS: Final = 3.0
"""After so long one is asked by which the node is watched, though nothing waits there."""

KEEP_ALIVE_SECONDS: Final = 30.0
"""The same of other connections: so that firewalls do not forget them, and what they forgot is found."""

SILENT_SECONDS: Final = 1.0
"""A connection that does not answer the question for so long is passed over until it does."""

LOST_SECONDS: Final = 4.0
"""One that does not answer it for so long is given up. A busy connection to a node that is gone is closed
after five seconds, an idle one after seven, or a look later."""


class Beat(Enum):
    """What is to be done about a connection."""

    NONE = "nothing"
    ASK = "ask it"
    GIVE_UP = "give it up"


class Heartbeat:
    """The watch on one connection."""

    __slots__ = ("_asked_at", "silent")

    def __init__(self) -> None:
        self._asked_at: float | None = None
        self.silent = False
        """Whether requests should rather take another connection."""

    def look(self, now: float, read_at: float, idle_seconds: float) -> Beat:
        """What is to be done; bytes were read last at ``read_at``.

        ``idle_seconds``: how long the connection may be silent before it is asked.
        """
        if self._asked_at is None:
            if now - read_at < idle_seconds:
                return Beat.NONE
            self._asked_at = now
            return Beat.ASK
        if read_at >= self._asked_at:
            self._asked_at = None
            self.silent = False
            return Beat.NONE
        unanswered = now - self._asked_at
        self.silent = unanswered >= SILENT_SECONDS
        return Beat.GIVE_UP if unanswered >= LOST_SECONDS else Beat.NONE
