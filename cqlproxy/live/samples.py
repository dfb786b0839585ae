"""What was done within a second: rates and latencies, from counters that only grow. Pure.

A sample is a row of numbers in the order of ``FIELDS``. The clusters' latencies are of all requests that
were sent to them, copies among them; None where there was none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from operator import add, sub
from typing import Final, NamedTuple

from cqlproxy.cluster.side import Side
from cqlproxy.metrics import LATENCY_BOUNDS, LatencyHistogram, Metrics
from cqlproxy.modes import Mode
from cqlproxy.routing.route import SERVING

_OF_A_CLUSTER: Final = ("reads", "writes", "errors", "p50_ms", "p99_ms")

FIELDS: Final = (
    "time",
    *(f"{side.label}_{name}" for side in Side for name in _OF_A_CLUSTER),
    "waiting_in_memory",
    "waiting_in_journal",
    "lag_seconds",
    "held_back",
    "lost",
)
"""`time` in seconds since the epoch. By cluster: `reads`, `writes` (copies among them) and `errors` per
second, half and 99 % of the latencies in milliseconds. Then the copies that wait, the age of the oldest,
and how many writes were held back by rules and copies given up, per second."""

Row = list[float | None]


class Counters(NamedTuple):
    """The counters at one moment; the tuples are by ``Side``."""

    reads: Sequence[int]
    """By bucket of latency; reads are counted for whichever cluster answers them."""
    reads_failed: int
    writes: tuple[Sequence[int], Sequence[int]]
    """By bucket; copies among them, and those that failed."""
    failed: tuple[int, int]
    """Of those."""
    held_back: int
    lost: int


def counters(metrics: Metrics, figures: Mapping[str, object]) -> Counters:
    """Those of now. ``figures`` are ``metrics.snapshot()`` of this moment."""
    ok, error = metrics.write_latency_ok, metrics.write_latency_error
    copy_ok, copy_error = metrics.copy_latency_ok, metrics.copy_latency_error
    primary, shadow = (_together(ok[side], error[side], copy_ok[side], copy_error[side]) for side in Side)
    return Counters(
        tuple(metrics.read_latency.counts),
        metrics.reads_failed,
        (primary, shadow),
        (error[0].count + copy_error[0].count, error[1].count + copy_error[1].count),
        _whole(figures["filtered_writes"]),
        _whole(figures["dropped_writes"]) + _whole(figures["failed_copies"]),
    )


def sample(
    time: float,
    seconds: float,
    before: Counters,
    after: Counters,
    mode: Mode,
    figures: Mapping[str, object],
) -> Row:
    """What was done in the ``seconds`` between two moments; ``time`` is the latter's."""
    row: Row = [round(time, 2)]
    for side in Side:
        reads: Sequence[int] = ()
        failed = after.failed[side] - before.failed[side]
        if side is SERVING[mode].side:
            reads = _less(after.reads, before.reads)
            failed += after.reads_failed - before.reads_failed
        writes = _less(after.writes[side], before.writes[side])
        row += (_per(sum(reads), seconds), _per(sum(writes), seconds), _per(failed, seconds))
        latencies = list(map(add, reads, writes)) if reads else writes
        row += (_milliseconds(latencies, 0.5), _milliseconds(latencies, 0.99))
    lag = figures["mirror_lag_seconds"]
    assert isinstance(lag, float | int)
    return [
        *row,
        _whole(figures["queue_depth"]),
        _whole(figures["journal_depth"]),
        round(lag, 3),
        _per(after.held_back - before.held_back, seconds),
        _per(after.lost - before.lost, seconds),
    ]


def quantile(counts: Sequence[int], share: float) -> float | None:
    """The time, in seconds, within which this share was done; even within a bucket. None of nothing."""
    total = sum(counts)
    if not total:
        return None
    rank = share * total
    bounds = (0.0, *LATENCY_BOUNDS, LATENCY_BOUNDS[-1])
    for place, reached in enumerate(accumulate(counts)):
        if reached >= rank and counts[place]:
            within = 1 - (reached - rank) / counts[place]
            return bounds[place] + (bounds[place + 1] - bounds[place]) * within
    raise AssertionError("the last bucket reaches every rank")


def _milliseconds(counts: Sequence[int], share: float) -> float | None:
    found = quantile(counts, share)
    return None if found is None else round(found * 1000, 3)


def _together(*histograms: LatencyHistogram) -> Sequence[int]:
    return tuple(map(sum, zip(*(one.counts for one in histograms), strict=True)))


def _less(after: Sequence[int], before: Sequence[int]) -> list[int]:
    return list(map(sub, after, before))


def _per(count: int, seconds: float) -> float:
    return round(count / seconds, 1)


def _whole(figure: object) -> int:
    assert isinstance(figure, int)
    return figure
