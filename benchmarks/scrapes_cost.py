"""What a scrape of /metrics each second costs a proxy under full load: requests/s with scrapes and without.

One proxy, one run: stretches in which it is scraped every second take turns with stretches in which it is
not, in an order that changes. A ratio is taken within a round, since the machine changes from one second to
the next. With --tables the load writes so many tables, whose figures are in each scrape.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Final

from benchmarks.arena import instant_arena
from benchmarks.comparison import cpu_ratio, ratio, turned
from benchmarks.contestants import ours
from benchmarks.errors import BenchmarkError
from benchmarks.load import Generators
from benchmarks.machine import machine
from benchmarks.proxy_under_load import Settings, measure_stretch, measured, plan
from benchmarks.report import Sample, problems, remarks, table
from bootstrap.commands import BootstrapError
from tests.nodes import ProcessError, ProxyProcess

ALLOWED: Final = 0.02
"""By so much requests/s may differ."""

_WARM_UP: Final = 0.2
_PERIOD: Final = 1.0
_FIRST: Final = _WARM_UP + _PERIOD / 2
_BARE, _SCRAPED = "no scrapes", "scraped"


def main() -> int:
    """Measure and show; the exit status, 0 only if nothing went wrong and the change is within bounds."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scrapes_cost", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--rounds", type=int, default=60, help="turns of each (default %(default)s)")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one (default %(default)s)")
    parser.add_argument("--tables", type=int, default=1, help="tables that are written (default %(default)s)")
    given = parser.parse_args()
    try:
        samples, took, size = _measure(given.rounds, given.seconds, given.tables)
    except (BenchmarkError, BootstrapError, ProcessError) as error:
        print(f"\nbenchmark: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return _show(samples, took, size, given.tables)


def _show(samples: dict[str, list[Sample]], took: list[float], size: int, tables: int) -> int:
    scraped, bare = samples[_SCRAPED], samples[_BARE]
    taken = [*bare, *scraped]
    print(table(taken), "", *remarks(taken), sep="\n")
    change = ratio(scraped, bare, lambda one: one.requests_per_second)
    print(
        f"\n{len(took)} scrapes of {size:,} bytes, {tables} table{'s' * (tables > 1)}: median"
        f" {median(took) * 1e3:.1f} ms, longest {max(took) * 1e3:.1f} ms\n"
        f"requests/s with a scrape each second, relative to none: {change}\n"
        f"CPU per request, relative to none: {cpu_ratio(scraped, bare)}\n"
        f"p99 of the answers, relative to none: {ratio(scraped, bare, lambda one: one.p99)}"
    )
    found = problems(taken)
    if abs(change.median - 1) >= ALLOWED:
        found.append(f"scrapes change requests/s by {ALLOWED:.0%} or more")
    for problem in found:
        print(f"WRONG: {problem}")
    return 1 if found else 0


def _measure(rounds: int, seconds: float, tables: int) -> tuple[dict[str, list[Sample]], list[float], int]:
    """Samples by name, what each scrape took in seconds, and the bytes of one."""
    print("Starting two instant backends and a proxy ...", flush=True)
    workload, size = ("tables", tables) if tables > 1 else ("insert", None)
    settings = Settings(seconds, warm_up=_WARM_UP)
    samples: dict[str, list[Sample]] = {_BARE: [], _SCRAPED: []}
    took: list[float] = []
    with instant_arena() as arena, ExitStack() as running:
        arena.show(workload, size)
        proxy = ours.launched(running, arena.clusters)
        place = measured(proxy)
        print(f"{machine()}\n", flush=True)
        load = running.enter_context(Generators(plan(place, workload, settings, size)))
        # Whatever grows once (tables of names, the interpreter's caches) has grown after this.
        measure_stretch(place, _BARE, load, settings)
        proxy.get("/metrics")
        for number in range(rounds):
            for name in turned(list(samples), number):
                with ExitStack() as meanwhile:
                    if name == _SCRAPED:
                        meanwhile.enter_context(_scraped(proxy, took))
                    samples[name].append(measure_stretch(place, name, load, settings))
            if sys.stdout.isatty():
                print(f"\r{number + 1} of {rounds} rounds ", end="", flush=True)
        return samples, took, len(proxy.get("/metrics")[1])


@contextmanager
def _scraped(proxy: ProxyProcess, took: list[float]) -> Iterator[None]:
    """Scrape every second meanwhile. What each took is added to ``took``. Raises `BenchmarkError`."""
    over = threading.Event()
    failures: list[str] = []

    def scrape() -> None:
        pause = _FIRST
        while not over.wait(pause):
            began = time.monotonic()
            try:
                status, _ = proxy.get("/metrics")
            except OSError as error:
                failures.append(str(error))
                return
            took.append(time.monotonic() - began)
            if status != 200:
                failures.append(f"/metrics was answered with {status}")
                return
            pause = max(0.0, _PERIOD - took[-1])

    thread = threading.Thread(target=scrape, name="scrapes")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if failures:
        raise BenchmarkError(failures[0])


if __name__ == "__main__":
    sys.exit(main())
