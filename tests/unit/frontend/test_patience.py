"""How long clients are waited for: what is late is found, what is slow but goes on is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.frontend.limits import LEAST_BYTES_PER_SECOND, Ended
from cqlproxy.frontend.patience import LINGER_SECONDS, Patience
from tests.unit.frontend.limits import WIDE

LONG = 4 * LEAST_BYTES_PER_SECOND


def receiving(
    patience: Patience, now: float, *, started: bool = True, asked: int = 1, part: int = 0
) -> Ended | None:
    return patience.receiving(WIDE, now, started=started, asked=asked, part=part)


def test_a_handshake_has_its_time_whatever_the_client_asks_meanwhile() -> None:
    patience = Patience(100.0)
    assert [receiving(patience, 100.0 + second, started=False, asked=second) for second in range(11)] == [
        None
    ] * 11
    assert receiving(patience, 110.5, started=False, asked=11) is Ended.HANDSHAKE


@pytest.mark.parametrize("part", [1, 8, 9, 100])
def test_a_frame_that_trickles_is_late(part: int) -> None:
    patience = Patience(0.0)
    found = [receiving(patience, float(second), part=part + second) for second in range(40)]
    assert found.index(Ended.FRAME) == 31


def test_a_frame_that_goes_on_is_not_late() -> None:
    patience = Patience(0.0)
    assert {receiving(patience, float(second), part=second * LONG + 1) for second in range(1000)} == {None}


def test_each_frame_has_its_own_time() -> None:
    patience = Patience(0.0)
    assert {receiving(patience, second / 2, asked=second // 20, part=7) for second in range(1000)} == {None}


def test_a_client_that_asks_nothing_is_idle_and_one_that_asks_is_not() -> None:
    patience = Patience(0.0)
    assert {receiving(patience, second * 50.0, asked=second) for second in range(10)} == {None}
    assert receiving(patience, 550.0, asked=9) is None
    assert receiving(patience, 550.5, asked=9) is Ended.IDLE


def test_nobody_is_idle_where_that_is_allowed() -> None:
    patience = Patience(0.0)
    wide = WIDE._replace(idle_seconds=0)
    assert patience.receiving(wide, 1e9, started=True, asked=0, part=0) is None


def test_who_waits_for_an_answer_is_neither_idle_nor_slow() -> None:
    patience = Patience(0.0)
    assert receiving(patience, 1.0, part=3) is None
    patience.waits_for_us(200.0)
    assert receiving(patience, 201.0, part=3) is None
    assert receiving(patience, 230.0, part=3) is None
    assert receiving(patience, 231.5, part=3) is Ended.FRAME


def test_answers_that_nobody_reads_are_given_up() -> None:
    patience = Patience(0.0)
    found = [patience.unread(WIDE, float(second), 1 << 21) for second in range(40)]
    assert found.index(Ended.UNREAD) == 31


def test_answers_that_are_read_slowly_are_not_given_up() -> None:
    patience = Patience(0.0)
    left = range(1000 * LONG, 0, -LONG)
    assert {patience.unread(WIDE, float(second), waiting) for second, waiting in enumerate(left)} == {None}


def test_too_many_answers_that_nobody_has_read_are_given_up_at_once() -> None:
    assert Patience(0.0).unread(WIDE, 0.0, WIDE.max_unread_bytes) is None
    assert Patience(0.0).unread(WIDE, 0.0, WIDE.max_unread_bytes + 1) is Ended.UNREAD_BYTES


def test_who_has_read_begins_anew() -> None:
    patience = Patience(0.0)
    assert patience.unread(WIDE, 1.0, 5) is None
    assert receiving(patience, 20.0) is None
    assert patience.unread(WIDE, 45.0, 5) is None


def test_a_connection_that_was_ended_stays_for_a_moment() -> None:
    patience = Patience(0.0)
    assert patience.lingering(50.0) is None
    assert patience.lingering(50.0 + LINGER_SECONDS) is None
    assert patience.lingering(50.5 + LINGER_SECONDS) is Ended.LINGERING


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(0, 1), st.integers(0, 50)), max_size=50))
def test_nobody_is_given_up_early(looks: list[tuple[float, int, int]]) -> None:
    """Between two looks a client may have done the best that it could."""
    patience, now, asked, begun, active = Patience(0.0), 0.0, 0, 0.0, 0.0
    for after, frames, part in looks:
        now += after
        if frames or not part:
            begun = now
        if frames:
            active = now
        asked += frames
        found = receiving(patience, now, asked=asked, part=part)
        assert found is not Ended.FRAME or now - begun > WIDE.frame_seconds
        assert found is not Ended.IDLE or now - active > WIDE.idle_seconds


def test_a_connection_that_is_to_end_waits_for_the_answers_that_its_client_is_owed() -> None:
    patience = Patience(0.0)
    waits = WIDE.waiting_seconds + LINGER_SECONDS
    assert not patience.overdue(WIDE, 50.0)
    assert not patience.overdue(WIDE, 50.0 + waits)
    assert patience.overdue(WIDE, 50.5 + waits)
    assert patience.lingering(60.0 + waits) is None
