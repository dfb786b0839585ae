"""Copies that are to be tried again, each when its time has come; others go on meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import Final

from cqlproxy.mirror.mutation import Mutation

LONGEST_PAUSE: Final = 30.0
"""No copy waits longer for its next attempt, in seconds, unless the first pause is set longer."""


def pause(first: float, failures: int, random: float) -> float:
    """Seconds before the next attempt, after ``failures`` (1 or more) that failed.

    ``first`` doubles with each failure; ``random`` (0 to 1) takes up to half of it away, so that copies
    which failed together do not come back together.
    """
    longest = max(LONGEST_PAUSE, first)
    # Above 2**32 it is the longest for any sensible ``first``, and the power must stay a float.
    return min(first * 2.0 ** min(failures - 1, 32), longest) * (1 - random / 2)


class Retries:
    """A heap by due time. ``random`` gives numbers from 0 to 1."""

    __slots__ = ("_count", "_first", "_heap", "_random")

    def __init__(self, first_pause: float, random: Callable[[], float]) -> None:
        self._first = first_pause
        self._random = random
        self._heap: list[tuple[float, int, Mutation]] = []
        self._count = 0
        """Breaks ties: of two copies that are due together, the one put first."""

    def __len__(self) -> int:
        return len(self._heap)

    def __iter__(self) -> Iterator[Mutation]:
        return (mutation for _, _, mutation in self._heap)

    @property
    def next_due(self) -> float | None:
        """When the first of them is due; None when there is none."""
        return self._heap[0][0] if self._heap else None

    def use_first_pause(self, seconds: float) -> None:
        """For copies that fail from now on."""
        self._first = seconds

    def put(self, mutation: Mutation, failures: int, now: float) -> None:
        """Let a copy wait that has failed ``failures`` times."""
        self._count += 1
        heappush(self._heap, (now + pause(self._first, failures, self._random()), self._count, mutation))

    def due(self, now: float) -> list[Mutation]:
        """Take out those whose time has come, in its order."""
        found = []
        heap = self._heap
        while heap and heap[0][0] <= now:
            found.append(heappop(heap)[2])
        return found

    def clear(self) -> list[Mutation]:
        """Take out all, in the order of their time."""
        return self.due(float("inf"))
