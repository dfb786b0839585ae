"""What the mirror makes of errors, time-outs and lost connections."""

import asyncio
from collections.abc import Callable

import pytest

from cqlproxy.cluster.keyspaces import KeyspaceUnavailableError
from cqlproxy.cluster.request import Failure
from cqlproxy.cluster.side import Side
from cqlproxy.mirror.circuit import FAILURES_TO_OPEN, OPEN_SECONDS, PROBES
from cqlproxy.mirror.delivery import REFUSED_SECONDS
from cqlproxy.mirror.outcomes import UNPREPARED_SECONDS
from cqlproxy.mirror.window import FIRST
from cqlproxy.statements import analyse
from frame_codec import (
    ConsistencyLevel,
    ErrorCode,
    ErrorResponse,
    Execute,
    PlainError,
    Unprepared,
    WriteTimeout,
)
from tests.unit.mirror.scripted import SETTINGS, Clock, Setting, on_loop, query, statement

OVERLOADED = PlainError("not now", ErrorCode.OVERLOADED)
PATIENT = SETTINGS._replace(retry_interval=1.0, max_retry_attempts=3)


@pytest.mark.parametrize("failure", list(Failure))
def test_an_attempt_without_an_answer_is_repeated_only_where_that_does_no_harm(failure: Failure) -> None:
    async def main() -> None:
        s = Setting()
        s.offer(b"set", repeatable=True)
        s.offer(b"counter", repeatable=False)
        s.target.fail(failure, 1)
        assert s.lost == {"unknown_outcome": 1}
        s.target.fail(failure)
        await s.until(lambda: s.target.sent)
        assert s.target.bodies == [b"set"]
        s.target.answer()
        assert s.metrics.mirrored == 1

    asyncio.run(main())


@on_loop
async def test_no_more_than_the_window_is_under_way_and_it_grows_as_answers_come() -> None:
    s = Setting()
    s.offer(*[b"x"] * (FIRST * 3))
    assert len(s.target.sent) == FIRST
    s.target.answer()
    assert len(s.target.sent) == s.mirror.window == FIRST + 1
    for _ in range(FIRST):
        s.target.answer()
    assert s.mirror.window > FIRST + 1


@pytest.mark.parametrize(
    "error",
    [OVERLOADED, WriteTimeout("late", ConsistencyLevel.ONE, 0, 1, "SIMPLE")],
    ids=["overloaded", "late"],
)
def test_the_window_is_halved_once_for_what_was_under_way(error: PlainError | WriteTimeout) -> None:
    async def main() -> None:
        clock = Clock()
        s = Setting(clock=clock, settings=PATIENT)
        s.offer(*[b"x"] * FIRST)
        clock.now += 1
        for _ in range(3):
            s.target.refuse(error)
        assert s.mirror.window == FIRST // 2

    asyncio.run(main())


@on_loop
async def test_a_copy_that_failed_waits_longer_each_time_while_others_go_on() -> None:
    clock = Clock()
    s = Setting(clock=clock, settings=PATIENT)
    s.offer(b"ill")
    for longest in (1.0, 2.0, 4.0):
        s.target.fail(Failure.TIMEOUT)
        assert s.target.sent == []
        s.offer(b"other")
        s.target.answer()
        clock.now += longest / 2 - 0.01
        s.mirror.pump()
        assert s.target.sent == [], "not before half of the pause has passed"
        clock.now += longest / 2 + 0.01
        s.mirror.pump()
        assert s.target.bodies == [b"ill"]
    assert s.metrics.retried[Side.SHADOW] == 3
    s.target.fail(Failure.TIMEOUT)
    assert s.lost == {"attempts": 1}
    assert s.mirror.depth == 0


@on_loop
async def test_no_copy_is_given_up_because_the_target_was_away() -> None:
    clock = Clock()
    s = Setting(clock=clock, settings=PATIENT._replace(max_retry_attempts=0))
    s.offer(*(b"%d" % number for number in range(FAILURES_TO_OPEN + 20)))
    for _ in range(FAILURES_TO_OPEN):
        s.target.fail(Failure.TIMEOUT)
    assert s.lost == {"attempts": FAILURES_TO_OPEN}, "they failed while the target was believed to be well"
    assert s.circuit == "open"
    for _ in range(100):
        while s.target.sent:
            s.target.fail(Failure.TIMEOUT)
        assert s.target.sent == []
        clock.now += OPEN_SECONDS
        s.mirror.pump()
        assert 1 <= len(s.target.sent) <= PROBES
    assert s.lost == {"attempts": FAILURES_TO_OPEN}
    while s.mirror.depth:
        while s.target.sent:
            s.target.answer()
        clock.now += OPEN_SECONDS
        s.mirror.pump()
    assert s.circuit == "closed"
    assert s.metrics.mirrored == 20
    assert s.metrics.circuit_opened[Side.SHADOW] == 1


