"""The gate: no request through the whole proxy, and no hot function, costs more than it is known to cost.

What is compared are counts, and time as a multiple of the time of a fixed loop: see
benchmarks/micro/bounds.py, also for what to do when one of these tests fails.
"""

from functools import cache

import pytest
import uvloop

from benchmarks.micro.bounds import FUNCTIONS, REQUESTS, Figures, exceeded, written
from benchmarks.micro.functions import figures, hot_functions
from benchmarks.micro.whole_requests import CASES, FEW, MANY, Case, Whole, measured

ROUNDS = 60


@cache
def whole(case: Case) -> Whole:
    return uvloop.run(measured(case, ROUNDS))


@cache
def of_functions() -> dict[str, Figures]:
    async def main() -> dict[str, Figures]:
        async with hot_functions() as functions:
            return {name: figures(function, ROUNDS) for name, function in functions.items()}

    return uvloop.run(main())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_request_costs_no_more_than_is_known(case: Case) -> None:
    assert exceeded(whole(case).figures, REQUESTS[case.name], journaled=case.waits) == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_hot_function_costs_no_more_than_is_known(name: str) -> None:
    assert exceeded(of_functions()[name], FUNCTIONS[name]) == []


def test_everything_that_is_measured_has_a_bound() -> None:
    assert set(REQUESTS) == {case.name for case in CASES}
    assert set(FUNCTIONS) == set(of_functions())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("count", [1, FEW, MANY])
def test_however_many_requests_come_together_each_connection_is_written_to_once_a_read(
    case: Case, count: int
) -> None:
    writes = whole(case).counts.writes[count]
    assert writes.to_nodes == min(count, case.setting.nodes)
    # Each node's answers are one read.
    assert writes.to_client == min(count, case.setting.nodes)
    assert writes.to_shadow == int(case.kind.copied and case.setting.mode != "primary_only")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_request_leaves_no_reference_cycles(case: Case) -> None:
    assert whole(case).counts.cycles == 0


@pytest.mark.parametrize(
    "case", [case for case in CASES if "each new" not in case.name], ids=lambda case: case.name
)
def test_a_request_leaves_nothing_in_memory(case: Case) -> None:
    assert whole(case).counts.blocks.total < 0.5
    assert whole(case).counts.containers.total < 0.5


# --- the gate itself --------------------------------------------------------------------------


BOUND = Figures(
    python_calls=20, compiled_calls=30, bytecode=1000, steps=10.0, blocks=4, containers=2, alone=2000
)


def test_what_is_as_it_was_passes() -> None:
    assert exceeded(BOUND, BOUND) == []


@pytest.mark.parametrize(
    "worse",
    [
        BOUND._replace(python_calls=21),
        BOUND._replace(compiled_calls=31),
        BOUND._replace(bytecode=1310),
        BOUND._replace(steps=15.1),
        BOUND._replace(blocks=5.2),
        BOUND._replace(containers=3.2),
        BOUND._replace(alone=2620),
    ],
)
def test_each_figure_is_looked_at(worse: Figures) -> None:
    (told,) = exceeded(worse, BOUND)
    (name,) = (name for name, value in worse._asdict().items() if value != getattr(BOUND, name))
    assert told.startswith(name.replace("_", " "))


def test_a_table_is_written_as_python_reads_it() -> None:
    table = {"a": BOUND, "b, c": BOUND._replace(steps=7.25)}
    assert eval(f"{{{written(table)}}}", {"Figures": Figures}) == table


def test_the_slower_of_two_functions_has_more_steps_bytecode_and_calls() -> None:
    short = figures(lambda: sum(map(abs, range(10))), 5)
    long = figures(lambda: [abs(number) for number in range(100)], 5)
    assert long.steps > short.steps
    assert long.bytecode > short.bytecode + 100
    assert long.compiled_calls == 100
