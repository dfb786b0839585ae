"""What the journal costs, and what it holds: the figures of its speed and memory, on instant backends.

First three proxies take turns, which journal nothing, what memory cannot hold, and every copy. Then the
shadow goes away under a fixed rate of writes and comes back, several times. At last millions of copies wait.
"""

import argparse
import statistics
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack

from benchmarks import outage
from benchmarks.arena import Arena, instant_arena
from benchmarks.comparison import alike, cpu_ratio, take_turns
from benchmarks.errors import BenchmarkError
from benchmarks.figures import Figure, figures_json, figures_table
from benchmarks.instant.cluster import InstantCluster
from benchmarks.instant.relay import Behaviour
from benchmarks.machine import machine
from benchmarks.measure import wait_idle
from benchmarks.plan import Plan
from benchmarks.proxy_under_load import Settings, measured, started_proxy
from benchmarks.report import problems, remarks, table
from bootstrap.commands import BootstrapError
from tests.nodes import ProcessError, ProxyProcess

RATE = 22_000
"""Writes a second while the shadow is away."""
COPIES = 5_000_000
"""That wait in the journal when memory is measured."""

_OFF, _OVERFLOW, _ALWAYS = "journal off", "journal overflow", "journal always"
_JOURNALS: dict[str, dict[str, object]] = {
    _OFF: {"journal": "off", "overflow": "drop"},
    _OVERFLOW: {"journal": "overflow", "overflow": "spill", "replay_rate": 1_000_000},
    _ALWAYS: {"journal": "always", "overflow": "spill", "replay_rate": 1_000_000},
}
_IDLE_SECONDS = 60.0
_RETURN_SECONDS = 90.0
"""For a replay; a shadow that was away may be asked again only after half a minute."""
_FILL_RATE = 40_000
"""Copies a second that are made to wait when memory is measured."""
_SLOWEST_FILL = 15_000
"""Copies a second; slower than that, filling is given up."""
_LATE_SHARE = 0.01
_MIB = 1 << 20


