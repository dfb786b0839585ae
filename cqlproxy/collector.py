"""When the garbage collector runs: seldom, in small pieces, and not because many requests are under way.

Requests leave no cycles behind: they are gone when they are answered. But each time that some thousands of
them are under way at once the collector takes them for many new objects, and looks at all of them while their
clients wait. So it is asked to look by the clock, and what is under way does not count as new.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Final

NEW_OBJECTS: Final = 2_000
"""So many are worth a look, which takes half a millisecond."""
OBJECTS_EACH: Final = 4
"""How many objects belong to a request, or a copy, that is under way."""
LOOKS_TWICE: Final = 5
"""Of so many looks one is also at the objects that were left by the ones before."""
FULL_SECONDS: Final = 600.0
"""After so long all objects are looked at, in a moment in which no request is under way..."""
PATIENCE_SECONDS: Final = 3000.0
"""... or, if there is none for so much longer, in any."""

_AT_MOST: Final = (50_000, 1_000, 1_000)
"""Python's own thresholds meanwhile, for what makes many objects between two looks."""


class Collector:
    """``under_way`` tells how many requests and copies are at the moment."""

    def __init__(self, under_way: Callable[[], int]) -> None:
        self._under_way = under_way
        self._looks = 0
        self._full_at = float("inf")

    def begin(self, now: float) -> None:
        """Leave out of all collections, from now on, what is there: most of it lasts as long as the process.

        ``now`` is in seconds, by a clock that never goes back.
        """
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_AT_MOST)
        self._full_at = now + FULL_SECONDS

    def look(self, now: float) -> None:
        """To be called several times a second."""
        under_way = self._under_way()
        if now >= self._full_at and (not under_way or now >= self._full_at + PATIENCE_SECONDS):
            gc.collect()
            self._full_at = now + FULL_SECONDS
        elif gc.get_count()[0] - OBJECTS_EACH * under_way >= NEW_OBJECTS:
            self._looks += 1
            gc.collect(1 if self._looks % LOOKS_TWICE == 0 else 0)
