"""How many requests a second, and what CPU each: 8 connections with 32 requests in flight, of four kinds."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from benchmarks.arena import DIRECT, Arena
from benchmarks.comparison import cpu_ratio, ratio, take_turns
from benchmarks.contestants import haproxy, ours
from benchmarks.contestants.contestant import Contestant
from benchmarks.contestants.other_proxies import ZDM, others
from benchmarks.figures import Figure
from benchmarks.proxy_under_load import Settings
from benchmarks.report import Sample, problems, remarks, table
from benchmarks.results import Results

NAME = "closed loop"
SECONDS = 0.5
ROUNDS = 8
KINDS = ("insert", "select", "text", "batch")

_WARM_UP = 0.2


def run(arena: Arena, results: Results, rounds: int | None) -> None:
    """Measure, and add what was found."""
    settings = Settings(SECONDS, rounds or ROUNDS, warm_up=_WARM_UP, backends=arena.backends)
    for kind in KINDS:
        arena.show(kind)
    relay = Contestant(haproxy.NAME, haproxy.start)
    with arena.started([relay, ours.usual(), *others()]) as started:
        for kind in KINDS:
            contestants = {DIRECT: arena.direct(), **started}
            samples = take_turns(contestants, kind, settings, failures=results.wrong)
            results.add(NAME, kind, samples)
            show(kind, samples, results)
            results.figures += figures(kind, samples)


def show(kind: str, samples: Mapping[str, Sequence[Sample]], results: Results) -> None:
    """Print the table of one kind, and keep what is to be said about it."""
    taken = [sample for one in samples.values() for sample in one]
    if not taken:
        return
    print(f"{kind}\n{table(taken)}\n", flush=True)
    for name, one in samples.items():
        results.wrong += [f"{name}, {kind}: {problem}" for problem in problems(one)]
        if name == ours.OURS:
            results.remarks += [f"{name}, {kind}: {remark}" for remark in remarks(one)]


def figures(kind: str, samples: Mapping[str, Sequence[Sample]]) -> list[Figure]:
    """What is asked of one kind, for the contestants that are there."""
    found: list[Figure] = []
    mine, relay, zdm = (samples.get(name) for name in (ours.OURS, haproxy.NAME, ZDM))
    if not mine:
        return found
    if relay:
        must, hope = _CPU.get(kind, (None, None))
        found.append(cpu_figure(f"{TITLES[kind]}, CPU per request", mine, relay, "HAProxy", must, hope))
    if zdm and kind == "insert":
        found.append(cpu_figure(f"{TITLES[kind]}, CPU per request", mine, zdm, "ZDM", 0.25, 0.125))
    if zdm and kind in _SPEED:
        least, hope = _SPEED[kind]
        speed = ratio(mine, zdm, lambda taken: taken.requests_per_second)
        found.append(
            Figure(
                f"{TITLES[kind]}, requests/s / ZDM",
                speed.median,
                at_least=least,
                hope=hope,
                remark=speed.spread,
            )
        )
    return found


def cpu_figure(
    name: str,
    mine: Sequence[Sample],
    other: Sequence[Sample],
    whose: str,
    at_most: float | None = None,
    hope: float | None = None,
) -> Figure:
    """CPU per request relative to that of `other`, who is called `whose`."""
    found = cpu_ratio(mine, other)
    mine_is, other_is = (
        statistics.median(sample.cpu_per_request for sample in taken) * 1e6 for taken in (mine, other)
    )
    return Figure(
        f"{name} / {whose}",
        found.median,
        at_most=at_most,
        hope=hope,
        remark=f"{found.spread}; {mine_is:.2f} us / {other_is:.2f} us",
    )


_CPU: dict[str, tuple[float, float | None]] = {
    "insert": (8.0, 5.0),
    "select": (5.0, 3.5),
    "text": (25.0, None),
}
"""At most so many times the CPU of HAProxy, and what is hoped for."""
_SPEED: dict[str, tuple[float, float | None]] = {"insert": (5.0, 10.0), "text": (3.0, None)}
"""At least so many times the requests/s of ZDM, and what is hoped for."""
TITLES = {
    "insert": "dual-write prepared INSERT",
    "select": "prepared SELECT",
    "text": "text INSERT of ten columns",
    "batch": "batch of ten prepared INSERTs",
}
