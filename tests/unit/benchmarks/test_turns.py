"""Contestants in turns under a real load: who answers is measured, who fails is left out and named."""

import os
from collections.abc import Iterator

import pytest

from benchmarks.comparison import Turn, take_turns
from benchmarks.errors import BenchmarkError
from benchmarks.proxy_under_load import Measured, Settings
from tests.unit.benchmarks.scripted_node import ScriptedNode

_SETTINGS = Settings(0.1, connections=2, window=4, warm_up=0.05, backends=(os.getpid(),))


@pytest.fixture
def good() -> Iterator[ScriptedNode]:
    node = ScriptedNode()
    yield node
    node.close()


@pytest.fixture
def failing() -> Iterator[ScriptedNode]:
    node = ScriptedNode(fails=True)
    yield node
    node.close()


def _turn(port: int) -> Turn:
    return Turn(Measured("127.0.0.1", port, os.getpid()), "insert", _SETTINGS, 10)


def test_a_sample_for_each_round_of_who_answers_and_a_reason_for_the_others(
    good: ScriptedNode, failing: ScriptedNode
) -> None:
    nobody = ScriptedNode()
    nobody.close()
    failures: list[str] = []
    turns = {"good": _turn(good.port), "failing": _turn(failing.port), "nobody": _turn(nobody.port)}
    samples = take_turns(turns, 3, failures)
    assert [taken.name for taken in samples.pop("good")] == ["good"] * 3
    assert samples == {}
    by_name = {said.partition(",")[0]: said for said in failures}
    assert set(by_name) == {"failing", "nobody"}
    assert "answers were errors, the first: 0x1001 too much" in by_name["failing"]
    assert "cannot connect" in by_name["nobody"]


def test_what_was_measured_is_of_the_load(good: ScriptedNode) -> None:
    (taken, _) = take_turns({"good": _turn(good.port)}, 2)["good"]
    assert taken.requests_per_second > 100
    assert 0 < taken.p50 <= taken.p99 <= taken.p999 <= taken.slowest < 1
    assert taken.backend_busy == pytest.approx(taken.busy, rel=0.5)
    assert taken.copies_per_request is None


def test_a_failure_ends_it_where_nobody_takes_note(failing: ScriptedNode) -> None:
    with pytest.raises(BenchmarkError, match=r"failing, insert: .* answers were errors"):
        take_turns({"failing": _turn(failing.port)}, 2)
