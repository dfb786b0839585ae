"""How many requests a second, and what CPU each: 8 connections with 32 requests in flight, of four kinds.

On backends that answer at once, where a contestant is its own limit; on real nodes; and cqlproxy's variants.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from benchmarks.arena import DIRECT, Arena, Cluster
from benchmarks.comparison import alike, cpu_ratio, ratio, take_turns
from benchmarks.contestants import haproxy, ours
from benchmarks.contestants.other_proxies import ZDM, others
from benchmarks.figures import Figure
from benchmarks.proxy_under_load import Settings
from benchmarks.report import Sample, limits, problems, table
from benchmarks.results import Results

NAME = "closed loop"
VARIANTS = "variants"
REAL_NODES = "real nodes"

KINDS = ("insert", "select", "text", "batch")
TITLES = {
    "insert": "dual-write prepared INSERT",
    "select": "prepared SELECT",
    "text": "text INSERT of ten columns",
    "batch": "batch of ten prepared INSERTs",
}

_CPU: dict[str, tuple[float, float | None]] = {
    "insert": (8.0, 5.0),
    "select": (5.0, 3.5),
    "text": (25.0, None),
}
"""At most so many times the CPU of HAProxy, and what is hoped for."""
_SPEED: dict[str, tuple[float, float | None]] = {"insert": (5.0, 10.0), "text": (3.0, None)}
"""At least so many times the requests/s of ZDM, and what is hoped for."""


def run(arena: Arena[Cluster], results: Results, rounds: int | None) -> None:
    """All kinds through HAProxy, cqlproxy and whoever else is there."""
    settings = Settings(0.5, warm_up=0.2, backends=arena.backends)
    for kind in KINDS:
        arena.show(kind)
    with arena.started([haproxy.contestant(), ours.usual(), *others()]) as started:
        for kind in KINDS:
            turns = alike({DIRECT: arena.direct(), **started}, kind, settings)
            samples = take_turns(turns, rounds or 6, results.wrong)
            show(NAME, kind, samples, results)
            results.figures += figures(kind, samples)


def run_variants(arena: Arena[Cluster], results: Results, rounds: int | None) -> None:
    """Prepared INSERTs through cqlproxy in all modes, without rules, and with a journal of everything."""
    settings = Settings(0.4, warm_up=0.2, backends=arena.backends)
    arena.show("insert")
    with arena.started([haproxy.contestant(), ours.usual(), *ours.variants()]) as started:
        samples = take_turns(alike(started, "insert", settings), rounds or 3, results.wrong)
    show(VARIANTS, "insert", samples, results)


def run_real(arena: Arena[Cluster], results: Results, rounds: int | None) -> None:
    """All kinds on two real nodes, which set the pace then."""
    settings = Settings(3.0, warm_up=1.5, backends=arena.backends)
    for kind in KINDS:
        arena.show(kind)
    with arena.started([haproxy.contestant(), ours.usual(), *others()]) as started:
        for kind in KINDS:
            turns = alike({DIRECT: arena.direct(), **started}, kind, settings)
            show(REAL_NODES, kind, take_turns(turns, rounds or 3, results.wrong), results)


def show(part: str, case: str, samples: Mapping[str, Sequence[Sample]], results: Results) -> None:
    """Keep and print the samples, and what is wrong with them."""
    results.add(part, case, samples)
    taken = [sample for one in samples.values() for sample in one]
    if not taken:
        return
    print(f"{part}: {case}\n{table(taken)}\n", flush=True)
    for name, one in samples.items():
        results.wrong += [f"{name}, {part}, {case}: {problem}" for problem in problems(one)]
        if one and name != DIRECT:
            results.remarks += [f"{name}, {part}, {case}: {said}" for said in limits(one)]


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
    remark = f"{found.spread}; {mine_is:.3g} us / {other_is:.3g} us"
    copies = [sample.copies_per_request for sample in mine if sample.copies_per_request]
    if copies:
        # Those that had not arrived yet are not in the CPU.
        remark += f"; {statistics.median(copies):.2f} copies each"
    return Figure(f"{name} / {whose}", found.median, at_most=at_most, hope=hope, remark=remark)
