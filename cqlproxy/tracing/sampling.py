"""Which requests are traced: a share of them at random, and so many a second at most. Pure."""

from __future__ import annotations

from collections.abc import Callable
from math import log1p
from random import random
from typing import Final

NEVER: Final = 1 << 62
"""A gap that no proxy lives to see the end of."""


class Sampler:
    """``ratio`` of the requests, 0 to 1, and ``per_second`` at most. ``random`` gives numbers from 0 to 1."""

    def __init__(self, ratio: float, per_second: int, *, random: Callable[[], float] = random) -> None:
        self._ratio = ratio
        self._per_second = per_second
        self._random = random
        self._second = 0
        self._taken = 0
        self.untraced = self._gap()
        """How many requests come before the next that is sampled: an addition for each, not a dice."""

    def is_next(self) -> bool:
        """One request has come: whether it is sampled."""
        if self.untraced:
            self.untraced -= 1
            return False
        self.untraced = self._gap()
        return True

    def has_room(self, now: float) -> bool:
        """Whether one more may be traced in this second; it counts as traced then. ``now`` is in seconds."""
        second = int(now)
        if second != self._second:
            self._second, self._taken = second, 0
        if self._taken >= self._per_second:
            return False
        self._taken += 1
        return True

    def _gap(self) -> int:
        """Of a geometric distribution: as if each request were drawn for by itself."""
        if self._ratio >= 1:
            return 0
        logarithm = log1p(-self._ratio)
        gap = log1p(-self._random()) / logarithm if logarithm else NEVER
        return int(gap) if gap < NEVER else NEVER
