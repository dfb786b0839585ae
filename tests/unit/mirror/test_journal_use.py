"""The journal that takes every copy: what a killed process has promised, and what must not be sent twice."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from cqlproxy.cluster.request import Failure
from cqlproxy.cluster.side import Side
from cqlproxy.journal import Journal, Reason
from cqlproxy.mirror.settings import JournalUse
from frame_codec import ErrorCode, Execute, PlainError
from tests.unit.mirror.scripted import SETTINGS, Setting, dead, opened, query, statement

ALWAYS = SETTINGS._replace(journal=JournalUse.ALWAYS)


def with_journal(path: Path, test: Callable[[Journal], Awaitable[None]]) -> None:
    async def main() -> None:
        journal = await opened(path)
        await test(journal)
        await journal.close()

    asyncio.run(main())


async def killed(journal: Journal, path: Path) -> Journal:
    """The journal as the next process finds it: what was in memory is not settled."""
    await journal.close()
    return await opened(path)


def test_a_client_has_its_answer_when_a_kill_cannot_lose_the_copy(tmp_path: Path) -> None:
    async def main() -> None:
        journal = await opened(tmp_path)
        s = Setting(journal=journal, settings=ALWAYS)
        assert s.mirror.answers_wait
        taken = asyncio.Event()
        s.mirror.offer_then(s.mutation(query("1")), taken.set)
        assert s.target.bodies == [query("1")], "the copy itself does not wait"
        assert not taken.is_set()
        await asyncio.wait_for(taken.wait(), 5)
        journal = await killed(journal, tmp_path)
        assert journal.backlog(Side.SHADOW) == 1
        await journal.close()

    asyncio.run(main())


def test_a_copy_that_has_arrived_is_in_the_journal_no_more(tmp_path: Path) -> None:
    async def main() -> None:
        journal = await opened(tmp_path)
        s = Setting(journal=journal, settings=ALWAYS)
        taken = asyncio.Event()
        s.mirror.offer_then(s.mutation(query("1")), taken.set)
        await asyncio.wait_for(taken.wait(), 5)
        s.target.answer()
        journal = await killed(journal, tmp_path)
        assert journal.backlog(Side.SHADOW) == 0
        await journal.close()

    asyncio.run(main())


def test_a_counter_that_may_have_been_sent_when_the_process_was_killed_is_a_dead_letter(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        journal = await opened(tmp_path)
        s = Setting(journal=journal, settings=ALWAYS)
        for text in ("sent", "waits"):
            if text == "waits":
                await s.until(lambda: s.target.sent)
                s.target.alive = False
            s.offer(query(text), repeatable=False)
            assert query(text) not in s.target.bodies, (
                "not before the journal knows that it is about to be sent"
            )
        journal = await killed(journal, tmp_path)
        s = Setting(journal=journal, settings=ALWAYS)
        s.mirror.pump()
        await s.until(lambda: s.target.sent)
        assert s.target.bodies == [query("waits")]
        assert await dead(journal) == [("sent", Reason.UNKNOWN_OUTCOME)]
        s.target.answer()
        await s.until(lambda: not s.mirror.depth)
        await journal.close()

    asyncio.run(main())


def test_a_counter_that_was_refused_for_now_is_sent_again_and_after_an_orderly_end_too(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        journal = await opened(tmp_path)
        s = Setting(journal=journal, settings=ALWAYS)
        s.offer(query("counter"), repeatable=False)
        for _ in range(2):
            await s.until(lambda: s.target.sent)
            s.target.refuse(PlainError("not now", ErrorCode.OVERLOADED))
        await s.mirror.stop()
        await journal.close()
        journal = await opened(tmp_path)
        s = Setting(journal=journal, settings=ALWAYS)
        s.mirror.pump()
        await s.until(lambda: s.target.sent)
        s.target.answer()
        assert await s.mirror.drain(5)
        assert (s.metrics.mirrored, s.lost) == (1, {})
        await journal.close()

    asyncio.run(main())


def test_a_schema_change_is_settled_on_disk_before_what_follows_it_is_sent(tmp_path: Path) -> None:
    async def main() -> None:
        journal = await opened(tmp_path)
        s = Setting(journal=journal, settings=ALWAYS)
        s.offer(query("ALTER"), schema=True)
        s.offer(query("after"))
        s.target.answer()
        assert s.target.sent == []
        await s.until(lambda: s.target.sent)
        journal = await killed(journal, tmp_path)
        s = Setting(journal=journal, settings=ALWAYS)
        s.mirror.pump()
        await s.until(lambda: s.target.sent)
        assert s.target.bodies == [query("after")], "the schema change does not come back"
        await journal.close()

    asyncio.run(main())


def test_a_schema_change_that_was_under_way_is_sent_again(tmp_path: Path) -> None:
    async def main() -> None:
        journal = await opened(tmp_path)
        s = Setting(journal=journal, settings=ALWAYS)
        s.offer(query("ALTER"), schema=True)
        assert s.target.bodies == [query("ALTER")]
        journal = await killed(journal, tmp_path)
        s = Setting(journal=journal, settings=ALWAYS)
        s.mirror.pump()
        await s.until(lambda: s.target.sent)
        assert s.target.bodies == [query("ALTER")]
        await journal.close()

    asyncio.run(main())


def test_a_prepared_statement_is_made_anew_and_prepared_again(tmp_path: Path) -> None:
    async def main() -> None:
        journal = await opened(tmp_path)
        s = Setting(journal=journal, settings=ALWAYS)
        s.execute(statement(), Execute(b"client id").encode(4))
        journal = await killed(journal, tmp_path)
        s = Setting(journal=journal, settings=ALWAYS)
        s.mirror.pump()
        await s.until(lambda: s.target.sent)
        assert s.target.prepared_texts == [statement().text]
        assert s.target.bodies == [Execute(b"shadow id").encode(4)]
        await journal.close()

    asyncio.run(main())


@pytest.mark.parametrize("record", [b"", b"\x63what is this", b"\x01\x01\x07" + bytes(4)])
def test_what_is_no_copy_any_more_is_a_dead_letter(tmp_path: Path, record: bytes) -> None:
    async def test(journal: Journal) -> None:
        journal.append(Side.SHADOW, record, held=False)
        s = Setting(journal=journal)
        s.mirror.pump()
        await s.until(lambda: s.lost)
        assert s.lost == {"unreadable": 1}
        (letter,) = await journal.letters.list(limit=10)
        assert (letter.values, letter.reason) == ("0x" + record.hex(), Reason.UNREADABLE)

    with_journal(tmp_path, test)


def test_a_dead_letter_says_what_why_and_when(tmp_path: Path) -> None:
    async def test(journal: Journal) -> None:
        s = Setting(journal=journal, settings=SETTINGS._replace(max_retry_attempts=1))
        s.offer(query("INSERT INTO ks.t (id) VALUES (1)"))
        for _ in range(2):
            await s.until(lambda: s.target.sent)
            s.target.fail(Failure.TIMEOUT)
        (letter,) = await journal.letters.list(limit=10)
        assert letter.target is Side.SHADOW
        assert (letter.keyspace, letter.tables) == ("ks", ("ks.t",))
        assert letter.statement == "INSERT INTO ks.t (id) VALUES (1)"
        assert (letter.reason, letter.attempts, letter.consistency) == (Reason.ATTEMPTS, 2, "ONE")
        assert letter.error == "the shadow cluster gave no answer: timeout"
        assert letter.first_attempt is not None
        assert letter.last_attempt is not None
        assert letter.written_at <= letter.first_attempt <= letter.last_attempt

    with_journal(tmp_path, test)


def test_a_write_that_nobody_confirmed_is_a_dead_letter_and_not_copied(tmp_path: Path) -> None:
    async def test(journal: Journal) -> None:
        s = Setting(journal=journal)
        s.mirror.never_confirmed(s.mutation(query("who knows")))
        assert (s.target.sent, s.mirror.depth, s.lost) == ([], 0, {"unconfirmed": 1})
        assert await dead(journal) == [("who knows", Reason.UNCONFIRMED)]

    with_journal(tmp_path, test)


def test_a_dead_letter_that_is_replayed_is_a_copy_again(tmp_path: Path) -> None:
    async def test(journal: Journal) -> None:
        s = Setting(journal=journal)
        s.offer(query("bad"))
        s.target.refuse(PlainError("no such table", ErrorCode.INVALID))
        assert await journal.letters.replay() == 1
        s.mirror.pump()
        await s.until(lambda: s.target.sent)
        s.target.answer()
        assert await s.mirror.drain(5)
        assert (s.metrics.mirrored, await dead(journal)) == (1, [])

    with_journal(tmp_path, test)
