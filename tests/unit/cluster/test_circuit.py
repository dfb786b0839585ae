"""When a node is passed over because requests time out on it, and how it comes back."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.cluster.circuit import CircuitSettings, CircuitState, NodeCircuit, Turn

SETTINGS = CircuitSettings(timeouts=3, open_seconds=10.0)


def seen(
    circuit: NodeCircuit, now: float, *, late: int = 0, answered: bool = False, under_way: int = 0
) -> Turn:
    """One look at it, after this was seen."""
    circuit.note(late, answered, under_way)
    return circuit.look(now)


def opened(at: float = 0.0) -> NodeCircuit:
    circuit = NodeCircuit(SETTINGS)
    assert seen(circuit, at, late=3) is Turn.OPENED
    assert (circuit.state, circuit.passes_over) == (CircuitState.OPEN, True)
    return circuit


def half_open(at: float = 10.0) -> NodeCircuit:
    circuit = opened()
    assert seen(circuit, at, answered=True) is Turn.HALF_OPENED
    assert (circuit.state, circuit.passes_over) == (CircuitState.HALF_OPEN, False)
    return circuit


def test_timeouts_in_a_row_open_it() -> None:
    circuit = NodeCircuit(SETTINGS)
    assert [seen(circuit, now, late=1) for now in range(3)] == [Turn.NONE, Turn.NONE, Turn.OPENED]


def test_an_answer_in_between_begins_the_row_anew() -> None:
    circuit = NodeCircuit(SETTINGS)
    for now in range(0, 20, 2):
        assert seen(circuit, now, late=2) is Turn.NONE
        assert seen(circuit, now + 1, answered=True) is Turn.NONE
    assert circuit.state is CircuitState.CLOSED


def test_a_node_that_answers_some_is_used_however_many_time_out() -> None:
    circuit = NodeCircuit(SETTINGS)
    assert all(seen(circuit, now, late=50, answered=True) is Turn.NONE for now in range(10))


def test_what_several_pools_see_is_one() -> None:
    circuit = NodeCircuit(SETTINGS)
    for _ in range(3):
        circuit.note(1, False, 0)
    assert circuit.look(0) is Turn.OPENED
    other = NodeCircuit(SETTINGS)
    other.note(5, False, 0)
    other.note(0, True, 0)
    assert other.look(0) is Turn.NONE


def test_it_never_opens_when_that_is_turned_off() -> None:
    circuit = NodeCircuit(CircuitSettings(timeouts=0))
    assert all(seen(circuit, now, late=100) is Turn.NONE for now in range(10))


def test_after_its_time_the_node_is_asked_and_asked_again_while_it_says_nothing() -> None:
    circuit = opened(at=5.0)
    turns = {now: seen(circuit, now) for now in (6.0, 14.9, 15.0, 15.1, 24.9, 25.0, 25.1)}
    assert [now for now, turn in turns.items() if turn is Turn.ASK] == [15.0, 25.0]
    assert circuit.passes_over


def test_it_is_not_asked_while_what_was_sent_before_may_still_time_out() -> None:
    circuit = opened()
    assert seen(circuit, 11, under_way=4) is Turn.NONE
    assert seen(circuit, 12, late=4) is Turn.ASK


def test_an_answer_lets_a_few_requests_try_the_node() -> None:
    circuit = half_open()
    # Those that came within one look are under way: no more than those.
    assert seen(circuit, 10.1, under_way=7) is Turn.NONE
    assert circuit.passes_over
    assert seen(circuit, 10.2, under_way=7) is Turn.NONE
    assert circuit.passes_over
    assert seen(circuit, 10.3, answered=True, under_way=6) is Turn.CLOSED
    assert (circuit.state, circuit.passes_over) == (CircuitState.CLOSED, False)


def test_a_trial_that_times_out_opens_it_again_for_as_long() -> None:
    circuit = half_open(at=10.0)
    seen(circuit, 10.1, under_way=1)
    assert seen(circuit, 12.0, late=1) is Turn.OPENED
    assert circuit.passes_over
    assert seen(circuit, 21.9) is Turn.NONE
    assert seen(circuit, 22.0) is Turn.ASK


def test_a_trial_whose_requests_were_lost_with_their_connection_goes_on() -> None:
    circuit = half_open()
    seen(circuit, 10.1, under_way=1)
    assert seen(circuit, 10.2) is Turn.NONE
    assert (circuit.state, circuit.passes_over) == (CircuitState.HALF_OPEN, False)


def test_a_closed_one_counts_from_nothing() -> None:
    circuit = half_open()
    seen(circuit, 11, answered=True)
    assert seen(circuit, 12, late=2) is Turn.NONE
    assert seen(circuit, 13, late=1) is Turn.OPENED


def test_a_new_connection_to_the_node_closes_it() -> None:
    circuit = opened()
    circuit.note(2, False, 5)
    circuit.close()
    assert (circuit.state, circuit.passes_over) == (CircuitState.CLOSED, False)
    assert seen(circuit, 1, late=1) is Turn.NONE


SIGHTS = st.tuples(st.integers(0, 4), st.booleans(), st.integers(0, 3), st.floats(0, 6))


@given(st.lists(SIGHTS, max_size=40))
def test_a_node_that_answers_twice_is_in_use_whatever_was_before(
    sights: list[tuple[int, bool, int, float]],
) -> None:
    circuit = NodeCircuit(SETTINGS)
    now = 0.0
    for late, answered, under_way, seconds in sights:
        now += seconds
        seen(circuit, now, late=late, answered=answered, under_way=under_way)
        # Closed ones are used, open ones are not.
        if circuit.state is not CircuitState.HALF_OPEN:
            assert circuit.passes_over is (circuit.state is CircuitState.OPEN)
    seen(circuit, now + 1, answered=True)
    seen(circuit, now + 2, answered=True)
    assert (circuit.state, circuit.passes_over) == (CircuitState.CLOSED, False)


@pytest.mark.parametrize("idle", [0.1, 5.0, 10.0])
@given(st.lists(st.floats(0.01, 1.0), min_size=30, max_size=60))
def test_a_silent_node_is_asked_once_in_its_time(idle: float, pauses: list[float]) -> None:
    circuit = NodeCircuit(CircuitSettings(timeouts=1, open_seconds=idle))
    seen(circuit, 0.0, late=1)
    now, asked = 0.0, [0.0]
    for pause in pauses:
        now += pause
        if seen(circuit, now) is Turn.ASK:
            asked.append(now)
    assert all(later - earlier > idle - 1e-9 for earlier, later in pairwise(asked))
    assert now - asked[-1] < idle + 1.0
