"""1,000 client connections with 10 requests in flight each, beside 8 with 32, and the memory for them."""

from __future__ import annotations

import resource
import statistics
from collections.abc import Sequence

from benchmarks.arena import Arena, Cluster
from benchmarks.comparison import Turn, ratio, take_turns
from benchmarks.contestants import haproxy, ours
from benchmarks.contestants.other_proxies import others
from benchmarks.errors import BenchmarkError
from benchmarks.figures import Figure
from benchmarks.parts.closed_loop import show
from benchmarks.proxy_under_load import Settings
from benchmarks.report import Sample
from benchmarks.results import Results

NAME = "many connections"
CONNECTIONS = 1000
WINDOW = 10

_FILES = 4096
_FEW = ", 8 x 32"


def run(arena: Arena[Cluster], results: Results, rounds: int | None) -> None:
    """Measure, and add what was found."""
    arena.show("insert")
    few = Settings(0.6, warm_up=0.3, backends=arena.backends)
    many = Settings(2.0, connections=CONNECTIONS, window=WINDOW, warm_up=1.0, backends=arena.backends)
    with arena.started([haproxy.contestant(), ours.usual(), *others()]) as started:
        turns = {name: Turn(one, "insert", many) for name, one in started.items()}
        turns |= {name + _FEW: Turn(one, "insert", few) for name, one in started.items()}
        samples = take_turns(turns, rounds or 3, results.wrong)
    show(NAME, f"{CONNECTIONS:,} x {WINDOW}", samples, results)
    mine, mine_few = samples.get(ours.OURS), samples.get(ours.OURS + _FEW)
    if mine and mine_few:
        speed = ratio(mine, mine_few, lambda taken: taken.requests_per_second)
        title = f"{CONNECTIONS:,} connections x {WINDOW}"
        results.figures += [
            Figure(
                f"{title}, requests/s / 8 x 32",
                speed.median,
                at_least=0.7,
                hope=0.9,
                remark=f"{speed.spread}; {_copied(mine):.2f} copies per request meanwhile",
            ),
            Figure(
                "resident memory after it",
                max(taken.resident_bytes for taken in mine) / 1e6,
                "MB",
                at_most=150,
                hope=100,
            ),
        ]


def _copied(samples: Sequence[Sample]) -> float:
    return statistics.median(taken.copies_per_request or 0.0 for taken in samples)


def allow_files() -> None:
    """Let this process and those that it starts have so many connections. Raises `BenchmarkError`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= _FILES:
        return
    if hard != resource.RLIM_INFINITY and hard < _FILES:
        raise BenchmarkError(f"{CONNECTIONS} connections need {_FILES} open files: ulimit -Hn says {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (_FILES, hard))
