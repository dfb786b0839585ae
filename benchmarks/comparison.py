"""Contestants that take turns under the same load, and what one costs relative to another.

What else the machine does meets all of a round alike, so a ratio within a round says more than either figure.
The turns are short and many, because it changes from one second to the next.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.errors import BenchmarkError
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

    @property
    def spread(self) -> str:
        """The quartiles, in words."""
        return f"quartiles {self.lower:.3g} and {self.upper:.3g} of {self.rounds} rounds"

    def __str__(self) -> str:
        return f"median {self.median:.3f}, {self.spread}"


def take_turns(
    contestants: Mapping[str, Measured],
    name: str,
    settings: Settings,
    *,
    size: int | None = None,
    failures: list[str] | None = None,
) -> dict[str, list[Sample]]:
    """Measure each once a round, in an order that turns; by name, a sample of that name per round.

    name, size: of the workload. A contestant that fails or answers with an error is left out from then on,
    with all its samples, and `failures` says why; without such a list, `BenchmarkError` is raised.
    """
    samples: dict[str, list[Sample]] = {contestant: [] for contestant in contestants}
    with ExitStack() as running:
        loads: dict[str, Generators] = {}

        def failed(contestant: str, why: object) -> None:
            del samples[contestant]
            said = f"{contestant}, {name}: {why}"
            if failures is None:
                raise BenchmarkError(said)
            failures.append(said)

        for contestant, measured in contestants.items():
            try:
                loads[contestant] = running.enter_context(Generators(plan(measured, name, settings, size)))
            except BenchmarkError as error:
                failed(contestant, error)
        for number in range(settings.rounds):
            for contestant in turned(list(samples), number):
                try:
                    taken = measure_stretch(contestants[contestant], contestant, loads[contestant], settings)
                except BenchmarkError as error:
                    failed(contestant, error)
                    continue
                if taken.errors:
                    failed(contestant, f"{taken.errors} answers were errors, the first: {taken.first_error}")
                    continue
                samples[contestant].append(taken)
                time.sleep(_SETTLE_SECONDS)
    return samples


def turned(names: Sequence[str], number: int) -> list[str]:
    """The order of a round: who goes first changes, and so does who comes after whom."""
    if not names:
        return []
    first = number // 2 % len(names)
    order = [*names[first:], *names[:first]]
    return order if number % 2 == 0 else order[::-1]


def ratio(samples: Sequence[Sample], base: Sequence[Sample], figure: Callable[[Sample], float]) -> Ratio:
    """A figure relative to that of `base`, round by round; at least two rounds."""
    ratios = [figure(one) / figure(other) for one, other in zip(samples, base, strict=True)]
    lower, median, upper = statistics.quantiles(ratios, n=4, method="inclusive")
    return Ratio(median, lower, upper, len(ratios))


def cpu_ratio(samples: Sequence[Sample], base: Sequence[Sample]) -> Ratio:
    """CPU per request relative to `base`, round by round; at least two rounds."""
    return ratio(samples, base, lambda taken: taken.cpu_per_request)
