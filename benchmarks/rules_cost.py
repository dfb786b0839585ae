"""What rules cost on the hot path: prepared INSERTs through two proxies, one without rules and one with many.

Both proxies stand between the same two instant backends and take turns. The rules name 10,000 tenants, of
which none writes, and 500 tables, none of which is written.
"""

import argparse
import sys

from benchmarks.arena import instant_arena
from benchmarks.comparison import alike, cpu_ratio, take_turns
from benchmarks.contestants.ours import contestant
from benchmarks.errors import BenchmarkError
from benchmarks.machine import machine
from benchmarks.proxy_under_load import Settings
from benchmarks.report import Sample, problems, remarks, table
from bootstrap.commands import BootstrapError
from tests.nodes import ProcessError

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
_WARM_UP = 0.15
_BARE, _RULED = "no rules", "with rules"


def main() -> int:
    """Measure and show; the exit status, 0 only if nothing went wrong and the ratio is within bounds."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.rules_cost", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--rounds", type=int, default=40, help="turns of each proxy (default %(default)s)")
    parser.add_argument("--seconds", type=float, default=0.6, help="length of one (default %(default)s)")
    given = parser.parse_args()
    settings = Settings(given.seconds, warm_up=_WARM_UP)
    try:
        samples = _measure(settings, given.rounds)
    except (BenchmarkError, BootstrapError, ProcessError) as error:
        print(f"\nbenchmark: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    taken = [*samples[_BARE], *samples[_RULED]]
    print(table(taken), "", *remarks(taken), sep="\n")
    ratio = cpu_ratio(samples[_RULED], samples[_BARE])
    print(
        f"\nCPU per INSERT with {TENANTS:,} tenants and {PATTERNS} table patterns, relative to none: {ratio}"
    )
    found = problems(taken)
    if ratio.median > ALLOWED:
        found.append(f"rules cost more than {ALLOWED - 1:.0%}")
    for problem in found:
        print(f"WRONG: {problem}")
    return 1 if found else 0


def _measure(settings: Settings, rounds: int) -> dict[str, list[Sample]]:
    print("Starting two instant backends and two proxies ...", flush=True)
    with instant_arena() as place:
        place.show("insert")
        proxies = [contestant(name, rules=rules) for name, rules in ((_BARE, None), (_RULED, _RULES))]
        with place.started(proxies) as started:
            place.raise_failures()
            print(f"{machine()}\n", flush=True)
            return take_turns(alike(started, "insert", settings), rounds)


if __name__ == "__main__":
    sys.exit(main())
