"""Copies that come soon after others wait for a moment, and are sent together.

Each write to a node, and each read of its answers, costs a turn of the event loop, however little is in it:
when copies come one by one, that is most of what they cost, and clients wait for it. Nobody waits for a copy,
so that a few of them may go in one write. One that comes alone goes at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from cqlproxy.mirror.mutation import Mutation

MOMENT: Final = 0.005
"""For how long a copy may wait for company, in seconds; timers of the loop may add a millisecond."""

COMPANY: Final = 16
"""So many copies wait for no further ones."""


class Gathering:
    """``send`` is given the copies whose ``moment``, in seconds, has passed, in their order."""

    __slots__ = ("_loop", "_send", "_sent_at", "_timer_runs", "copies", "moment")

    def __init__(self, send: Callable[[list[Mutation]], None], moment: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._send = send
        self.moment = moment
        self._sent_at = float("-inf")
        self._timer_runs = False
        self.copies: list[Mutation] = []
        """Those that wait."""

    def takes(self, mutation: Mutation) -> bool:
        """Whether a copy waits here; False when it is to be sent at once, alone."""
        # Hot path: once for every copy that comes alone.
        copies = self.copies
        if not copies and not self._begins(mutation):
            return False
        copies.append(mutation)
        if len(copies) >= COMPANY:
            self.end()
        return True

    def takes_together(self, mutations: list[Mutation]) -> bool:
        """The same of several, which came at the same time."""
        # Hot path.
        if not 0 < len(mutations) < COMPANY:
            return False
        for mutation in mutations:
            if mutation.ordered:
                return False
        if not self.copies and not self._begins(mutations[0]):
            return False
        self.copies += mutations
        if len(self.copies) >= COMPANY:
            self.end()
        return True

    def _begins(self, mutation: Mutation) -> bool:
        """Whether a copy comes so soon after the one before it that it waits for others."""
        # Hot path.
        since = mutation.offered - self._sent_at
        if since >= self.moment or since < 0.0:
            self._sent_at = mutation.offered
            return False
        if not self._timer_runs:
            self._timer_runs = True
            self._loop.call_later(self.moment, self._moment_has_passed)
        return True

    def end(self) -> None:
        """Send what waits now: something comes that must not overtake it."""
        if self.copies:
            copies, self.copies = self.copies, []
            self._sent_at = copies[-1].offered
            self._send(copies)

    def _moment_has_passed(self) -> None:
        self._timer_runs = False
        self.end()

    def clear(self) -> list[Mutation]:
        """Take out what waits."""
        copies, self.copies = self.copies, []
        return copies
