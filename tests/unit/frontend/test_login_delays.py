"""Who fails to log in waits: how long, how many of one address, and for how many addresses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.frontend.login_delays import (
    FORGOTTEN_SECONDS,
    LONGEST_SECONDS,
    MAX_ADDRESSES,
    MAX_WAIT_SECONDS,
    LoginDelays,
)


def test_whoever_has_not_failed_need_not_wait() -> None:
    delays = LoginDelays()
    delays.failed("10.0.0.1", 0.0)
    assert [delays.turn("10.0.0.2", 0.0) for _ in range(100)] == [0.0] * 100


def test_an_error_is_held_back_longer_each_time_up_to_a_limit() -> None:
    delays = LoginDelays()
    held = []
    now = 0.0
    for _ in range(8):
        assert delays.turn("10.0.0.1", now) == 0.0
        held.append(delays.failed("10.0.0.1", now))
        now += held[-1]
    assert held == [0.1, 0.2, 0.4, 0.8, 1.6, LONGEST_SECONDS, LONGEST_SECONDS, LONGEST_SECONDS]


def test_attempts_of_one_address_take_turns() -> None:
    delays = LoginDelays()
    for _ in range(4):
        delays.failed("10.0.0.1", 0.0)
    turns = [delays.turn("10.0.0.1", 0.0) for _ in range(8)]
    assert turns == pytest.approx([0.8, 1.6, 2.4, 3.2, 4.0, None, None, None])


def test_a_failure_is_forgotten() -> None:
    delays = LoginDelays()
    delays.failed("10.0.0.1", 0.0)
    assert delays.turn("10.0.0.1", FORGOTTEN_SECONDS + 0.1) == 0.0
    assert len(delays) == 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("", "", True),
    ],
)
def test_what_counts_as_one_address(one: str, other: str, same: bool) -> None:
    delays = LoginDelays()
    delays.failed(one, 0.0)
    turn = delays.turn(other, 0.0)
    assert turn is not None
    assert (turn > 0) is same


def test_the_table_is_bounded_and_forgets_what_failed_longest_ago() -> None:
    delays = LoginDelays()
    for number in range(MAX_ADDRESSES + 10):
        delays.failed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0.0)
    assert len(delays) == MAX_ADDRESSES
    assert delays.turn("10.0.0.1", 0.0) == 0.0
    last = MAX_ADDRESSES + 9
    assert delays.turn(f"10.0.{last >> 8}.{last & 255}", 0.0)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 10)), max_size=60))
def test_nobody_waits_longer_than_is_said(steps: list[tuple[bool, float]]) -> None:
    delays = LoginDelays()
    now = 0.0
    for fails, passed in steps:
        now += passed
        if fails:
            assert 0 < delays.failed("10.0.0.1", now) <= LONGEST_SECONDS
        else:
            turn = delays.turn("10.0.0.1", now)
            assert turn is None or 0 <= turn <= MAX_WAIT_SECONDS
