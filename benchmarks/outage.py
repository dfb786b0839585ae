"""The shadow goes away under load and comes back: what spills, what clients feel, what memory it takes.

How many copies wait on disk is not asked of the journal. It follows from what clients were answered, what the
shadow acknowledged, and what is in memory or lost.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.errors import BenchmarkError
from benchmarks.instant.cluster import InstantCluster
from benchmarks.instant.relay import Behaviour
from benchmarks.load import Generators
from benchmarks.measure import usage
from benchmarks.plan import Load, Plan
from benchmarks.report import percentile
from tests.nodes import ProxyProcess

_POLL_SECONDS = 0.1
_SETTLED_SHARE = 0.05
"""Of a replay, at its begin and at its end: the shadow is found again, and the last copies are live ones."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Copies at one moment, by ``/stats``."""

    at: float
    delivered: int
    lost: int
    in_memory: int
    on_disk: int


@dataclass(frozen=True, slots=True)
class Spill:
    """One outage under load at a fixed rate. Times in seconds."""

    p99_before: float
    p99_during: float
    slowest_during: float
    clients_per_second: float
    """Answers to clients during the outage."""
    spilled_per_second: float
    """From when memory was full until the end of the outage."""
    late: int
    """Requests that the generator sent too late, before and during."""
    errors: int
    waited: float
    """Share of the outage in which the proxy could have worked, and others had all cores."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What waited on disk was delivered."""

    copies: int
    per_second: float
    """Between the first and the last twentieth of it."""
    seconds_until_first: float
    """From the return of the shadow."""


def standing(proxy: ProxyProcess) -> Standing:
    """Where copies are. Raises `BenchmarkError`."""
    try:
        said = proxy.stats()
        numbers = [
            int(str(said[key]))
            for key in (
                "successful_writes",
                "mirrored_writes",
                "dropped_writes",
                "failed_copies",
                "filtered_writes",
                "queue_depth",
            )
        ]
    except (OSError, ValueError, KeyError) as error:
        raise BenchmarkError(f"no counters from the proxy: {error!r}") from error
    written, delivered, dropped, failed, held_back, in_memory = numbers
    on_disk = written - delivered - dropped - failed - held_back - in_memory
    return Standing(time.monotonic(), delivered, dropped + failed, in_memory, max(0, on_disk))


def spill(proxy: ProxyProcess, shadow: InstantCluster, plan: Plan, *, before: float, during: float) -> Spill:
    """`before` seconds with the shadow, then `during` without; it stays away. Raises `BenchmarkError`."""
    with Generators(plan) as load:
        load.go()
        time.sleep(1.0)
        load.count()
        time.sleep(before)
        healthy = load.report()
        shadow.behave(Behaviour.SILENT)
        began = time.monotonic()
        before_outage = usage(proxy.pid)
        load.count()
        first = _first_on_disk(proxy, began + during)
        time.sleep(max(0.0, began + during - time.monotonic()))
        last = standing(proxy)
        after_outage = usage(proxy.pid)
        seconds = after_outage.at - before_outage.at
        away = load.stop()
    away.latencies = _sorted(away)
    return Spill(
        p99_before=percentile(_sorted(healthy), 99),
        p99_during=percentile(away.latencies, 99),
        slowest_during=away.latencies[-1],
        clients_per_second=len(away.latencies) / seconds,
        spilled_per_second=(last.on_disk - first.on_disk) / (last.at - first.at),
        late=healthy.late + away.late,
        errors=healthy.errors + away.errors,
        waited=(after_outage.waited_seconds - before_outage.waited_seconds) / seconds,
    )


def fill(
    proxy: ProxyProcess, shadow: InstantCluster, plan: Plan, *, copies: int, timeout: float
) -> tuple[Standing, int]:
    """Load while the shadow is away, until so many copies wait on disk or `timeout` seconds are over.

    What stands then, and the most resident memory that the proxy had meanwhile, in bytes.
    """
    shadow.behave(Behaviour.SILENT)
    most = 0
    deadline = time.monotonic() + timeout
    with Generators(plan) as load:
        load.go()
        while (now := standing(proxy)).on_disk < copies and now.at < deadline:
            most = max(most, usage(proxy.pid).resident_bytes)
            time.sleep(_POLL_SECONDS)
        load.stop()
    time.sleep(1.0)
    return standing(proxy), max(most, usage(proxy.pid).resident_bytes)


def replay(proxy: ProxyProcess, shadow: InstantCluster, *, timeout: float) -> Replay:
    """The shadow comes back: until all is delivered, or for at most `timeout` seconds.

    Raises `BenchmarkError` when nothing at all is delivered in that time.
    """
    shadow.behave(Behaviour.ANSWER)
    begin = standing(proxy)
    waiting = begin.in_memory + begin.on_disk
    track = [begin]
    while (now := standing(proxy)).in_memory + now.on_disk > 0 and now.at < begin.at + timeout:
        track.append(now)
        time.sleep(_POLL_SECONDS)
    track.append(now)
    if now.delivered == begin.delivered:
        raise BenchmarkError(
            f"the shadow has been back for {timeout:g} s, and none of {waiting} copies has arrived"
        )
    return replay_of(track)


def replay_of(track: Sequence[Standing]) -> Replay:
    """What a series of standings, the first at the return of the shadow, says of the replay.

    Raises `BenchmarkError` when there are too few between the first and the last twentieth of it.
    """
    begin, end = track[0], track[-1]
    delivered = end.delivered - begin.delivered
    low = begin.delivered + _SETTLED_SHARE * delivered
    high = end.delivered - _SETTLED_SHARE * delivered
    middle = [one for one in track if low <= one.delivered <= high]
    if len(middle) < 2:
        raise BenchmarkError(f"{delivered} copies arrived too fast to be measured: let more of them wait")
    first, last = middle[0], middle[-1]
    found = next(one for one in track if one.delivered > begin.delivered)
    speed = (last.delivered - first.delivered) / (last.at - first.at)
    return Replay(delivered, speed, found.at - begin.at)


def _first_on_disk(proxy: ProxyProcess, deadline: float) -> Standing:
    """When memory is full and copies begin to go to the disk."""
    while True:
        now = standing(proxy)
        if now.on_disk > 0:
            return now
        if now.at > deadline:
            raise BenchmarkError(
                f"no copy has gone to the disk: {now.in_memory} wait in memory, {now.lost} are lost"
            )
        time.sleep(_POLL_SECONDS)


def _sorted(load: Load) -> array[float]:
    return array("d", sorted(load.latencies))
