"""The benchmark: cqlproxy beside a TCP relay and other proxies, on backends that answer at once.

python -m benchmarks [PART ...]: all parts take about five minutes.
"""

import argparse
import shlex
import sys
from datetime import UTC, datetime

from benchmarks.arena import arena
from benchmarks.errors import BenchmarkError
from benchmarks.figures import figures_table
from benchmarks.machine import machine
from benchmarks.parts import closed_loop
from benchmarks.results import Results
from bootstrap.commands import BootstrapError
from tests.nodes import ProcessError

_PARTS = {"closed-loop": closed_loop.run}


def main() -> int:
    """Measure and show; the exit status, 0 only if all that must hold does."""
    given = _arguments()
    results = Results(
        machine(),
        datetime.now(UTC).isoformat(" ", "seconds"),
        shlex.join(["python -m benchmarks", *sys.argv[1:]]),
    )
    try:
        print("Starting two instant backends ...", flush=True)
        with arena() as place:
            print(f"{results.machine}\n", flush=True)
            place.failures = results.wrong
            for part in given.parts or _PARTS:
                _PARTS[part](place, results, given.rounds)
    except (BenchmarkError, BootstrapError, ProcessError) as error:
        results.wrong.append(str(error))
    except KeyboardInterrupt:
        return 130
    print(figures_table(results.figures))
    for remark in results.remarks:
        print(remark)
    for problem in results.wrong:
        print(f"WRONG: {problem}", file=sys.stderr)
    return 0 if results.hold else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(_PARTS)}; default: all")
    parser.add_argument("--rounds", type=int, help="turns of each contestant; default: what each part takes")
    given = parser.parse_args()
    unknown = [part for part in given.parts if part not in _PARTS]
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}")
    if given.rounds is not None and given.rounds < 2:
        parser.error("--rounds: at least 2")
    return given


if __name__ == "__main__":
    sys.exit(main())
