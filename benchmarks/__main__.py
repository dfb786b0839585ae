"""The benchmark: cqlproxy beside a TCP relay and other proxies, on backends that answer at once.

python -m benchmarks [PART ...] measures those parts; without any, all that need no real nodes, which takes
some six minutes. Table, plots and samples are kept in a directory.
"""

import argparse
import shlex
import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from benchmarks import plots
from benchmarks.arena import Arena, Cluster, instant_arena, real_arena
from benchmarks.errors import BenchmarkError
from benchmarks.figures import figures_table
from benchmarks.machine import commit, machine, program
from benchmarks.page import page
from benchmarks.parts import closed_loop, driven, growth, many_connections, rates, stalls
from benchmarks.results import Results, results_json
from bootstrap import packages
from bootstrap.commands import BootstrapError
from bootstrap.environments import CHECKOUT
from tests.nodes import ProcessError

_Part = Callable[[Arena[Cluster], Results, int | None], None]

INSTANT: dict[str, _Part] = {
    "closed-loop": closed_loop.run,
    "variants": closed_loop.run_variants,
    "fixed-rate": rates.run_fixed,
    "one-at-a-time": rates.run_one,
    "many-connections": many_connections.run,
    "stalls": stalls.run,
    "growth": growth.run,
}
"""On backends that answer at once."""
REAL: dict[str, _Part] = {"real-nodes": closed_loop.run_real, "latte": driven.run}
"""On real nodes."""

_FOLDER = "results"


def main() -> int:
    """Measure, show and keep; the exit status, 0 only if all that must hold does."""
    given = _arguments()
    command = shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])
    results = Results(machine(), datetime.now(UTC).isoformat(" ", "seconds"), command)
    chosen = given.parts or list(INSTANT)
    try:
        many_connections.allow_files()
        results.versions = [
            f"cqlproxy of commit {commit(CHECKOUT) or 'unknown'}",
            program([packages.haproxy(), "-v"]) or "an unknown HAProxy",
        ]
        print(f"{results.machine}\n", flush=True)
        _measure(instant_arena(), INSTANT, chosen, results, given.rounds)
        _measure(real_arena(), REAL, chosen, results, given.rounds)
    except (BenchmarkError, BootstrapError, ProcessError) as error:
        results.wrong.append(str(error))
    except KeyboardInterrupt:
        return 130
    print(figures_table(results.figures))
    for remark in results.remarks:
        print(remark)
    print(f"\nKept in {_keep(results, given.out)}")
    for problem in results.wrong:
        print(f"WRONG: {problem}", file=sys.stderr)
    return 0 if results.hold else 1


def _measure(
    place: AbstractContextManager[Arena[Cluster]],
    parts: dict[str, _Part],
    chosen: Iterable[str],
    results: Results,
    rounds: int | None,
) -> None:
    """Those of the parts that are chosen; one that cannot be measured keeps no other from it."""
    mine = [part for part in chosen if part in parts]
    if not mine:
        return
    print("Starting two clusters ...", flush=True)
    with place as arena:
        arena.failures = results.wrong
        results.versions.append(f"Cassandra {arena.show('insert')}")
        for part in mine:
            try:
                parts[part](arena, results, rounds)
            except BenchmarkError as error:
                results.wrong.append(f"{part}: {error}")


def _keep(results: Results, out: Path) -> Path:
    """Write samples, pictures and the page about them; where the page is."""
    folder = out / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(results_json(results) + "\n")
    pictures = []
    if find_spec("matplotlib") is None:
        results.remarks.append("No pictures: matplotlib is not installed (make bench installs it).")
    else:
        pictures = plots.draw(results, folder)
    written = out / "RESULTS.md"
    written.write_text(page(results, pictures, _FOLDER))
    return written


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = ", ".join((*INSTANT, *REAL))
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {parts}")
    parser.add_argument("--rounds", type=int, help="turns of each contestant; default: what each part takes")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("build/bench"),
        help="where RESULTS.md and results/ are written; default: %(default)s",
    )
    given = parser.parse_args()
    unknown = [part for part in given.parts if part not in INSTANT and part not in REAL]
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}")
    if given.rounds is not None and given.rounds < 2:
        parser.error("--rounds: at least 2")
    return given


if __name__ == "__main__":
    sys.exit(main())