@pytest.mark.parametrize("failure", [Failure.TIMEOUT, OVERLOADED])
@pytest.mark.parametrize("never", [1, PROBES, 2 * PROBES])
@pytest.mark.parametrize("first", [True, False], ids=["they fail first", "they fail last"])
def test_copies_that_the_target_never_takes_do_not_hold_up_the_others(
    failure: Failure | ErrorResponse, never: int, first: bool
) -> None:
    async def main() -> None:
        clock = Clock()
        s = Setting(clock=clock, settings=PATIENT._replace(retry_interval=0.01))
        s.offer(*[b"never"] * never)
        offered, delivered, since = 0, 0, clock.now
        for tenths in range(3000):
            clock.now += 0.1
            if tenths > 600:
                # After a minute in which nothing but these copies says how the target is, others come.
                s.offer(b"%d" % offered)
                offered += 1
            s.mirror.pump()
            while s.target.sent:
                ill = [at for at, body in enumerate(s.target.bodies) if body == b"never"]
                if ill and (first or len(ill) == len(s.target.sent)):
                    if isinstance(failure, Failure):
                        s.target.fail(failure, ill[0])
                    else:
                        s.target.refuse(failure, ill[0])
                else:
                    s.target.answer(next(at for at in range(len(s.target.sent)) if at not in ill))
            if s.metrics.mirrored != delivered or s.metrics.mirrored == offered:
                delivered, since = s.metrics.mirrored, clock.now
            assert clock.now - since < OPEN_SECONDS + 1, "copies wait for others that are never taken"
        assert s.metrics.mirrored == offered
        assert s.lost == {"attempts": never}

    asyncio.run(main())


