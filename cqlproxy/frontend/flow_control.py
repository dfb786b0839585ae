"""Whether one client is read: not while a cluster, or the client itself, does not take what is sent."""

from __future__ import annotations

import asyncio
from typing import Final

from cqlproxy.frontend.backlog import Backlog

WAITING_BYTES: Final = 1 << 20
"""A client whose waiting requests take as much is read no further until some of them are under way."""

CLIENT_UNSENT_BYTES: Final = 1 << 20
"""A client with more than this many bytes of answers that it has not taken is read no further."""


class FlowControl:
    """Pauses and resumes reading from ``transport``, as holds and the ``backlog`` say, until ``end``."""

    __slots__ = ("_backlog", "_ended", "_leaving", "holds", "reading", "transport", "unread")

    def __init__(self, transport: asyncio.Transport, backlog: Backlog) -> None:
        self.transport = transport
        self._backlog = backlog
        self._leaving = False
        self._ended = False
        self.holds = 0
        """Reasons to handle, and so to read, no more. None is given up before its ``release``."""
        self.unread = False
        """Whether the client has left more than CLIENT_UNSENT_BYTES unread, which is one of them."""
        self.reading = True
        transport.set_write_buffer_limits(high=CLIENT_UNSENT_BYTES)

    def hold(self) -> None:
        """One reason more."""
        self.holds += 1
        self.update()

    def release(self) -> None:
        """One reason less. What waits comes first: ``update`` when it has been handled."""
        self.holds -= 1

    def leave(self) -> None:
        """Never read again: the proxy is stopping."""
        self._leaving = True
        self.update()

    def update(self) -> None:
        """The backlog has changed: pause or resume."""
        wanted = not self.holds and self._backlog.bytes < WAITING_BYTES and not self._leaving
        if wanted is self.reading or self._ended:
            return
        self.reading = wanted
        if wanted:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    def end(self) -> None:
        """Pause and resume no more: the connection is closed, or on its way to be."""
        self._ended = True

    def drain(self) -> None:
        """Read on after ``end`` whatever holds, so that the client's end of the stream is found."""
        if not self.reading:
            self.reading = True
            self.transport.resume_reading()
