"""Write times: microseconds, and never the same or an earlier one."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.clock import WriteClock


def test_a_write_time_is_in_microseconds_since_the_epoch() -> None:
    assert WriteClock(lambda: 1_700_000_000_123_456_789).next() == 1_700_000_000_123_456


def test_a_clock_that_steps_back_is_told_of_until_it_has_caught_up() -> None:
    readings = [1_000_000_000_000, 999_990_000_000, 999_990_000_000, 1_000_000_002_000]
    clock = WriteClock(lambda: readings[0])
    assert clock.ahead_seconds == 0
    first = clock.next()
    assert clock.ahead_seconds == 0
    readings.pop(0)
    assert clock.next() == first + 1
    readings.pop(0)
    assert clock.ahead_seconds == pytest.approx(0.010001)
    readings.pop(0)
    assert clock.ahead_seconds == 0
    assert clock.next() == first + 2


@given(st.lists(st.integers(min_value=0, max_value=2**62), min_size=1))
def test_each_write_time_is_later_than_the_one_before_whatever_the_clock_does(readings: list[int]) -> None:
    clock = WriteClock(iter(readings).__next__)
    times = [clock.next() for _ in readings]
    assert all(earlier < later for earlier, later in pairwise(times))
    assert times[0] == readings[0] // 1000 or readings[0] < 1000
    assert all(time >= reading // 1000 for time, reading in zip(times, readings, strict=True))
