"""Requests of one client that were read and have to wait until others are answered, or a hold ends. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from frame_codec import Frame

Waiting = tuple[float, Frame]
"""A request, and since when it waits: in seconds, of one clock that never goes back."""

FRAME_OVERHEAD_BYTES: Final = 64
"""What is counted for a request besides its body."""


class Backlog:
    """In the order in which they came."""

    __slots__ = ("_waiting", "bytes", "count")

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()
        self.bytes = 0
        """What they take, about."""
        self.count = 0
        """How many they are; kept, since each read and each answer asks."""

    def add(self, frames: Sequence[Frame], now: float) -> None:
        """They wait from now on."""
        self._waiting.extend((now, frame) for frame in frames)
        self.count += len(frames)
        self.bytes += sum(map(_size, frames))

    def take(self, most: int) -> list[Waiting]:
        """Those whose turn it is: the first ``most``, or as many as there are."""
        return [self._first() for _ in range(min(most, self.count))]

    def put_back(self, taken: Sequence[Waiting]) -> None:
        """The last of those that were taken just now wait again, as if they always had."""
        self._waiting.extendleft(reversed(taken))
        self.count += len(taken)
        self.bytes += sum(_size(frame) for _, frame in taken)

    def take_late(self, before: float) -> list[Frame]:
        """Those that have waited since ``before`` or longer."""
        late = []
        while self._waiting and self._waiting[0][0] <= before:
            late.append(self._first()[1])
        return late

    def clear(self) -> None:
        """Nobody waits for their answers any more."""
        self._waiting.clear()
        self.count = self.bytes = 0

    def _first(self) -> Waiting:
        first = self._waiting.popleft()
        self.count -= 1
        self.bytes -= _size(first[1])
        return first


def _size(frame: Frame) -> int:
    return len(frame[4]) + FRAME_OVERHEAD_BYTES
