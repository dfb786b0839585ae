"""What memory holds: the copies that are not settled, counted, and the bounds that they stay within."""

from __future__ import annotations

import asyncio

from cqlproxy.mirror.mutation import Mutation


class Holding:
    """``max_requests`` copies at most, and ``max_bytes`` of them; see ``settings.MirrorSettings``.

    On the hot path ``held`` and ``held_bytes`` are changed without a call: many copies at once, there.
    """

    __slots__ = ("closed", "held", "held_bytes", "idle", "max_bytes", "max_requests")

    def __init__(self, max_requests: int, max_bytes: int) -> None:
        self.held = 0
        """Copies that wait or are under way."""
        self.held_bytes = 0
        """Their size in bytes, bodies and overhead."""
        self.max_requests = max_requests
        self.max_bytes = max_bytes
        self.closed = False
        """Whether the mirror has stopped: it takes nothing into memory any more, and sends nothing."""
        self.idle = asyncio.Event()
        """Set when the last copy is settled; cleared by whoever waits for that."""

    def fits(self, mutation: Mutation) -> bool:
        """Whether there is room for one more."""
        return self.held < self.max_requests and self.held_bytes + mutation.size <= self.max_bytes

    def take(self, mutation: Mutation) -> None:
        """One more is held, whether it fits or not."""
        self.held += 1
        self.held_bytes += mutation.size

    def release(self, mutation: Mutation) -> None:
        """One is held no longer."""
        self.held -= 1
        self.held_bytes -= mutation.size

    def limit(self, max_requests: int, max_bytes: int) -> None:
        """Other bounds from now on. What is held beyond them stays; nothing is added until it has gone."""
        if not self.closed:
            self.max_requests, self.max_bytes = max_requests, max_bytes

    def close(self) -> None:
        """Nothing fits any more."""
        self.closed = True
        self.max_requests = 0

    def clear(self) -> None:
        """Nothing is held."""
        self.held = self.held_bytes = 0
