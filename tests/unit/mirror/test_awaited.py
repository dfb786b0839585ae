"""Copies that a client waits for: one attempt, and one word about it."""

import asyncio
from pathlib import Path

import pytest

from cqlproxy.cluster.request import Failure
from cqlproxy.cluster.side import Side
from cqlproxy.journal import Reason
from cqlproxy.mirror.circuit import FAILURES_TO_OPEN
from cqlproxy.mirror.settings import JournalUse, MirrorSettings
from filters import Rules
from frame_codec import ConsistencyLevel, ErrorCode, ErrorResponse, PlainError, Unavailable
from tests.unit.mirror.scripted import SETTINGS, Clock, Setting, dead, on_loop, opened, query

QUEUE = SETTINGS._replace(sync_failure="queue")
WRITE = query("write")
Told = list[ErrorResponse | None]


def deliver(s: Setting, text: str = "write", *, repeatable: bool = True, schema: bool = False) -> Told:
    told: Told = []
    s.mirror.deliver(s.mutation(query(text), repeatable=repeatable, schema=schema), told.append)
    return told


def code(told: Told) -> int:
    (error,) = told
    assert error is not None
    return error.code


@pytest.mark.parametrize("settings", [SETTINGS, QUEUE], ids=["fail", "queue"])
@pytest.mark.parametrize("schema", [False, True])
def test_the_client_is_told_when_the_copy_has_arrived(settings: MirrorSettings, schema: bool) -> None:
    async def main() -> None:
        s = Setting(settings=settings)
        told = deliver(s, schema=schema)
        assert (told, s.target.bodies) == ([], [WRITE])
        s.target.answer()
        assert (told, s.mirror.depth, s.metrics.mirrored) == ([None], 0, 1)

    asyncio.run(main())


@pytest.mark.parametrize("failure", list(Failure))
def test_a_failed_attempt_is_the_only_one_and_its_error_lets_no_driver_send_again(failure: Failure) -> None:
    async def main() -> None:
        s = Setting()
        told = deliver(s)
        s.target.fail(failure)
        assert code(told) == ErrorCode.WRITE_TIMEOUT
        assert (s.lost, s.mirror.depth, s.metrics.retried[Side.SHADOW]) == ({"sync_failed": 1}, 0, 0)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (PlainError("full", ErrorCode.OVERLOADED), ErrorCode.WRITE_TIMEOUT),
        (Unavailable("few", ConsistencyLevel.ONE, 1, 0), ErrorCode.WRITE_TIMEOUT),
        (PlainError("no such table", ErrorCode.INVALID), ErrorCode.INVALID),
    ],
    ids=["overloaded", "unavailable", "invalid"],
)
def test_only_what_is_the_statements_fault_is_passed_on_as_it_is(
    error: ErrorResponse, expected: ErrorCode
) -> None:
    async def main() -> None:
        s = Setting()
        told = deliver(s)
        s.target.refuse(error)
        assert code(told) == expected
        assert s.lost == {"sync_failed": 1}

    asyncio.run(main())


def test_a_failure_is_a_dead_letter_before_the_client_knows(tmp_path: Path) -> None:
    async def main() -> None:
        journal = await opened(tmp_path)
        s = Setting(journal=journal)
        told = deliver(s)
        s.target.fail(Failure.TIMEOUT)
        assert len(told) == 1
        assert await dead(journal) == [("write", Reason.SYNC_FAILED)]
        await journal.close()

    asyncio.run(main())


@on_loop
async def test_a_target_that_is_away_or_sick_or_full_fails_it_at_once() -> None:
    s = Setting(settings=SETTINGS._replace(max_requests=FAILURES_TO_OPEN))
    s.target.alive = False
    assert code(deliver(s)) == ErrorCode.WRITE_TIMEOUT
    s.target.alive = True
    s.offer(*[b"x"] * FAILURES_TO_OPEN)
    assert code(deliver(s)) == ErrorCode.WRITE_TIMEOUT
    for _ in range(FAILURES_TO_OPEN):
        s.target.fail(Failure.TIMEOUT)
    assert s.circuit == "open"
    assert code(deliver(s)) == ErrorCode.WRITE_TIMEOUT
    assert s.lost == {"sync_failed": 3}


@on_loop
async def test_one_whose_turn_does_not_come_is_not_sent_after_the_client_was_told() -> None:
    s = Setting(settings=SETTINGS._replace(timeout=0.01))
    s.offer(b"ALTER", schema=True)
    told = deliver(s)
    await s.until(lambda: told)
    assert code(told) == ErrorCode.WRITE_TIMEOUT
    s.target.answer()
    assert (s.target.sent, s.mirror.depth, s.lost) == ([], 0, {"sync_failed": 1})


@on_loop
async def test_one_that_the_rules_hold_back_by_then_is_no_failure() -> None:
    s = Setting()
    s.offer(b"ALTER", schema=True)
    told = deliver(s)
    s.use(Rules(), WRITE)
    s.target.answer()
    assert (told, s.target.sent, s.mirror.depth) == ([None], [], 0)


@pytest.mark.parametrize("repeatable", [True, False])
def test_under_queue_the_client_never_sees_an_error(repeatable: bool) -> None:
    async def main() -> None:
        s = Setting(settings=QUEUE)
        told = deliver(s, repeatable=repeatable)
        s.target.fail(Failure.TIMEOUT)
        assert told == [None]
        if repeatable:
            await s.until(lambda: s.target.sent)
            s.target.answer()
            assert (s.metrics.mirrored, s.lost) == (1, {})
        else:
            assert s.lost == {"unknown_outcome": 1}
        assert (told, s.mirror.depth) == ([None], 0)

    asyncio.run(main())


@on_loop
async def test_under_queue_one_that_cannot_be_sent_now_is_as_if_offered() -> None:
    s = Setting(settings=QUEUE)
    s.target.alive = False
    told = deliver(s)
    assert (told, s.mirror.depth) == ([None], 1)
    s.target.alive = True
    s.mirror.pump()
    s.target.answer()
    assert s.metrics.mirrored == 1


def test_under_queue_and_always_the_client_is_told_when_the_journal_has_it(tmp_path: Path) -> None:
    async def main() -> None:
        journal = await opened(tmp_path)
        s = Setting(journal=journal, settings=QUEUE._replace(journal=JournalUse.ALWAYS), clock=Clock())
        told = deliver(s)
        s.target.fail(Failure.TIMEOUT)
        assert told == []
        await s.until(lambda: told)
        assert told == [None]
        await journal.close()

    asyncio.run(main())


@on_loop
async def test_stopping_tells_each_client_once() -> None:
    s = Setting()
    under_way = deliver(s)
    s.offer(b"ALTER", schema=True)
    waiting = deliver(s, "waiting")
    await s.mirror.stop()
    assert [len(under_way), len(waiting)] == [1, 1]
    assert s.lost == {"sync_failed": 2, "shutdown": 1}
    assert code(deliver(s)) == ErrorCode.WRITE_TIMEOUT
