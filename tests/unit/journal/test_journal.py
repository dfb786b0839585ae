"""One journal in the hands of one mirror: what is stored, read back, settled, left and begun."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from cqlproxy.cluster.side import Side
from cqlproxy.journal import Entry, Journal, Reason
from tests.unit.journal.journals import LETTER, committed, everything, on_loop, opened, records, stored

SHADOW, PRIMARY = Side.SHADOW, Side.PRIMARY


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def numbered(first: int, last: int) -> list[bytes]:
    return [b"copy %d" % number for number in range(first, last)]


def held(journal: Journal, copies: list[bytes], *, solitary: bool = False) -> list[Entry]:
    return [journal.append(SHADOW, copy, solitary=solitary, held=True) for copy in copies]


@on_loop
async def test_spilled_copies_come_back_in_order_by_side(path: Path) -> None:
    async with opened(path) as journal:
        for copy in numbered(0, 5000):
            journal.append(SHADOW, copy, held=False)
        journal.append(PRIMARY, b"back", held=False)
        assert (journal.backlog(SHADOW), journal.backlog(PRIMARY)) == (5000, 1)
        assert records(await everything(journal, SHADOW)) == numbered(0, 5000)
        assert records(await everything(journal, PRIMARY)) == [b"back"]
        assert (journal.backlog(SHADOW), journal.backlog(PRIMARY)) == (0, 0)
        assert await journal.read(SHADOW) == []


@on_loop
async def test_what_was_read_and_not_settled_is_found_by_the_next_process(path: Path) -> None:
    async with opened(path) as journal:
        for copy in numbered(0, 100):
            journal.append(SHADOW, copy, held=False)
        for found in (await everything(journal, SHADOW))[:99]:
            found.entry.settle()
        held(journal, [b"held"])
    async with opened(path) as journal:
        # The row is needed for the last one: what is repeatable may be delivered twice.
        assert records(await everything(journal, SHADOW)) == [*numbered(0, 100), b"held"]


@on_loop
async def test_a_settled_row_is_gone_and_a_held_one_is_no_backlog(path: Path) -> None:
    async with opened(path) as journal:
        entry = await stored(journal, SHADOW, b"one")
        assert journal.backlog(SHADOW) == 0
        assert await journal.read(SHADOW) == []
        entry.settle()
        await stored(journal, SHADOW, b"two")
    async with opened(path) as journal:
        assert journal.opened.copies == (0, 1)
        assert records(await everything(journal, SHADOW)) == [b"two"]


@on_loop
async def test_stored_is_called_once_and_not_before_the_loop_turns(path: Path) -> None:
    called = Counter[int]()
    done = asyncio.Event()

    def count(number: int) -> None:
        called[number] += 1
        if len(called) == 300:
            done.set()

    async with opened(path) as journal:
        for number in range(300):
            journal.append(SHADOW, b"x" * 1000, held=True, stored=partial(count, number))
        assert not called
        assert journal.behind >= 300_000
        async with asyncio.timeout(10):
            await done.wait()
        assert journal.behind == 0
    assert set(called.values()) == {1}


@on_loop
async def test_what_is_left_is_read_at_its_old_place(path: Path) -> None:
    async with opened(path) as journal:
        first = [await stored(journal, SHADOW, copy) for copy in numbered(0, 3)]
        for copy in numbered(3, 6):
            journal.append(SHADOW, copy, held=False)
        assert records(await everything(journal, SHADOW)) == numbered(3, 6)
        first[2].leave()
        first[0].leave()
        assert journal.backlog(SHADOW) == 2
        assert records(await everything(journal, SHADOW)) == [b"copy 0", b"copy 2"]
        first[1].leave()
        assert records(await everything(journal, SHADOW)) == [b"copy 1"]


@on_loop
async def test_of_a_row_only_what_is_left_comes_back(path: Path) -> None:
    async with opened(path) as journal:
        entries = held(journal, numbered(0, 10))
        await committed(journal)
        for number in (7, 3):
            entries[number].leave()
        # While others of the row are in memory.
        back = await everything(journal, SHADOW)
        assert sorted(records(back)) == [b"copy 3", b"copy 7"]
        for copy in back:
            copy.entry.leave()
        for number in {*range(10)} - {3, 7, 9}:
            entries[number].settle()
        # The row is reduced to what is left of it.
        entries[9].leave()
        await committed(journal)
        assert records(await everything(journal, SHADOW)) == [b"copy 3", b"copy 7", b"copy 9"]
    async with opened(path) as journal:
        assert records(await everything(journal, SHADOW)) == [b"copy 3", b"copy 7", b"copy 9"]


@on_loop
async def test_what_was_settled_before_it_was_written_never_is(path: Path) -> None:
    async with opened(path) as journal:
        for entry in held(journal, numbered(0, 9)):
            entry.settle()
        entries = held(journal, numbered(10, 13), solitary=True)
        entries[0].settle()
        entries[1].leave()
        entries[2].leave()
        assert journal.backlog(SHADOW) == 2
        assert records(await everything(journal, SHADOW)) == numbered(11, 13)


@on_loop
async def test_copies_left_before_they_were_written_are_all_that_is_written(path: Path) -> None:
    async with opened(path) as journal:
        entries = held(journal, numbered(0, 4))
        entries[1].settle()
        entries[3].leave()
        entries[0].leave()
        entries[2].settle()
        assert records(await everything(journal, SHADOW)) == [b"copy 0", b"copy 3"]


@on_loop
async def test_held_and_spilled_copies_keep_their_order(path: Path) -> None:
    async with opened(path) as journal:
        entries = []
        for number, copy in enumerate(numbered(0, 40)):
            alone = number % 7 == 0
            if number % 2:
                journal.append(SHADOW, copy, held=False, solitary=alone)
            else:
                entries.append(journal.append(SHADOW, copy, held=True, solitary=alone))
        for entry in entries:
            entry.leave()
        assert records(await everything(journal, SHADOW)) == numbered(0, 40)


@on_loop
async def test_an_entry_ends_once(path: Path) -> None:
    async with opened(path) as journal:
        first, second = held(journal, [b"one", b"two"])
        await committed(journal)
        first.settle()
        first.settle()
        first.leave()
        await committed(journal)
        assert journal.backlog(SHADOW) == 0
        second.leave()
        second.settle()
        assert records(await everything(journal, SHADOW)) == [b"two"]


@on_loop
async def test_a_chunk_whose_reader_was_cancelled_is_read_again(path: Path) -> None:
    async with opened(path) as journal:
        for copy in numbered(0, 10):
            journal.append(SHADOW, copy, held=False)
        await committed(journal)
        reader = asyncio.create_task(journal.read(SHADOW))
        # It has handed the reading over to the thread after two turns.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        assert records(await everything(journal, SHADOW)) == numbered(0, 10)


# --- copies that must not be repeated ---------------------------------------------------------


@on_loop
async def test_a_copy_that_has_begun_is_marked_for_the_next_process(path: Path) -> None:
    async with opened(path) as journal:
        begun, waiting = held(journal, numbered(0, 2), solitary=True)
        ready = asyncio.Event()
        begun.begin(ready.set)
        async with asyncio.timeout(10):
            await ready.wait()
        waiting.leave()
    async with opened(path) as journal:
        found = await everything(journal, SHADOW)
        assert [(copy.record, copy.began) for copy in found] == [(b"copy 0", True), (b"copy 1", False)]


@pytest.mark.parametrize("keeps_the_mark", [False, True])
@on_loop
async def test_leaving_takes_the_mark_off_unless_told_otherwise(path: Path, keeps_the_mark: bool) -> None:
    async with opened(path) as journal:
        entry = await stored(journal, SHADOW, b"add 1", solitary=True)
        ready = asyncio.Event()
        entry.begin(ready.set)
        await ready.wait()
        entry.leave(begun=keeps_the_mark)
        (again,) = await everything(journal, SHADOW)
        assert again.began is keeps_the_mark
        again.entry.leave(begun=again.began)
    async with opened(path) as journal:
        (again,) = await everything(journal, SHADOW)
        assert again.began is keeps_the_mark


@on_loop
async def test_only_a_solitary_copy_can_begin(path: Path) -> None:
    async with opened(path) as journal:
        first, _ = held(journal, numbered(0, 2))
        with pytest.raises(ValueError, match="append it as solitary"):
            first.begin(lambda: None)


@on_loop
async def test_a_copy_without_a_place_is_ready_and_done_at_once(path: Path) -> None:
    async with opened(path) as journal:
        nowhere = journal.append(SHADOW, b"spilled", held=False)
        calls: list[str] = []
        nowhere.begin(lambda: calls.append("ready"))
        nowhere.settle_then(lambda: calls.append("done"))
        nowhere.settle()
        nowhere.leave()
        assert calls == ["ready", "done"]
        assert journal.backlog(SHADOW) == 1


@pytest.mark.parametrize("solitary", [False, True])
@on_loop
async def test_settled_for_good_never_comes_back(path: Path, solitary: bool) -> None:
    async with opened(path) as journal:
        done = asyncio.Event()
        first, *_ = held(journal, numbered(0, 3), solitary=solitary)
        await committed(journal)
        first.settle_then(done.set)
        assert not done.is_set()
        async with asyncio.timeout(10):
            await done.wait()
    async with opened(path) as journal:
        assert journal.opened.copies == (0, 2)
        assert records(await everything(journal, SHADOW)) == numbered(1, 3)


@pytest.mark.parametrize("solitary", [False, True])
@pytest.mark.parametrize("written", [False, True])
@on_loop
async def test_a_buried_copy_is_a_letter_and_no_copy(path: Path, solitary: bool, written: bool) -> None:
    async with opened(path) as journal:
        entries = held(journal, numbered(0, 3), solitary=solitary)
        if written:
            await committed(journal)
        journal.bury(SHADOW, b"copy 1", LETTER, entries[1])
        entries[1].settle()
        await committed(journal)
        assert journal.letters.count == 1
        entries[0].settle()
    async with opened(path) as journal:
        assert journal.opened.letters == 1
        found = records(await everything(journal, SHADOW))
        assert b"copy 1" not in found
        assert b"copy 2" in found
        (only,) = await journal.letters.list()
        assert (only.reason, only.error) == (Reason.REJECTED, LETTER.error)


@on_loop
async def test_places_in_a_row_stay_true_when_some_ended_before_it_was_written(path: Path) -> None:
    async with opened(path) as journal:
        entries = held(journal, numbered(0, 4))
        journal.bury(SHADOW, b"copy 0", LETTER, entries[0])
        entries[1].settle()
        entries[2].leave()
        entries[3].leave()
        await committed(journal)
        killed = path.parent / "killed"
        killed.mkdir()
        for name in ("journal.db", "journal.db-wal"):
            shutil.copy(path.parent / name, killed)
        assert records(await everything(journal, SHADOW)) == numbered(2, 4)
    async with opened(killed / "journal.db") as journal:
        assert records(await everything(journal, SHADOW)) == numbered(2, 4)


# --- the end ----------------------------------------------------------------------------------


@on_loop
async def test_closing_writes_everything(path: Path) -> None:
    async with opened(path) as journal:
        for copy in numbered(0, 20_000):
            journal.append(SHADOW, copy, held=False)
        journal.bury(SHADOW, b"dead", LETTER, None)
    async with opened(path) as journal:
        assert (journal.opened.copies, journal.opened.letters) == ((0, 20_000), 1)
    assert [file.name for file in path.parent.iterdir()] == ["journal.db"]


@on_loop
async def test_after_closing_copies_are_counted_as_lost_and_entries_end_in_peace(path: Path) -> None:
    dropped = Counter[Side]()
    called: list[str] = []
    async with opened(path, dropped=dropped) as journal:
        entry = await stored(journal, SHADOW, b"one")
    journal.append(SHADOW, b"late", held=False, stored=lambda: called.append("spilled"))
    journal.append(SHADOW, b"late", held=True, stored=lambda: called.append("held"))
    journal.bury(PRIMARY, b"late", LETTER, None)
    entry.settle()
    assert called == ["spilled", "held"]
    assert dropped == {SHADOW: 1, PRIMARY: 1}
    assert journal.unprotected == 1
    assert await journal.read(SHADOW) == []


@pytest.mark.parametrize("turns", range(8))
@on_loop
async def test_what_comes_after_a_row_that_is_being_replaced_is_not_read_before_it(
    path: Path, turns: int
) -> None:
    async with opened(path) as journal:
        for copy in numbered(0, 2):
            journal.append(Side.SHADOW, copy, held=False)
        for copy in numbered(2, 4):
            journal.append(Side.SHADOW, copy, solitary=True, held=False)
        first, *others = await journal.read(Side.SHADOW)
        assert records([first, *others]) == numbered(0, 4)
        for stored in others:
            stored.entry.leave()
        reading = asyncio.ensure_future(journal.read(Side.SHADOW))
        for _ in range(turns):
            await asyncio.sleep(0)
        # Of the shared row one copy is left now: it is replaced while the chunk is on its way.
        first.entry.settle()
        assert records(await reading) == numbered(1, 4)
