"""What is declared of one family of figures: its name, what it counts, and when somebody has to act."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from cqlproxy.metrics import LatencyHistogram, Metrics


class Kind(StrEnum):
    """As Prometheus names them."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Histogram(NamedTuple):
    """What a histogram shows: observations by bucket, not cumulative, and their sum."""

    counts: Sequence[int]
    total: float

    @classmethod
    def of(cls, *parts: LatencyHistogram) -> Histogram:
        """Those of several together."""
        if len(parts) == 1:
            return cls(parts[0].counts, parts[0].total_seconds)
        counts = [sum(column) for column in zip(*(part.counts for part in parts), strict=True)]
        return cls(counts, sum(part.total_seconds for part in parts))


Labels = tuple[str | None, ...]
"""The values of a family's labels, in their order; None where a name is not known, shown as empty."""

Row = tuple[Labels, float | Histogram]
Rows = Callable[[Metrics], Iterable[Row]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """``name`` as in the text, a counter's with ``_total``. ``rows`` gives the figures as they are now."""

    name: str
    kind: Kind
    meaning: str
    """One sentence: the HELP of the text."""
    labels: tuple[str, ...] = ()
    unusual: str
    """Which values are unusual, and what to do then; empty where the figure only explains others."""
    rows: Rows

    @property
    def unit(self) -> str:
        """The base unit that the name ends with; empty for counts and states."""
        name = self.name.removesuffix("_total")
        return next((unit for unit in ("seconds", "bytes") if name.endswith(f"_{unit}")), "")


def counter(name: str, meaning: str, value: Callable[[Metrics], float], unusual: str = "") -> Family:
    """One figure that only grows."""
    return Family(name=name, kind=Kind.COUNTER, meaning=meaning, unusual=unusual, rows=_alone(value))


def gauge(name: str, meaning: str, value: Callable[[Metrics], float], unusual: str = "") -> Family:
    """One figure that goes up and down."""
    return Family(name=name, kind=Kind.GAUGE, meaning=meaning, unusual=unusual, rows=_alone(value))


def counters(name: str, labels: tuple[str, ...], meaning: str, rows: Rows, unusual: str = "") -> Family:
    """Figures that only grow, by label."""
    return Family(name=name, kind=Kind.COUNTER, meaning=meaning, labels=labels, unusual=unusual, rows=rows)


def gauges(name: str, labels: tuple[str, ...], meaning: str, rows: Rows, unusual: str = "") -> Family:
    """Figures that go up and down, by label."""
    return Family(name=name, kind=Kind.GAUGE, meaning=meaning, labels=labels, unusual=unusual, rows=rows)


def histograms(name: str, labels: tuple[str, ...], meaning: str, rows: Rows, unusual: str = "") -> Family:
    """Times in the buckets of ``metrics.LATENCY_BOUNDS``, by label."""
    return Family(name=name, kind=Kind.HISTOGRAM, meaning=meaning, labels=labels, unusual=unusual, rows=rows)


def by_reason(counts: Mapping[str, int], known: Iterable[str]) -> Iterable[Row]:
    """A row for each reason, those that are ``known`` from the start: else ``rate`` misses the first."""
    for reason, count in {**dict.fromkeys(known, 0), **counts}.items():
        yield (str(reason),), count


def by_pair(
    counts: Mapping[tuple[str, str], int], first: Iterable[str], second: Iterable[str]
) -> Iterable[Row]:
    """The same for counts by two labels."""
    known = dict.fromkeys(((one, str(other)) for other in second for one in first), 0)
    yield from {**known, **counts}.items()


def _alone(value: Callable[[Metrics], float]) -> Rows:
    def rows(metrics: Metrics) -> Iterable[Row]:
        return (((), value(metrics)),)

    return rows
