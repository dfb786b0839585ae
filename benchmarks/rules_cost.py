"""What rules cost on the hot path: prepared INSERTs through two proxies, one without rules and one with many.

Both proxies stand between the same two real nodes and take turns, so the ratio of a pair says more than
either figure. The rules name 10,000 tenants, of which none writes, and 500 tables, none of which is written.
"""

import argparse
import statistics
import sys
from contextlib import ExitStack

import uvloop

from benchmarks.errors import BenchmarkError
from benchmarks.machine import machine
from benchmarks.measure import wait_idle
from benchmarks.report import Sample, line, problems
from benchmarks.running_proxy import ROOM, Measured, Settings, measure_one, node, prepare_table
from bootstrap.commands import BootstrapError
from tests.nodes import (
    CassandraNode,
    ProcessError,
    ProxyProcess,
    loopback_address,
    proxy_settings,
    start_together,
    workspace,
)
from tests.nodes.addresses import ADMIN_PORT
from tests.nodes.jars import cassandra_jars

TENANTS = 10_000
PATTERNS = 500
ALLOWED = 1.10
"""The cost with rules, relative to the cost without."""

_RULES: dict[str, object] = {
    # The keys of the benchmark are random positive numbers: none of these is among them.
    "tenant_blacklist": [str(-number) for number in range(1, TENANTS + 1)],
    "tenant_columns": ["key"],
    "table_blacklist": [f"held_{number}.*_log" for number in range(PATTERNS)],
}
_IDLE_SECONDS = 60.0


def main() -> int:
    """Measure and show; the exit status, 0 only if nothing went wrong and the ratio is within bounds."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.rules_cost", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--pairs", type=int, default=7, help="measurements of each proxy (default 7)")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of one (default 5)")
    given = parser.parse_args()
    settings = Settings(("insert",), given.seconds, given.pairs, connections=8, window=32, processes=1)
    try:
        with ExitStack() as running:
            plain, with_rules = _measure(running, settings)
    except (BenchmarkError, BootstrapError, ProcessError) as error:
        print(f"\nbenchmark: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    ratios = sorted(
        ruled.cpu_per_request / bare.cpu_per_request for bare, ruled in zip(plain, with_rules, strict=True)
    )
    median = statistics.median(ratios)
    print(
        f"\nCPU per INSERT with {TENANTS:,} tenants and {PATTERNS} table patterns, relative to none: "
        f"median {median:.3f} of {len(ratios)} pairs ({ratios[0]:.3f} to {ratios[-1]:.3f})"
    )
    found = problems([*plain, *with_rules])
    if median > ALLOWED:
        found.append(f"rules cost more than {ALLOWED - 1:.0%}")
    for problem in found:
        print(f"WRONG: {problem}")
    return 1 if found else 0


def _measure(running: ExitStack, settings: Settings) -> tuple[list[Sample], list[Sample]]:
    cassandra_jars()
    root = running.enter_context(workspace())
    primary, shadow = (node(name, root) for name in ("primary", "shadow"))
    print("Starting two Cassandra nodes and two proxies ...", flush=True)
    running.enter_context(start_together(primary, shadow))
    plain = _proxy(running, primary, shadow, None)
    with_rules = _proxy(running, primary, shadow, _RULES)
    uvloop.run(prepare_table(plain))
    print(f"{machine()}\n", flush=True)
    samples: dict[int, list[Sample]] = {plain.pid: [], with_rules.pid: []}
    for number in range(settings.rounds):
        # Who goes first alternates.
        for measured in (plain, with_rules) if number % 2 else (with_rules, plain):
            wait_idle(measured.pid, _IDLE_SECONDS)
            taken = measure_one(measured, "insert", settings)
            samples[measured.pid].append(taken)
            print(f"{'with rules' if measured is with_rules else 'no rules  '}  {line(taken)}", flush=True)
    return samples[plain.pid], samples[with_rules.pid]


def _proxy(
    running: ExitStack, primary: CassandraNode, shadow: CassandraNode, rules: dict[str, object] | None
) -> Measured:
    root = running.enter_context(workspace())
    proxy = ProxyProcess(proxy_settings(loopback_address(), primary, shadow, mirror=ROOM), root, rules=rules)
    running.callback(proxy.stop)
    proxy.start()
    return Measured(proxy.address, proxy.port, proxy.pid, (proxy.address, ADMIN_PORT))


if __name__ == "__main__":
    sys.exit(main())
