"""The meters of the micro benchmarks: what they count is there, and nothing else is."""

import gc
import sys
from collections.abc import Callable, Iterator

import pytest

from benchmarks.micro.meters import (
    Bytecode,
    CompiledCalls,
    HeldBlocks,
    HeldContainers,
    Meter,
    ProcessorTime,
    PythonCalls,
)


@pytest.fixture
def collector_at_rest() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class Thing:
    """Has no free list, unlike most builtin types."""

    __slots__ = ("content",)


def _twice(number: int) -> int:
    return number + number


def _calls_of(count: int) -> int:
    total = 0
    for number in range(count):
        total += _twice(abs(number))
    return total


def _measured(meter: Meter, function: Callable[[], object]) -> float:
    meter.begin()
    kept = function()
    found = meter.end()
    del kept
    return found


def _more(meter: Meter, function: Callable[[int], object]) -> float:
    """What 30 cost more than 10: the meter's own calls drop out."""
    return _measured(meter, lambda: function(30)) - _measured(meter, lambda: function(10))


def test_python_calls_are_those_of_python_functions() -> None:
    assert _more(PythonCalls(), _calls_of) == 20


def test_compiled_calls_are_those_of_builtins() -> None:
    assert _more(CompiledCalls(), _calls_of) == 20


def test_bytecode_is_the_same_in_each_run_and_grows_with_the_work() -> None:
    meter = Bytecode()
    assert _more(meter, _calls_of) == _more(meter, _calls_of)
    assert _more(meter, _calls_of) > 20 * 5
    assert _measured(meter, lambda: None) < 10


@pytest.mark.usefixtures("collector_at_rest")
def test_held_is_what_was_made_and_is_still_there() -> None:
    def made(count: int) -> list[Thing]:
        return [Thing() for _ in range(count)]

    assert _more(HeldContainers(), made) == 20
    # The list of the longer run is no small allocation any more, or is one of another size.
    assert abs(_more(HeldBlocks(), made) - 20) <= 1


@pytest.mark.usefixtures("collector_at_rest")
def test_what_is_freed_is_not_held() -> None:
    def made_and_freed(count: int) -> None:
        for _ in range(count):
            Thing()

    assert abs(_more(HeldBlocks(), made_and_freed)) <= 1
    assert _more(HeldContainers(), made_and_freed) == 0


def test_hooks_of_others_are_there_again() -> None:
    def hook(*what: object) -> None:
        """Of another profiler."""

    before = sys.getprofile()
    sys.setprofile(hook)
    try:
        _measured(PythonCalls(), lambda: None)
        assert sys.getprofile() is hook
    finally:
        sys.setprofile(before)


def test_processor_time_is_in_seconds() -> None:
    assert 0 < _measured(ProcessorTime(), lambda: _calls_of(10_000)) < 5
