"""The shadow away under load, in every way in which it can be: no client feels it, and nothing is lost.

$CQLPROXY_AWAY_SECONDS is how long it is away. Ways that a relay can play are played at the same time, each
for a proxy of its own. Latencies are compared within one run: the p99 while it is away is at most 1.2 times
that of a healthy phase, and `NOISE`. There is a healthy phase before and one after, when all has been caught
up; the slower one counts, since a machine does not give the same all the time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from frame_codec import ErrorCode, PlainError
from tests.integration.comparison import contents_of_both, differences
from tests.integration.conftest import StartProxy
from tests.integration.dead_letters import Letter, counted_in, letters_of, wait_settled
from tests.integration.noted_load import Landed, NotedLoad, Requests, wait_for
from tests.nodes import CassandraNode, ProxyProcess
from tests.nodes.faults import Blackholed, Failing, Fault, Healthy, NeverReading, Slow
from tests.nodes.relay import Relay

AWAY_SECONDS = float(os.environ.get("CQLPROXY_AWAY_SECONDS", "8"))
HEALTHY_SECONDS = 5.0
RATE = 400
"""Requests a second, of all loads together: far from what two cores can do."""
NOISE = 0.002
"""Seconds that a p99 of a few milliseconds may differ for no reason but the scheduler's: two cores are shared
by the nodes, the proxies and the applications."""
STALL_SECONDS = 2.0
"""No request takes longer, also while a node that was killed starts on the same two cores."""
IN_MEMORY = 250
"""Copies that a proxy may keep in memory; the journal gets the others."""

CATCH_UP_SECONDS = 60 + 10 * AWAY_SECONDS
"""At most until all has arrived after an outage. A node that was killed is slow for half a minute."""

FULL = PlainError("too much to do", ErrorCode.OVERLOADED)

OF_THE_NODE: dict[str, Callable[[CassandraNode], None]] = {
    "killed": CassandraNode.kill,
    "paused": CassandraNode.pause,
}
OF_THE_RELAY: dict[str, Fault] = {
    "blackholed": Blackholed(),
    "answering only errors": Failing(FULL),
    "accepting and never reading": NeverReading(),
    "slow by 5 s": Slow(5.0),
}
NOTHING_APPLIED = ("answering only errors",)
"""Ways in which it is known of each copy that it was not applied, so that counters are copied again."""


class Outage:
    """One proxy, its load, and the shadow that it sees."""

    def __init__(self, name: str, proxy: ProxyProcess, relay: Relay, *, rate: int, root: Path) -> None:
        self.name = name
        self.proxy = proxy
        self.rate = rate
        self._relay = relay
        self.load = NotedLoad(proxy, "away_" + name.replace(" ", "_"), rate=rate, root=root)
        self.waiting = 0.0
        """Copies that waited at the end of the outage."""
        self.ready = False
        """Whether the proxy was ready then."""

    def begins(self) -> None:
        self._relay.suffer(OF_THE_RELAY.get(self.name, Healthy()))

    def ends(self) -> None:
        self.waiting = self.proxy.count("queue_depth") + self.proxy.count("journal_depth")
        self.ready = self.proxy.get("/ready")[0] == 200
        self._relay.heal()

    def caught_up(self) -> None:
        """Wait until the load goes on and no copy of before waits."""
        self.load.wait_running(self.rate)
        wait_settled(self.proxy, CATCH_UP_SECONDS)


@dataclass(frozen=True)
class Outcome:
    """What an outage has left behind."""

    outage: Outage
    requests: Requests
    before: Requests
    away: Requests
    after: Requests
    stats: dict[str, object]
    letters: list[Letter]
    primary: Landed
    shadow: Landed


@pytest.fixture(scope="module")
def outcome(
    start_module_proxy: StartProxy, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> Callable[[str], Outcome]:
    """The outcome of an outage by its name; had when it is asked for first, and only then."""
    known: dict[str, Outcome] = {}
    failed: dict[str, Exception] = {}

    def ask(name: str) -> Outcome:
        if name not in known.keys() | failed.keys():
            names = [name] if name in OF_THE_NODE else list(OF_THE_RELAY)
            try:
                known.update(have(names, start_module_proxy, primary, shadow, root))
            except Exception as error:
                failed.update(dict.fromkeys(names, error))
        if name in failed:
            raise failed[name]
        return known[name]

    return ask


def have(
    names: list[str], start: StartProxy, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> dict[str, Outcome]:
    """Have these outages at the same time."""
    with ExitStack() as relays:
        outages = []
        for name in names:
            relay = relays.enter_context(Relay(shadow))
            proxy = start(shadow={"contact_points": [relay.address]}, mirror={"max_requests": IN_MEMORY})
            outages.append(Outage(name, proxy, relay, rate=RATE // len(names), root=root))
        before = wait_for(HEALTHY_SECONDS)
        for outage in outages:
            outage.begins()
        for name in OF_THE_NODE.keys() & names:
            OF_THE_NODE[name](shadow)
        away = wait_for(AWAY_SECONDS)
        for outage in outages:
            outage.ends()
        shadow.restore()
        for outage in outages:
            outage.caught_up()
        after = wait_for(HEALTHY_SECONDS)
        requests = [outage.load.end() for outage in outages]
        settled = [wait_settled(outage.proxy) for outage in outages]
        letters = [letters_of(outage.proxy) for outage in outages]
        keyspaces = [outage.load.keyspace for outage in outages]
        on_primary, on_shadow = contents_of_both(primary, shadow, *keyspaces, root=root)
        for outage in outages:
            outage.proxy.stop()
    return {
        outage.name: Outcome(
            outage=outage,
            requests=requests[number],
            before=requests[number].between(*before),
            away=requests[number].between(*away),
            after=requests[number].between(*after),
            stats=settled[number],
            letters=letters[number],
            primary=Landed.of(on_primary, keyspaces[number]),
            shadow=Landed.of(on_shadow, keyspaces[number]),
        )
        for number, outage in enumerate(outages)
    }


every_way = pytest.mark.parametrize("name", [*OF_THE_NODE, *OF_THE_RELAY])


@every_way
def test_a_shadow_that_is_away_is_not_felt(name: str, outcome: Callable[[str], Outcome]) -> None:
    seen = outcome(name)
    # It was away, and most copies were on the disk.
    assert seen.outage.waiting > seen.outage.rate * AWAY_SECONDS / 2
    assert seen.outage.waiting > 2 * IN_MEMORY
    assert seen.outage.ready
    assert seen.requests.errors == []
    assert seen.requests.slowest < STALL_SECONDS
    before, away, after = (phase.p99() for phase in (seen.before, seen.away, seen.after))
    print(f"p99: {before * 1e3:.2f} ms before, {away * 1e3:.2f} ms away, {after * 1e3:.2f} ms after")
    assert away <= max(before, after) * 1.2 + NOISE


@every_way
def test_a_shadow_that_was_away_has_everything_after_its_return(
    name: str, outcome: Callable[[str], Outcome]
) -> None:
    seen = outcome(name)
    assert seen.primary.ids() == seen.requests.inserted()
    assert differences({"rows": seen.primary.rows}, {"rows": seen.shadow.rows}) == []
    # A counter that may have been applied is not sent again: it is a dead letter. None is applied twice.
    assert seen.primary.counts() == seen.requests.counted()
    told = counted_in(seen.letters)
    for row, count in seen.primary.counts().items():
        assert count - told[row] <= seen.shadow.counts()[row] <= count, row
    assert {letter["reason"] for letter in seen.letters} <= {"unknown_outcome"}
    assert sum(told.values()) == len(seen.letters)
    if name in NOTHING_APPLIED:
        assert seen.letters == []
    stats = seen.stats
    assert stats["dropped_writes"] == 0, stats
    assert stats["failed_copies"] == len(seen.letters), stats
    assert stats["successful_writes"] == int(str(stats["mirrored_writes"])) + len(seen.letters), stats
