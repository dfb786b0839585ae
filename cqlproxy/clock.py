"""The write time that the proxy gives to mutations that bring none."""

from __future__ import annotations

import time
from collections.abc import Callable


class WriteClock:
    """Microseconds since the epoch, each later than the one before, also when the clock steps back."""

    def __init__(self, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._now_ns = now_ns
        self._last = 0

    @property
    def ahead_seconds(self) -> float:
        """How far the last write time is ahead of the system's clock, which has stepped back; 0 if not."""
        return max(0, self._last - self._now_ns() // 1000) / 1_000_000

    def next(self) -> int:
        """A timestamp for one mutation (spec section 4.1.4, default timestamp)."""
        now = self._now_ns() // 1000
        if now <= self._last:
            now = self._last + 1
        self._last = now
        return now

    def reached(self, micros: int) -> None:
        """Timestamps below ``micros`` have been given out, in a row from what ``next`` gave last."""
        self._last = micros - 1
