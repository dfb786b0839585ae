"""At a given rate, and one request at a time: what CPU a request costs then, and what latency it adds.

Prepared INSERTs, written to both clusters by those that do. Latency is from when a request was due.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from benchmarks.arena import DIRECT, Arena, Cluster
from benchmarks.comparison import alike, ratio, take_turns
from benchmarks.contestants import haproxy, ours
from benchmarks.contestants.other_proxies import others
from benchmarks.figures import Figure
from benchmarks.parts.closed_loop import cpu_figure, show
from benchmarks.proxy_under_load import Settings
from benchmarks.report import Sample
from benchmarks.results import Results

FIXED = "fixed rate"
ONE = "one at a time"

RATES = (1000, 5000)


def run_fixed(arena: Arena[Cluster], results: Results, rounds: int | None) -> None:
    """Open loops."""
    arena.show("insert")
    with arena.started([haproxy.contestant(), ours.usual(), *others()]) as started:
        for rate in RATES:
            settings = Settings(1.2, warm_up=0.3, rate=rate, backends=arena.backends)
            turns = alike({DIRECT: arena.direct(), **started}, "insert", settings)
            samples = take_turns(turns, rounds or 5, results.wrong)
            show(FIXED, f"{rate:,}/s", samples, results)
            mine, relay = samples.get(ours.OURS), samples.get(haproxy.NAME)
            if mine and relay:
                results.figures += _fixed_figures(rate, mine, relay)


def _fixed_figures(rate: int, mine: Sequence[Sample], relay: Sequence[Sample]) -> list[Figure]:
    name = f"fixed {rate:,}/s"
    found = [cpu_figure(f"{name}, CPU per request", mine, relay, "HAProxy", 2.2, 1.7)]
    if rate == max(RATES):
        found += [
            latency_figure(f"{name}, p50", mine, relay, lambda taken: taken.p50, 1.15, 1.05),
            latency_figure(f"{name}, p99", mine, relay, lambda taken: taken.p99, 1.25, 1.05),
        ]
    return found


def run_one(arena: Arena[Cluster], results: Results, rounds: int | None) -> None:
    """One connection with one request in flight."""
    arena.show("insert")
    settings = Settings(0.5, warm_up=0.2, connections=1, window=1, backends=arena.backends)
    with arena.started([haproxy.contestant(), ours.usual(), *others()]) as started:
        turns = alike({DIRECT: arena.direct(), **started}, "insert", settings)
        samples = take_turns(turns, rounds or 8, results.wrong)
    show(ONE, "insert", samples, results)
    mine, relay = samples.get(ours.OURS), samples.get(haproxy.NAME)
    if mine and relay:
        figure = latency_figure("one request at a time, p50", mine, relay, lambda taken: taken.p50, 1.5, 1.3)
        results.figures.append(figure)


def latency_figure(
    name: str,
    mine: Sequence[Sample],
    relay: Sequence[Sample],
    figure: Callable[[Sample], float],
    at_most: float,
    hope: float,
) -> Figure:
    """A latency relative to that of HAProxy."""
    found = ratio(mine, relay, figure)
    mine_is, relay_is = (statistics.median(map(figure, taken)) * 1e3 for taken in (mine, relay))
    remark = f"{found.spread}; {mine_is:.3f} ms / {relay_is:.3f} ms"
    return Figure(f"{name} / HAProxy", found.median, at_most=at_most, hope=hope, remark=remark)
