"""Long work in a thread beside the event loop: a little of it, then a rest.

Threads take turns in the interpreter, and one that only computes makes an event loop under load wait at each
of its calls, until what has come meanwhile is a stall. One that rests in between is hardly felt.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

_WORK_SECONDS: Final = 0.0005
_REST_SECONDS: Final = 0.001

_T = TypeVar("_T")

Rest = Callable[[], None]
"""Called after each small piece of work."""


def no_rest() -> None:
    """For work that nobody runs beside."""


class Resting:
    """A ``Rest`` that sleeps for a millisecond after each half of one."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._woke = clock()

    def __call__(self) -> None:
        if self._clock() - self._woke >= _WORK_SECONDS:
            time.sleep(_REST_SECONDS)
            self._woke = self._clock()


def each(values: Iterable[_T], rest: Rest) -> Iterator[_T]:
    """The values, with a rest before each."""
    for value in values:
        rest()
        yield value
