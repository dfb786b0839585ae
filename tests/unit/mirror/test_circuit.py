"""When the target is tried, and when it is spared."""

import pytest

from cqlproxy.cluster.circuit import CircuitState
from cqlproxy.mirror.circuit import (
    FAILURES_TO_OPEN,
    OPEN_SECONDS,
    SUCCESSES_TO_CLOSE,
    Circuit,
)


def opened(at: float = 10.0) -> Circuit:
    circuit = Circuit()
    changes = [circuit.failed(sent=at, now=at) for _ in range(FAILURES_TO_OPEN)]
    assert changes == [False] * (FAILURES_TO_OPEN - 1) + [True]
    return circuit


def half_open(at: float = 50.0) -> Circuit:
    circuit = opened()
    assert circuit.try_again(at)
    return circuit


def test_failures_in_a_row_open_it_for_a_while() -> None:
    circuit = opened(10.0)
    assert circuit.state is CircuitState.OPEN
    assert circuit.reopens_at == 10.0 + OPEN_SECONDS


def test_it_is_open_for_as_long_as_it_was_told() -> None:
    circuit = Circuit(2.5)
    for _ in range(FAILURES_TO_OPEN):
        circuit.failed(sent=10, now=10)
    assert circuit.reopens_at == 12.5
    circuit.open_seconds = 1.0
    assert circuit.reopens_at == 11.0


def test_failures_with_successes_between_them_do_not() -> None:
    circuit = Circuit()
    for _ in range(100):
        for _ in range(FAILURES_TO_OPEN - 1):
            circuit.failed(sent=1, now=1)
        circuit.succeeded()
    assert circuit.state is CircuitState.CLOSED


def test_further_failures_do_not_lengthen_the_pause() -> None:
    circuit = opened(10.0)
    assert not circuit.failed(sent=5, now=20)
    assert circuit.reopens_at == 10.0 + OPEN_SECONDS


def test_some_successes_close_it_when_it_is_half_open() -> None:
    circuit = half_open()
    changes = [circuit.succeeded() for _ in range(SUCCESSES_TO_CLOSE)]
    assert changes == [False] * (SUCCESSES_TO_CLOSE - 1) + [True]
    assert circuit.state is CircuitState.CLOSED


def test_a_probe_that_fails_opens_it_again() -> None:
    circuit = half_open(50.0)
    circuit.succeeded()
    assert circuit.failed(sent=51, now=52)
    assert (circuit.state, circuit.reopens_at) == (CircuitState.OPEN, 52 + OPEN_SECONDS)
    circuit.try_again(90)
    circuit.succeeded()
    circuit.succeeded()
    assert circuit.state is CircuitState.HALF_OPEN, "the successes of before do not count"


def test_what_was_sent_before_it_was_half_open_is_no_probe() -> None:
    circuit = half_open(50.0)
    assert not circuit.failed(sent=49, now=51)
    assert circuit.state is CircuitState.HALF_OPEN


def test_an_answer_while_it_is_open_makes_it_half_open() -> None:
    circuit = opened()
    assert circuit.succeeded()
    assert circuit.state is CircuitState.HALF_OPEN
    changes = [circuit.succeeded() for _ in range(SUCCESSES_TO_CLOSE - 1)]
    assert changes[-1]


@pytest.mark.parametrize("circuit", [Circuit(), half_open()], ids=["closed", "half open"])
def test_trying_again_changes_nothing_unless_it_is_open(circuit: Circuit) -> None:
    state = circuit.state
    assert not circuit.try_again(100)
    assert circuit.state is state
