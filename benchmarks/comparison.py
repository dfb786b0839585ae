"""Proxies that take turns under the same load, and what one costs relative to another.

What else the machine does meets all of a round alike, so a ratio within a round says more than either figure.
The turns are short and many, because it changes from one second to the next.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.load import Generators
from benchmarks.proxy_under_load import Measured, Settings, measure_stretch, plan
from benchmarks.report import Sample

_SETTLE_SECONDS = 0.05
"""After a turn, for the copies that are still under way."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """One figure relative to another, over all rounds; quartiles, for a turn may meet anything."""

    median: float
    lower: float
    upper: float
    rounds: int

    def __str__(self) -> str:
        quartiles = f"quartiles {self.lower:.3f} and {self.upper:.3f}"
        return f"median {self.median:.3f} of {self.rounds} rounds ({quartiles})"


def take_turns(proxies: Mapping[str, Measured], workload: str, settings: Settings) -> dict[str, list[Sample]]:
    """Measure each proxy once a round, in an order that turns; by name, a sample of that name per round.

    Raises `BenchmarkError`.
    """
    samples: dict[str, list[Sample]] = {name: [] for name in proxies}
    names = list(proxies)
    with ExitStack() as running:
        loads = {
            name: running.enter_context(Generators(plan(proxy, workload, settings)))
            for name, proxy in proxies.items()
        }
        for number in range(settings.rounds):
            for name in turned(names, number):
                samples[name].append(measure_stretch(proxies[name], name, loads[name], settings))
                time.sleep(_SETTLE_SECONDS)
    return samples


def turned(names: Sequence[str], number: int) -> list[str]:
    """The order of a round: who goes first changes, and so does who comes after whom."""
    first = number // 2 % len(names)
    order = [*names[first:], *names[:first]]
    return order if number % 2 == 0 else order[::-1]


def cpu_ratio(samples: Sequence[Sample], base: Sequence[Sample]) -> Ratio:
    """CPU per request relative to `base`, round by round; at least two rounds."""
    ratios = [one.cpu_per_request / other.cpu_per_request for one, other in zip(samples, base, strict=True)]
    lower, median, upper = statistics.quantiles(ratios, n=4, method="inclusive")
    return Ratio(median, lower, upper, len(ratios))
