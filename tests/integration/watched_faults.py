"""Five proxies under load, one for each fault of the mirror, and the Prometheus that watches them.

Each has a relay to the shadow of its own, so that all faults are there at the same time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bootstrap.environments import CHECKOUT
from frame_codec import ErrorCode, Opcode, PlainError, Query, QueryParameters
from monitoring.rules import ALERTS
from tests.integration.conftest import StartProxy
from tests.integration.paced_load import PacedLoad
from tests.integration.raw_client import RawClient
from tests.integration.shortened_rules import shortened
from tests.nodes import CassandraNode, ProxyProcess
from tests.nodes.addresses import ADMIN_PORT
from tests.nodes.faults import Failing, Fault, Healthy, Refused, Slow
from tests.nodes.prometheus import Active, PrometheusServer
from tests.nodes.relay import Relay

INTERVAL = "500ms"
RATE = 60
"""Requests a second at each proxy; every other one is a write."""
ROWS = 20
KEYSPACE = "watched_faults"
RULES: dict[str, object] = {"table_blacklist": [f"{KEYSPACE}.held_back"]}
SCHEMA = (
    f"CREATE KEYSPACE {KEYSPACE} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}",
    *(
        f"CREATE TABLE {KEYSPACE}.{table} (id bigint PRIMARY KEY, v text)"
        for table in ("away", "queue_filling", "dead_letters", "mismatches", "lag", "held_back")
    ),
)


@dataclass(frozen=True)
class MirrorFault:
    """What the relay to the shadow does, or is done behind the proxy's back, and which alert tells of it."""

    alert: str
    fault: Fault = field(default_factory=Healthy)
    settings: dict[str, Any] = field(default_factory=dict)
    rules: dict[str, object] | None = None
    before: tuple[str, ...] = ()
    """Statements for the shadow alone, by which the fault is made."""
    after: tuple[str, ...] = ()
    """And those by which it is mended."""
    restarts: bool = False
    """Whether the shadow is restarted to mend it: a circuit is tried at once when a node connects."""
    commands: tuple[str, ...] = ()
    """What the operator types once the shadow is well, as the runbook says."""


FAULTS = {
    "away": MirrorFault(
        "CqlproxyShadowAway", Refused(), {"mirror": {"max_requests": 100}}, rules={**RULES, "enforce": False}
    ),
    "queue_filling": MirrorFault(
        "CqlproxyQueueFilling", Slow(1.5), {"mirror": {"max_requests": 25}}, rules=RULES
    ),
    "dead_letters": MirrorFault(
        "CqlproxyDeadLetters",
        Failing(PlainError("no such table", ErrorCode.INVALID)),
        commands=("dead-letters replay --all",),
    ),
    "mismatches": MirrorFault(
        "CqlproxyMismatches",
        settings={"validation_percentage": 100, "validation_recheck_ms": 100},
        before=tuple(
            f"INSERT INTO {KEYSPACE}.mismatches (id, v) VALUES ({row}, 'here only')" for row in range(ROWS)
        ),
        after=tuple(f"DELETE FROM {KEYSPACE}.mismatches WHERE id = {row}" for row in range(ROWS)),
    ),
    "lag": MirrorFault(
        "CqlproxyCopiesLag", Failing(PlainError("too much to do", ErrorCode.OVERLOADED)), restarts=True
    ),
}


class Watched:
    """One of the proxies, with its load and its fault."""

    def __init__(self, name: str, fault: MirrorFault, proxy: ProxyProcess, relay: Relay) -> None:
        self.name = name
        self.fault = fault
        self.proxy = proxy
        self.instance = f"{proxy.address}:{ADMIN_PORT}"
        self.since = 0.0
        """When the fault began, or was mended: `time.monotonic()`."""
        self._relay = relay

    def begins(self, shadow: CassandraNode) -> None:
        self.since = time.monotonic()
        tell(shadow, *self.fault.before)
        self._relay.suffer(self.fault.fault)

    def ends(self, shadow: CassandraNode) -> None:
        self.since = time.monotonic()
        if self.fault.restarts:
            self._relay.suffer(Refused())
        self._relay.heal()
        tell(shadow, *self.fault.after)
        for command in self.fault.commands:
            program = [sys.executable, "-m", "cqlproxy", *command.split(), "--url", f"http://{self.instance}"]
            subprocess.run(program, cwd=CHECKOUT, env=os.environ, check=True, capture_output=True, timeout=30)


@dataclass(frozen=True)
class Scene:
    """All of them."""

    watched: dict[str, Watched]
    prometheus: PrometheusServer
    shadow: CassandraNode

    def firing(self, name: str, alert: str = "") -> Active | None:
        """The alert on a fault, or another one, if it fires for the proxy that has the fault."""
        of = self.watched[name]
        for active in self.prometheus.alerts():
            here = active.labels.get("instance") == of.instance
            if here and active.name == (alert or of.fault.alert) and active.state == "firing":
                return active
        return None

    def waited(self, names: list[str], holds: Callable[[str], bool], timeout: float) -> dict[str, float]:
        """By name, the seconds from the beginning or the end of its fault until it was seen to hold.

        Without those for which it did not within `timeout`.
        """
        deadline = time.monotonic() + timeout
        seconds: dict[str, float] = {}
        while len(seconds) < len(names) and time.monotonic() < deadline:
            for name in names:
                if name not in seconds and holds(name):
                    seconds[name] = round(time.monotonic() - self.watched[name].since, 1)
            time.sleep(0.2)
        return seconds


def tell(server: CassandraNode | ProxyProcess, *statements: str) -> None:
    """Carry them out there, one after the other."""
    with RawClient(server) as client:
        client.start()
        for text in statements:
            client.request(Query(text, QueryParameters()))
            client.expect(Opcode.RESULT, stream=1)


@contextmanager
def scene(start: StartProxy, primary_tls: object, shadow: CassandraNode, root: Path) -> Iterator[Scene]:
    """All proxies with their load, none of them with its fault, and Prometheus that has seen them all."""
    with ExitStack() as stack:
        watched = {}
        for name, fault in FAULTS.items():
            relay = stack.enter_context(Relay(shadow))
            proxy = start(
                rules=fault.rules,
                launch=False,
                primary={"tls": primary_tls},
                shadow={"contact_points": [relay.address]},
                **fault.settings,
            )
            proxy.launch()
            watched[name] = Watched(name, fault, proxy, relay)
        for of in watched.values():
            of.proxy.wait_ready()
        first = watched["away"].proxy
        tell(first, *SCHEMA)
        first.wait_copied()
        for name, of in watched.items():
            stack.enter_context(
                PacedLoad(of.proxy, f"{KEYSPACE}.{name}", rows=ROWS, rate=RATE, connections=1)
            )
            of.proxy.wait_copied()
        for name in ("away", "queue_filling"):
            writes = (f"INSERT INTO {KEYSPACE}.held_back (id, v) VALUES ({row}, 'x')" for row in range(5))
            tell(watched[name].proxy, *writes)
        targets = [of.instance for of in watched.values()]
        rules = shortened(ALERTS.read_text())
        prometheus = stack.enter_context(PrometheusServer(targets, rules, interval=INTERVAL, root=root))
        prometheus.wait_until(
            lambda: len(prometheus.query("proxy_build_info")) == len(watched), 20, what="all proxies"
        )
        yield Scene(watched, prometheus, shadow)
