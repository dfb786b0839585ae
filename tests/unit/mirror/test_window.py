"""How many copies may be under way, as answers and time-outs come in."""

from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.mirror.window import FIRST, LEAST, MOST, Window


def test_it_grows_with_each_arrival_until_the_target_is_first_at_its_limit() -> None:
    window = Window()
    for _ in range(10):
        window.arrived()
    assert window.size == FIRST + 10


def test_after_that_it_grows_by_one_for_each_window_of_arrivals() -> None:
    window = Window()
    window.congested(sent=0, now=1)
    size = window.size
    assert size == FIRST // 2
    for _ in range(size - 1):
        window.arrived()
    assert window.size == size
    window.arrived()
    assert window.size == size + 1


def test_it_is_halved_once_for_all_that_was_sent_before_it_was_halved() -> None:
    window = Window()
    for sent in (0.0, 0.5, 0.9):
        window.congested(sent=sent, now=1.0)
    assert window.size == FIRST // 2
    window.congested(sent=1.0, now=2.0)
    assert window.size == FIRST // 4


def test_it_stays_within_its_limits() -> None:
    window = Window()
    for _ in range(MOST * 2):
        window.arrived()
    assert window.size == MOST
    for now in range(1, 30):
        window.congested(sent=now, now=now)
    assert window.size == LEAST


@given(st.lists(st.booleans(), max_size=3000))
def test_whatever_happens_it_is_between_least_and_most(arrivals: list[bool]) -> None:
    window = Window()
    for now, arrived in enumerate(arrivals):
        if arrived:
            window.arrived()
        else:
            window.congested(sent=now, now=now)
        assert LEAST <= window.size <= MOST
