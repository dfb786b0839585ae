"""The longest time for which the event loop stood still, in a minute at half of the load that it can take.

Meanwhile the metrics are scraped every second, the rules are replaced every five, and texts that never repeat
are analysed and forgotten, so that the collector has work. Two watch: a pulse inside the loop, which is the
figure, and a probe outside, which sends OPTIONS every millisecond and sees what the machine adds.
"""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

from benchmarks.arena import Arena, Cluster
from benchmarks.contestants import ours
from benchmarks.errors import BenchmarkError
from benchmarks.figures import Figure
from benchmarks.load import Generators
from benchmarks.plan import Load, Plan
from benchmarks.proxy_under_load import Settings, measure_one, measured
from benchmarks.pulse import Stalls, read_stalls
from benchmarks.report import percentile
from benchmarks.results import Results
from tests.nodes import ProcessError, ProxyProcess, workspace

MINUTE = 60.0

_TEXTS_PER_SECOND = 500
_PROBES_PER_SECOND = 1000
_RELOAD_EVERY = 5
_TENANTS = 1000
_TABLES = 50
_TOLD_SECONDS = 5.0
_LATE_SHARE = 0.05
_SHARES = (0.5, 0.375, 0.25)
_TRIAL_SECONDS = 2.0
_NONE_FAILED = b"\nproxy_rules_reload_failures_total 0"


def run(arena: Arena[Cluster], results: Results, rounds: int | None) -> None:
    """Measure, and add what was found. rounds: of twelve seconds each; without it there are five."""
    for kind in ("insert", "text"):
        arena.show(kind)
    with ExitStack() as running:
        report = running.enter_context(workspace()) / "stalls.json"
        program = ("-m", "benchmarks.pulse", report)
        try:
            proxy = ours.launched(running, arena.clusters, program=program)
            seconds = MINUTE if rounds is None else 12.0 * rounds
            results.figures += _measure(proxy, report, seconds)
        except (BenchmarkError, ProcessError) as error:
            results.wrong.append(f"stalls were not measured: {error}")


def _measure(proxy: ProxyProcess, report: Path, seconds: float) -> list[Figure]:
    fastest = measure_one(measured(proxy), "insert", Settings(1.5, warm_up=0.5)).requests_per_second
    rate = _half(proxy, fastest)
    with ExitStack() as running:
        loads = [
            running.enter_context(Generators(plan))
            for plan in (
                Plan(proxy.address, proxy.port, "insert", rate=rate),
                Plan(proxy.address, proxy.port, "text", connections=1, rate=_TEXTS_PER_SECOND),
                Plan(proxy.address, proxy.port, "options", connections=1, rate=_PROBES_PER_SECOND),
            )
        ]
        for load in loads:
            load.go()
        time.sleep(1.0)
        _told(proxy, report)
        for load in loads:
            load.count()
        scraped = _disturb(proxy, seconds)
        inside = _told(proxy, report)
        main, texts, probes = [load.stop() for load in loads]
    if main.late > _LATE_SHARE * rate * seconds:
        raise BenchmarkError(
            f"{main.late:,} of {rate * seconds:,.0f} writes were sent late: the machine had other work"
        )
    for seen in (main, texts, probes):
        if seen.errors:
            raise BenchmarkError(f"{seen.errors} answers were errors, the first: {seen.first_error}")
    return [_inside(inside, rate, fastest, seconds, scraped), _outside(probes, main)]


def _half(proxy: ProxyProcess, fastest: float) -> float:
    """Half of the load that a closed loop reached, or what can be had of it: an open loop costs more.

    Raises `BenchmarkError`.
    """
    for share in _SHARES:
        rate = round(share * fastest, -3)
        with Generators(Plan(proxy.address, proxy.port, "insert", rate=rate)) as load:
            load.go()
            time.sleep(_TRIAL_SECONDS)
            late = load.stop().late
        if late <= _LATE_SHARE * rate * _TRIAL_SECONDS:
            return rate
    raise BenchmarkError(
        f"not even {rate:,.0f} of {fastest:,.0f} writes/s can be sent in time: the machine has other work"
    )


def _disturb(proxy: ProxyProcess, seconds: float) -> int:
    """Scrape and reload for so long; how often it was scraped."""
    begin = time.monotonic()
    number = 0
    while time.monotonic() < begin + seconds:
        status, said = proxy.get("/metrics")
        if status != 200 or _NONE_FAILED not in said:
            raise BenchmarkError(f"/metrics was answered with {status}, or the rules could not be replaced")
        if number % _RELOAD_EVERY == 0:
            proxy.write_rules(_rules(number))
            proxy.send(signal.SIGHUP)
        number += 1
        time.sleep(max(0.0, begin + number - time.monotonic()))
    return number


def _rules(number: int) -> dict[str, object]:
    tenants = [str(UUID(int=tenant)) for tenant in range(number + 1, number + _TENANTS)]
    tables = [f"held_{table}.*_log" for table in range(_TABLES)]
    return {**ours.RULES, "tenant_blacklist": tenants, "table_blacklist": tables}


def _told(proxy: ProxyProcess, report: Path) -> Stalls:
    """What the pulse has seen since it was asked before. Raises `BenchmarkError`."""
    report.unlink(missing_ok=True)
    proxy.send(signal.SIGUSR1)
    deadline = time.monotonic() + _TOLD_SECONDS
    while not report.exists():
        if time.monotonic() > deadline:
            raise BenchmarkError(f"the pulse of the proxy did not report within {_TOLD_SECONDS:g} s")
        time.sleep(0.02)
    return read_stalls(report)


def _inside(stalls: Stalls, rate: float, fastest: float, seconds: float, scraped: int) -> Figure:
    return Figure(
        f"longest stall of the loop in {seconds:.0f} s at half load",
        stalls.longest * 1e3,
        "ms",
        at_most=10,
        hope=3,
        remark=f"{rate:,.0f} writes/s ({rate / fastest:.0%}), {scraped} scrapes, {stalls.beats:,} beats; "
        f"{stalls.longest_in_all * 1e3:.3g} ms with waits for a core",
    )


def _outside(probes: Load, main: Load) -> Figure:
    ordered = sorted(probes.latencies)
    p50, p999 = (percentile(ordered, percent) * 1e3 for percent in (50, 99.9))
    written = percentile(sorted(main.latencies), 99.9) * 1e3
    return Figure(
        "slowest answer to OPTIONS meanwhile",
        ordered[-1] * 1e3,
        "ms",
        remark=f"p50 {p50:.3g}, p99.9 {p999:.3g} of {len(ordered):,}, waits for a core included; "
        f"writes' p99.9 {written:.3g} ms, {main.late:,} were sent late",
    )
