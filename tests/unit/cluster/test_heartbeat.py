"""When a connection is asked whether it is alive, passed over, and given up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.cluster.heartbeat import (
    BUSY_SECONDS,
    IDLE_SECONDS,
    LOST_SECONDS,
    SILENT_SECONDS,
    Beat,
    Heartbeat,
)

LOOKS_A_SECOND = 10
FOUND_SECONDS = 10.0
"""Within which a node that has gone silent must be found."""


def looked_at(
    heartbeat: Heartbeat, read_at: float, idle_seconds: float, *, until: float
) -> list[tuple[float, Beat, bool]]:
    """What it says when nothing is read after ``read_at``: when, what is to be done, whether it is silent."""
    said = []
    for look in range(int(read_at * LOOKS_A_SECOND) + 1, int(until * LOOKS_A_SECOND) + 1):
        now = look / LOOKS_A_SECOND
        said.append((now, heartbeat.look(now, read_at, idle_seconds), heartbeat.silent))
    return said


def test_a_node_that_has_gone_silent_is_passed_over_and_then_given_up() -> None:
    for idle_seconds in (BUSY_SECONDS, IDLE_SECONDS):
        said = looked_at(Heartbeat(), 5.0, idle_seconds, until=5.0 + FOUND_SECONDS)
        asked_at = [now for now, beat, _ in said if beat is Beat.ASK]
        assert asked_at == [5.0 + idle_seconds], "once"
        assert min(now for now, _, silent in said if silent) == asked_at[0] + SILENT_SECONDS
        assert min(now for now, beat, _ in said if beat is Beat.GIVE_UP) == asked_at[0] + LOST_SECONDS


def test_an_answer_at_any_time_is_life() -> None:
    for answered_after in (0.1, SILENT_SECONDS + 0.5, LOST_SECONDS - 0.1):
        heartbeat = Heartbeat()
        asked_at = looked_at(heartbeat, 0.0, IDLE_SECONDS, until=IDLE_SECONDS)[-1][0]
        assert looked_at(heartbeat, 0.0, IDLE_SECONDS, until=asked_at + answered_after)[-1][1] is Beat.NONE
        heartbeat.look(asked_at + answered_after + 0.1, asked_at + answered_after, IDLE_SECONDS)
        assert not heartbeat.silent
        # And it is watched as before.
        assert looked_at(heartbeat, asked_at + answered_after, IDLE_SECONDS, until=99)[-1][1] is Beat.GIVE_UP


@given(st.lists(st.floats(0.0, 0.9), min_size=1, max_size=200))
def test_one_that_is_heard_is_never_asked(pauses: list[float]) -> None:
    heartbeat, now = Heartbeat(), 0.0
    for pause in pauses:
        assert heartbeat.look(now + pause, now, BUSY_SECONDS) is Beat.NONE
        now += pause


@given(st.lists(st.floats(0.0, 5.0), min_size=1, max_size=200))
def test_one_that_answers_every_question_before_the_next_look_is_never_passed_over(
    pauses: list[float],
) -> None:
    heartbeat, now, read_at = Heartbeat(), 0.0, 0.0
    for pause in pauses:
        now += pause + 0.001
        beat = heartbeat.look(now, read_at, IDLE_SECONDS)
        assert beat is not Beat.GIVE_UP
        assert not heartbeat.silent
        if beat is Beat.ASK:
            read_at = now + 0.0005