@on_loop
async def test_a_timer_that_fires_a_little_early_does_not_leave_the_circuit_open_for_good() -> None:
    clock = Clock()
    loop = asyncio.get_running_loop()
    armed: list[tuple[float, Callable[[], object]]] = []
    arm = loop.call_later

    def call_later(pause: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        armed.append((pause, callback))
        return arm(3600, callback)

    s = Setting(clock=clock, settings=PATIENT)
    s.offer(*(b"%d" % number for number in range(FAILURES_TO_OPEN + 1)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "call_later", call_later)
        for _ in range(FAILURES_TO_OPEN):
            s.target.fail(Failure.TIMEOUT)
        while s.target.sent:
            s.target.fail(Failure.TIMEOUT)
        assert s.circuit == "open"
        pause, fire = max(armed, key=lambda timer: timer[0])
        assert pause == OPEN_SECONDS
        armed.clear()
        clock.now += OPEN_SECONDS - 0.0006
        fire()
        assert s.circuit == "open"
        ((pause, fire),) = [timer for timer in armed if timer[0] < 1]
        clock.now += pause
        fire()
        assert s.circuit == "half_open"


@on_loop
async def test_while_no_node_is_connected_copies_wait_and_use_up_no_attempt() -> None:
    s = Setting()
    s.target.alive = False
    s.offer(b"waits")
    for _ in range(100):
        s.mirror.pump()
    s.target.alive = True
    s.mirror.pump()
    s.target.answer()
    assert (s.metrics.mirrored, s.metrics.retried[Side.SHADOW], s.lost) == (1, 0, {})


@on_loop
async def test_a_node_that_is_connected_ends_the_pause_at_once() -> None:
    clock = Clock()
    s = Setting(clock=clock, settings=PATIENT)
    s.offer(*[b"x"] * FAILURES_TO_OPEN)
    s.target.width = 0
    for _ in range(FAILURES_TO_OPEN):
        s.target.fail(Failure.CONNECTION_LOST)
    clock.now += 2
    s.mirror.pump()
    assert s.target.sent == []
    s.target.width = 1
    s.mirror.pump()
    assert s.circuit == "half_open"
    assert len(s.target.sent) == PROBES
    for _ in range(PROBES):
        s.target.answer()
    assert s.circuit == "closed"
    assert len(s.target.sent) == FAILURES_TO_OPEN - PROBES


@on_loop
async def test_a_refusal_says_nothing_against_the_target() -> None:
    s = Setting()
    for _ in range(FAILURES_TO_OPEN * 2):
        s.offer(b"bad")
        s.target.refuse(PlainError("no such column", ErrorCode.INVALID))
    assert s.circuit == "closed"
    assert s.lost == {"rejected": FAILURES_TO_OPEN * 2}


@on_loop
async def test_an_error_that_cannot_be_read_is_one_of_the_server() -> None:
    s = Setting()
    s.offer(b"x")
    s.target.sent.pop()[0].answered(0, 0x00, b"\x00\x00\x11")
    await s.until(lambda: s.target.sent)
    s.target.answer()
    assert s.metrics.mirrored == 1


@on_loop
async def test_a_statement_that_is_never_kept_prepared_is_given_up_after_a_while() -> None:
    clock = Clock()
    s = Setting(clock=clock)
    one = statement()
    s.execute(one, Execute(b"client id").encode(4))
    for _ in range(5):
        await s.until(lambda: s.target.sent)
        s.target.refuse(Unprepared("who?", b"shadow id"))
    clock.now += UNPREPARED_SECONDS + 1
    await s.until(lambda: s.target.sent)
    s.target.refuse(Unprepared("who?", b"shadow id"))
    assert s.lost == {"unprepared": 1}


@on_loop
async def test_copies_that_need_a_keyspace_wait_for_its_connection_and_others_go_on() -> None:
    s = Setting()
    s.mirror.offer(s.mutation(b"in ks", keyspace="ks"))
    s.mirror.offer(s.mutation(b"in ks too", keyspace="ks"))
    s.offer(b"other")
    assert s.target.bodies == [b"other"]
    await s.until(lambda: len(s.target.sent) == 3)
    assert s.target.keyspaces.asked == ["ks"]
    assert s.target.bodies == [b"other", b"in ks", b"in ks too"]


@on_loop
async def test_a_keyspace_that_is_refused_is_not_asked_for_again_at_once() -> None:
    clock = Clock()
    s = Setting(clock=clock)
    s.target.keyspaces.error = KeyspaceUnavailableError("ks", "refused", b"error")
    s.mirror.offer(s.mutation(b"1", keyspace="ks"))
    await s.until(lambda: s.lost)
    s.mirror.offer(s.mutation(b"2", keyspace="ks"))
    assert s.lost == {"rejected": 2}
    assert s.target.keyspaces.asked == ["ks"]
    clock.now += REFUSED_SECONDS + 1
    s.target.keyspaces.error = None
    s.mirror.offer(s.mutation(b"3", keyspace="ks"))
    await s.until(lambda: s.target.sent)
    assert s.target.bodies == [b"3"]


@on_loop
async def test_a_keyspace_that_nobody_can_be_asked_for_is_a_failure_of_the_target() -> None:
    s = Setting()
    s.target.keyspaces.error = KeyspaceUnavailableError("ks", "nobody there")
    s.mirror.offer(s.mutation(b"1", keyspace="ks", repeatable=False))
    await s.until(lambda: s.metrics.retried[Side.SHADOW])
    s.target.keyspaces.error = None
    await s.until(lambda: s.target.sent)
    assert (s.target.bodies, s.lost) == ([b"1"], {})


@on_loop
async def test_a_late_copy_is_written_with_the_time_that_is_left_to_it() -> None:
    s = Setting()
    text = "INSERT INTO ks.t (id) VALUES (1) USING TTL 100"
    assert analyse(text).tables
    s.mirror.offer(s.mutation(query(text), expires=True))
    s.mirror.offer(s.mutation(query(text), expires=True, age=40))
    s.mirror.offer(s.mutation(query(text), expires=True, age=400))
    left = [int(body.split(b"TTL ")[1].split()[0].split(b"\x00")[0]) for body in s.target.bodies]
    assert left[0] == 100
    assert left[1] in (59, 60, 61)
    assert left[2] == 1
    assert s.metrics.expired[Side.SHADOW] == 1
    s.target.fail(Failure.TIMEOUT, 2)
    await s.until(lambda: len(s.target.sent) == 3)
    assert s.metrics.expired[Side.SHADOW] == 1, "a copy is counted once, however often it is sent"
