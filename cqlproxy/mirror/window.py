"""How many copies are under way at the same time: as many as the target can take.

Additive increase, multiplicative decrease: while copies wait and others arrive, the window grows, by one for
each arrival until the target is seen at its limit for the first time, later by one for each window of
arrivals; a time-out or OVERLOADED halves it, once for all that was sent before the target could feel it.
"""

from __future__ import annotations

from typing import Final

FIRST: Final = 64
MOST: Final = 8192
"""As many as 1,000 busy clients have answered in one turn of the loop: fewer would be a queue that grows."""
LEAST: Final = 4
"""Never fewer: a window of one would take an age to find out that the target is well again."""


class Window:
    """``size`` is how many copies may be under way. Times are those of one clock, in seconds."""

    __slots__ = ("_arrived", "_halved_at", "_seen_its_limit", "size")

    def __init__(self) -> None:
        self.size = FIRST
        self._arrived = 0
        self._seen_its_limit = False
        self._halved_at = float("-inf")

    def arrived(self) -> None:
        """A copy was acknowledged while others waited for the window."""
        if self.size >= MOST:
            return
        if self._seen_its_limit:
            self._arrived += 1
            if self._arrived < self.size:
                return
            self._arrived = 0
        self.size += 1

    def congested(self, sent: float, now: float) -> None:
        """A copy sent at ``sent`` timed out, or the target said that it is overloaded."""
        if sent < self._halved_at:
            return
        self._halved_at = now
        self._seen_its_limit = True
        self._arrived = 0
        self.size = max(self.size // 2, LEAST)
