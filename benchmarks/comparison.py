"""Contestants that take turns under the same load, and what one costs relative to another.

What else the machine does meets all of a round alike, so a ratio within a round says more than either figure.
The turns are short and many, because it changes from one second to the next.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NamedTuple

from benchmarks.errors import BenchmarkError
from benchmarks.load import Generators
from benchmarks.proxy_under_load import Measured, Settings, measure_stretch, plan
from benchmarks.report import Sample


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


class Turn(NamedTuple):
    """What is measured when it is somebody's turn: the load, and on whom."""

    measured: Measured
    workload: str
    settings: Settings
    size: int | None = None


def alike(
    contestants: Mapping[str, Measured], workload: str, settings: Settings, size: int | None = None
) -> dict[str, Turn]:
    """Turns under the same load."""
    return {name: Turn(one, workload, settings, size) for name, one in contestants.items()}


def take_turns(
    turns: Mapping[str, Turn], rounds: int, failures: list[str] | None = None
) -> dict[str, list[Sample]]:
    """Measure each once a round, in an order that changes; by name, a sample of that name per round.

    One that fails or answers with an error is left out from then on, with all its samples, and `failures`
    says why; without such a list, `BenchmarkError` is raised.
    """
    samples: dict[str, list[Sample]] = {name: [] for name in turns}
    with ExitStack() as running:
        loads: dict[str, Generators] = {}

        def failed(name: str, why: object) -> None:
            del samples[name]
            said = f"{name}, {turns[name].workload}: {why}"
            if failures is None:
                raise BenchmarkError(said)
            failures.append(said)

        for name, (measured, workload, settings, size) in turns.items():
            try:
                asked = plan(measured, workload, settings, size)
                loads[name] = running.enter_context(Generators(asked))
            except BenchmarkError as error:
                failed(name, error)
        for number in range(rounds):
            for name in turned(list(samples), number):
                turn = turns[name]
                try:
                    taken = measure_stretch(turn.measured, name, loads[name], turn.settings)
                except BenchmarkError as error:
                    failed(name, error)
                    continue
                if taken.errors:
                    failed(name, f"{taken.errors} answers were errors, the first: {taken.first_error}")
                    continue
                samples[name].append(taken)
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