def main() -> int:
    """Measure and show; the exit status, 0 only if all figures hold."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.journal_cost", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--rounds", type=int, default=24, help="turns of each proxy (default %(default)s)")
    parser.add_argument("--seconds", type=float, default=0.6, help="length of one (default %(default)s)")
    parser.add_argument("--outages", type=int, default=3, help="of the shadow (default %(default)s)")
    parser.add_argument("--rate", type=float, default=RATE, help="writes/s in them (default %(default)s)")
    parser.add_argument(
        "--copies",
        type=int,
        default=COPIES,
        help="that wait on disk for the figure of memory (default %(default)s)",
    )
    given = parser.parse_args()
    figures: list[Figure] = []
    wrong: list[str] = []
    try:
        print("Starting two instant backends ...", flush=True)
        with instant_arena() as place:
            place.show("insert")
            print(f"{machine()}\n", flush=True)
            settings = Settings(given.seconds, warm_up=0.2)
            for figure in _parts(
                place, settings, given.rounds, given.outages, given.rate, given.copies, wrong
            ):
                figures.append(figure)
                print(
                    f"{figure.name}: {figure.value:,.4g} {figure.unit} {figure.remark}".rstrip(), flush=True
                )
    except (BenchmarkError, BootstrapError, ProcessError) as error:
        wrong.append(str(error))
    except KeyboardInterrupt:
        return 130
    print(f"\n{figures_table(figures)}\n\n{figures_json(figures, machine())}")
    for problem in wrong:
        print(f"WRONG: {problem}", file=sys.stderr)
    return 1 if wrong or not all(figure.holds for figure in figures) else 0


def _parts(
    place: Arena[InstantCluster],
    settings: Settings,
    rounds: int,
    outages: int,
    rate: float,
    copies: int,
    wrong: list[str],
) -> Iterator[Figure]:
    yield from _healthy(place, settings, rounds, wrong)
    if outages:
        yield from _outages(place, outages, rate, wrong)
    if copies:
        yield from _memory(place, copies)


def _healthy(
    place: Arena[InstantCluster], settings: Settings, rounds: int, wrong: list[str]
) -> Iterator[Figure]:
    """What each write costs while the shadow takes all copies."""
    with ExitStack() as running:
        proxies = {name: measured(_proxy(running, place, mirror)) for name, mirror in _JOURNALS.items()}
        samples = take_turns(alike(proxies, "insert", settings), rounds)
    taken = [sample for name in _JOURNALS for sample in samples[name]]
    print(f"{table(taken)}\n", *remarks(taken), sep="\n", flush=True)
    wrong += problems(taken)
    for name, most in ((_OVERFLOW, 1.10), (_ALWAYS, 2.0)):
        ratio = cpu_ratio(samples[name], samples[_OFF])
        yield Figure(f"CPU per write, {name} / off", ratio.median, at_most=most, remark=str(ratio))
    reached = [sample.requests_per_second for sample in samples[_ALWAYS]]
    yield Figure(
        "writes, journal always",
        statistics.median(reached),
        "/s",
        at_least=30_000,
        remark=f"{min(reached):,.0f} to {max(reached):,.0f}",
    )


def _outages(place: Arena[InstantCluster], outages: int, rate: float, wrong: list[str]) -> Iterator[Figure]:
    """What spills and what clients feel, and how fast it is delivered afterwards."""
    spills: list[outage.Spill] = []
    replays: list[outage.Replay] = []
    with ExitStack() as running:
        proxy = _proxy(running, place, _JOURNALS[_OVERFLOW])
        plan = Plan(proxy.address, proxy.port, "insert", rate=rate)
        for _ in range(outages):
            wait_idle(proxy.pid, _IDLE_SECONDS)
            spills.append(outage.spill(proxy, place.shadow, plan, before=6, during=12))
            replays.append(outage.replay(proxy, place.shadow, timeout=_RETURN_SECONDS))
            print(f"{spills[-1]}\n{replays[-1]}", flush=True)
        lost = outage.standing(proxy).lost
    if lost:
        wrong.append(f"{lost} copies were lost while the shadow was away")
    if any(one.errors for one in spills):
        wrong.append("clients saw errors while the shadow was away")
    if sum(one.late for one in spills) > _LATE_SHARE * outages * rate * 18:
        wrong.append("the load generator fell behind: give the machine less to do, or a lower --rate")
    speeds = [one.spilled_per_second for one in spills]
    yield Figure(
        "copies spilled to disk", statistics.median(speeds), "/s", at_least=20_000, remark=_each(speeds)
    )
    slower = [one.p99_during / one.p99_before for one in spills]
    yield Figure(
        "p99 of clients, shadow away / before", statistics.median(slower), at_most=1.2, remark=_each(slower)
    )
    for name, times in (
        ("p99 before", [one.p99_before * 1e3 for one in spills]),
        ("p99 during", [one.p99_during * 1e3 for one in spills]),
    ):
        yield Figure(name, statistics.median(times), "ms", remark=_each(times))
    waits = [100 * one.waited for one in spills]
    yield Figure("the proxy waited for a core", statistics.median(waits), "%", remark=_each(waits))
    speeds = [one.per_second for one in replays]
    yield Figure("copies replayed", statistics.median(speeds), "/s", at_least=20_000, remark=_each(speeds))


def _memory(place: Arena[InstantCluster], copies: int) -> Iterator[Figure]:
    """What memory it takes that many copies wait on disk."""
    with ExitStack() as running:
        proxy = _proxy(running, place, _JOURNALS[_OVERFLOW])
        # At a rate that the journal can take; what it cannot write in time is dropped.
        plan = Plan(proxy.address, proxy.port, "insert", rate=_FILL_RATE)
        stands, resident = outage.fill(
            proxy, place.shadow, plan, copies=copies, timeout=10 + copies / _SLOWEST_FILL
        )
        yield Figure("copies that wait on disk", stands.on_disk, at_least=copies)
        yield Figure("copies lost meanwhile", stands.lost, at_most=0)
        yield Figure("resident memory, at most", resident / _MIB, "MiB", at_most=200e6 / _MIB)
        place.shadow.behave(Behaviour.ANSWER)


def _proxy(running: ExitStack, place: Arena[InstantCluster], mirror: Mapping[str, object]) -> ProxyProcess:
    return started_proxy(running, place.primary, place.shadow, mirror=mirror)


def _each(values: list[float]) -> str:
    return "each: " + ", ".join(f"{value:,.4g}" for value in values)


if __name__ == "__main__":
    sys.exit(main())
