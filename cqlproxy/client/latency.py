"""How long a program has waited for a proxy's admin API, by kind of call."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

_KEPT = 1_000
"""Times of each kind that quantiles are made from: the latest."""


class Latency(NamedTuple):
    """The answers to calls of one kind. Times are in milliseconds; quantiles are those of the last 1,000."""

    calls: int
    errors: int
    """How many of them were errors, or none came."""
    mean_ms: float
    p50_ms: float
    p99_ms: float
    max_ms: float


class _Times:
    __slots__ = ("count", "errors", "latest", "longest", "total")

    def __init__(self) -> None:
        self.count = self.errors = 0
        self.total = self.longest = 0.0
        self.latest: deque[float] = deque(maxlen=_KEPT)

    def figures(self) -> Latency:
        ordered = sorted(self.latest)
        last = len(ordered) - 1
        return Latency(
            self.count,
            self.errors,
            round(self.total / self.count * 1000, 3),
            round(ordered[round(last * 0.5)] * 1000, 3),
            round(ordered[round(last * 0.99)] * 1000, 3),
            round(self.longest * 1000, 3),
        )


class Latencies:
    """What was waited for, by the names of the client's methods."""

    def __init__(self) -> None:
        self._times: dict[str, _Times] = {}

    def add(self, call: str, seconds: float, *, error: bool) -> None:
        """Note one call that has ended."""
        times = self._times.setdefault(call, _Times())
        times.count += 1
        times.errors += error
        times.total += seconds
        times.longest = max(times.longest, seconds)
        times.latest.append(seconds)

    def figures(self) -> dict[str, Latency]:
        """By name of the method, of those that were called."""
        return {call: times.figures() for call, times in self._times.items()}
