"""``python -m benchmarks.profiling``: a proxy under load of one kind is sampled, and what it does is told.

It stands between backends that answer at once. In the end there are a flame graph, the stacks that were seen,
and on the terminal the hottest functions, those of Python by py-spy and those of C and the kernel by perf.
"""

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path

from benchmarks.arena import instant_arena
from benchmarks.contestants import ours
from benchmarks.errors import BenchmarkError
from benchmarks.load import Generators
from benchmarks.parts.closed_loop import KINDS
from benchmarks.profiling.perf import native_functions
from benchmarks.profiling.py_spy import PySpy
from benchmarks.profiling.stacks import functions, table
from benchmarks.proxy_under_load import Settings, measured, plan
from bootstrap.commands import BootstrapError
from tests.nodes import ProcessError

_ROWS = 40
_FOLDER = Path("build", "profiles")


def main() -> int:
    """Load, sample and show; the exit status, 0 only if all that was possible."""
    given = _arguments()
    try:
        with ExitStack() as running:
            _profile(running, given)
    except (BenchmarkError, BootstrapError, ProcessError) as error:
        print(f"\nprofile: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _profile(running: ExitStack, given: argparse.Namespace) -> None:
    print("Starting two instant backends and a proxy ...", flush=True)
    arena = running.enter_context(instant_arena())
    arena.show(given.kind)
    proxy = ours.launched(running, arena.clusters, mode=given.mode, journal=given.journal)
    spy = PySpy(
        proxy.pid,
        rate=given.rate,
        seconds=given.seconds,
        all_threads=given.all_threads,
        native=given.native,
    )
    given.folder.mkdir(parents=True, exist_ok=True)
    name = f"{given.kind}-{given.mode}-journal-{given.journal}"
    stacks, graph = given.folder / f"{name}.stacks", given.folder / f"{name}.svg"
    load = running.enter_context(Generators(plan(measured(proxy), given.kind, Settings(given.seconds))))
    load.go()
    print(f"Sampling a few times, {given.seconds:g} s each ...", flush=True)
    spy.stacks(stacks)
    spy.flame_graph(graph)
    native = native_functions(proxy.pid, rate=given.rate, seconds=given.seconds, rows=given.rows // 2)
    counted = load.stop()
    if counted.errors:
        raise BenchmarkError(f"{counted.errors} requests failed, the first with {counted.first_error}")
    print(f"\n{table(functions(stacks.read_text().splitlines()), given.rows)}")
    print(f"\n{native or 'No perf here: nothing is told of C functions.'}\n\n{graph}\n{stacks}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.profiling", description=__doc__.splitlines()[0]
    )
    parser.add_argument("kind", nargs="?", choices=KINDS, default="insert", help="default: %(default)s")
    parser.add_argument("--mode", default="dual_write_async", help="the write mode; default: %(default)s")
    parser.add_argument(
        "--journal", choices=["off", "overflow", "always"], default="overflow", help="default: %(default)s"
    )
    parser.add_argument(
        "--seconds", type=_seconds, default=8.0, metavar="N", help="of each sampling; default: %(default)g"
    )
    parser.add_argument(
        "--rate", type=int, default=250, metavar="N", help="samples a second; default: %(default)s"
    )
    parser.add_argument(
        "--all-threads", action="store_true", help="also what runs without the interpreter's lock, or waits"
    )
    parser.add_argument("--native", action="store_true", help="functions of C extensions as well")
    parser.add_argument("--rows", type=int, default=_ROWS, metavar="N", help="shown; default: %(default)s")
    parser.add_argument(
        "--folder", type=Path, default=_FOLDER, metavar="PATH", help="for the files; default: %(default)s"
    )
    return parser.parse_args()


def _seconds(text: str) -> float:
    number = float(text)
    if not 1 <= number <= 600:
        raise argparse.ArgumentTypeError("must be from 1 to 600")
    return number


if __name__ == "__main__":
    sys.exit(main())
