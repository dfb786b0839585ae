"""``python -m benchmarks.micro``: what requests cost inside the proxy, as a table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import uvloop

from benchmarks.machine import machine
from benchmarks.micro.bounds import Figures, written
from benchmarks.micro.by_function import by_function
from benchmarks.micro.functions import figures, hot_functions
from benchmarks.micro.passage import Legs
from benchmarks.micro.whole_requests import CASES, FEW, MANY, Case, Cost, Counts, measured, passing

_HEAD = (
    f"{'':24}{'µs':>7}{'steps':>7}  {'of legs':<19}{'calls':>6}{'C calls':>8}{'bytecode':>9}{'alone':>7}"
    f"{'blocks held':>12}{'containers':>11}{'cycles':>7}  writes"
)
_BOUNDS = "benchmarks/micro/bounds.py"
_LEGEND = f"""
Of one request, by what {MANY} cost more than {FEW} that come together. A step is fixed, pure Python,
timed in between. Legs: request; answer, and copy sent; copy's answer. Held: while the node's answer is
awaited, then while the copy's is. Writes: calls to nodes, to the client and to the shadow, for {MANY}.
Alone: bytecode for a request that comes alone, with what each turn of the event loop takes."""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.micro",
        description="What requests cost inside the proxy, in counts and in steps.",
    )
    parser.add_argument("cases", nargs="*", metavar="CASE", help="by name, or by how it begins; default: all")
    parser.add_argument("--rounds", type=int, default=200, metavar="N", help="default: %(default)s")
    parser.add_argument(
        "--functions", action="store_true", help="instead: bytecode and calls of each function in a request"
    )
    given = parser.parse_args()
    chosen = _chosen([name.lower() for name in given.cases]) if given.cases else CASES
    if given.functions:
        for case in chosen:
            print(f"{case.name}\n{'bytecode':>9}{'calls':>7}", *uvloop.run(_functions(case)), "", sep="\n")
        return 0
    print(f"{machine()}\n\n{_HEAD}")
    requests = {case.name: _shown(case, given.rounds) for case in chosen}
    print(_LEGEND)
    if not given.cases:
        _show_functions(requests, uvloop.run(_of_functions(given.rounds)))
    return 0


def _chosen(names: Sequence[str]) -> Sequence[Case]:
    """The cases of these names; of what names none, those whose names begin so."""
    exact = [case for case in CASES if case.name.lower() in names]
    return exact or [case for case in CASES if case.name.lower().startswith(tuple(names))]


async def _functions(case: Case) -> list[str]:
    async with passing(case) as passage:
        return await by_function(passage)


def _shown(case: Case, rounds: int) -> Figures:
    whole = uvloop.run(measured(case, rounds))
    print(_line(case, whole.counts, whole.cost), flush=True)
    return whole.figures


async def _of_functions(rounds: int) -> dict[str, Figures]:
    async with hot_functions() as functions:
        return {name: figures(function, rounds) for name, function in functions.items()}


def _show_functions(requests: dict[str, Figures], functions: dict[str, Figures]) -> None:
    print(f"\n{'':31}{'steps':>7}{'':21}{'calls':>6}{'C calls':>8}{'bytecode':>9}")
    for name, found in functions.items():
        calls = f"{found.python_calls:6.0f}{found.compiled_calls:8.0f}{found.bytecode:9.0f}"
        print(f"{name:31}{found.steps:7.2f}{'':21}{calls}")
    print(f"\nFor {_BOUNDS}:\n\nREQUESTS\n{written(requests)}\n\nFUNCTIONS\n{written(functions)}")


def _line(case: Case, counts: Counts, cost: Cost) -> str:
    of_legs = " / ".join(f"{leg:.1f}" for leg in cost.steps)
    return (
        f"{case.name:24}{cost.seconds.total * 1e6:7.2f}{cost.steps.total:7.1f}  {of_legs:<19}"
        f"{counts.python_calls.total:6.0f}{counts.compiled_calls.total:8.0f}{counts.bytecode.total:9.0f}{counts.alone:7.0f}"
        f"{_held(counts.blocks):>12}{_held(counts.containers):>11}{counts.cycles:7.2f}"
        f"  {', '.join(map(str, counts.writes[MANY]))}"
    )


def _held(legs: Legs) -> str:
    return f"{legs.request:.0f}, {legs.request + legs.answer:.0f}"


if __name__ == "__main__":
    sys.exit(main())
