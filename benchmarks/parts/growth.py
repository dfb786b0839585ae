"""What a request costs as the work grows: larger payloads, more columns, tables and prepared statements."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise

from benchmarks.arena import Arena, Cluster
from benchmarks.comparison import alike, take_turns
from benchmarks.contestants import haproxy, ours
from benchmarks.errors import BenchmarkError
from benchmarks.figures import Figure
from benchmarks.load import Generators
from benchmarks.parts.closed_loop import show
from benchmarks.plan import Plan
from benchmarks.proxy_under_load import Settings, plan
from benchmarks.results import Results
from benchmarks.workload import workload

AXES: Mapping[str, tuple[str, Sequence[int]]] = {
    "payload": ("insert", (100, 1000, 10_000, 100_000, 1_000_000)),
    "columns": ("columns", (2, 10, 50)),
    "tables": ("tables", (1, 30, 1000)),
    "statements": ("statements", (10, 300, 10_000)),
}
"""By name: the workload, and the sizes that it is given."""

_MANY = 100
"""Tables or statements of which not all are executed while a contestant warms up."""
_USE_SECONDS = 30.0
_USE_POLL = 0.5
_LARGE_WINDOW = 2
"""Requests in flight on a connection, of all sizes, where a request may be of a megabyte."""


def run(arena: Arena[Cluster], results: Results, rounds: int | None) -> None:
    """Measure, and add what was found."""
    for axis, (kind, sizes) in AXES.items():
        # Of several tables or statements the first are those of a smaller size.
        for size in sizes if axis in ("payload", "columns") else sizes[-1:]:
            arena.show(kind, size)
        with arena.started([haproxy.contestant(), ours.usual()]) as started:
            for size in sizes:
                window = _LARGE_WINDOW if axis == "payload" else 32
                settings = Settings(0.4, window=window, warm_up=0.2, backends=arena.backends)
                if kind in ("tables", "statements") and size >= _MANY:
                    for name, one in started.items():
                        _use_all(plan(one, kind, settings, size), name, results)
                turns = alike(started, kind, settings, size)
                show(axis, str(size), take_turns(turns, rounds or 3, results.wrong), results)
        costs = [
            (size, statistics.median(taken.cpu_per_request for taken in samples))
            for size in sizes
            if (samples := results.of(axis, str(size), ours.OURS))
        ]
        if len(costs) == len(sizes):
            results.figures.append(worst_step(axis, costs))


def _use_all(asked: Plan, name: str, results: Results) -> None:
    """Have every statement executed once, so that what comes after is not the first time for any of them."""
    wanted = len(workload(asked.workload, asked.size).statements)
    used = 0
    deadline = time.monotonic() + _USE_SECONDS
    try:
        with Generators(asked) as load:
            load.go()
            while used < wanted and time.monotonic() < deadline:
                load.count()
                time.sleep(_USE_POLL)
                used += len(load.report().latencies)
    except BenchmarkError as error:
        results.wrong.append(f"{name}, {asked.workload}: {error}")


def worst_step(axis: str, costs: Sequence[tuple[int, float]]) -> Figure:
    """By how much more the cost grows than the work, at the worst of the steps; 1 is linear growth."""
    steps = [
        ((cost / cost_before) / (size / size_before), size_before, size)
        for (size_before, cost_before), (size, cost) in pairwise(costs)
    ]
    worst, begin, end = max(steps)
    said = ", ".join(f"{size:,}: {cost * 1e6:.3g}" for size, cost in costs)
    return Figure(
        f"cost as {axis} grow{'s' if axis == 'payload' else ''}, worst step / linear",
        worst,
        at_most=1.0,
        remark=f"from {begin:,} to {end:,}; CPU us by size {said}",
    )
