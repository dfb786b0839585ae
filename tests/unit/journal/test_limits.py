"""The bounds of the journal: on disk, by dropping the oldest or by waiting; in memory; its file."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from cqlproxy.cluster.side import Side
from cqlproxy.journal import WhenFull
from cqlproxy.journal.journal import BEHIND_BYTES
from tests.unit.journal.journals import LETTER, committed, everything, on_loop, opened, records, stored

SHADOW, PRIMARY = Side.SHADOW, Side.PRIMARY
MEBIBYTE = 1 << 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def numbered(first: int, last: int, size: int = 1000) -> list[bytes]:
    return [b"%0*d" % (size, number) for number in range(first, last)]


# --- dropping the oldest ----------------------------------------------------------------------


@on_loop
async def test_the_oldest_copies_make_room_and_are_counted(path: Path) -> None:
    dropped = Counter[Side]()
    async with opened(path, max_bytes=2 * MEBIBYTE, dropped=dropped) as journal:
        for start in range(0, 10_000, 100):
            for copy in numbered(start, start + 100):
                journal.append(SHADOW, copy, held=False)
            await committed(journal)
            assert journal.size <= 2 * MEBIBYTE
        assert journal.backlog(SHADOW) + dropped[SHADOW] == 10_000
        assert journal.size > 1.8 * MEBIBYTE
        found = records(await everything(journal, SHADOW))
        assert found == numbered(dropped[SHADOW], 10_000)
    assert dropped[PRIMARY] == 0


@on_loop
async def test_of_both_sides_the_older_goes_first(path: Path) -> None:
    dropped = Counter[Side]()
    async with opened(path, max_bytes=2 * MEBIBYTE, dropped=dropped) as journal:
        for copy in numbered(0, 500):
            journal.append(PRIMARY, copy, held=False)
        await committed(journal)
        for start in range(0, 3000, 100):
            for copy in numbered(start, start + 100):
                journal.append(SHADOW, copy, held=False)
            await committed(journal)
        assert dropped[PRIMARY] == 500
        assert dropped[SHADOW] > 0
        assert journal.backlog(PRIMARY) == 0
        assert await journal.read(PRIMARY) == []


@on_loop
async def test_copies_in_memory_are_not_dropped(path: Path) -> None:
    dropped = Counter[Side]()
    async with opened(path, max_bytes=2 * MEBIBYTE, dropped=dropped) as journal:
        oldest = [await stored(journal, SHADOW, copy) for copy in numbered(0, 50)]
        for copy in numbered(50, 450):
            journal.append(SHADOW, copy, held=False)
        read = await journal.read(SHADOW)
        for copy in numbered(450, 5000):
            journal.append(SHADOW, copy, held=False)
        await committed(journal)
        assert dropped[SHADOW] > 0
        for entry in oldest:
            entry.leave()
        for copy_read in read:
            copy_read.entry.leave()
        found = records(await everything(journal, SHADOW))
        kept = 50 + len(read)
        assert found[:kept] == numbered(0, kept)
        assert found[kept:] == numbered(kept + dropped[SHADOW], 5000)


@on_loop
async def test_letters_have_half_and_no_copy_goes_for_them(path: Path) -> None:
    dropped = Counter[Side]()
    long = replace(LETTER, error="x" * 1000)
    async with opened(path, max_bytes=2 * MEBIBYTE, dropped=dropped) as journal:
        for copy in numbered(0, 700):
            journal.append(SHADOW, copy, held=False)
        for _ in range(3000):
            journal.bury(PRIMARY, b"dead", long, None)
        await committed(journal)
        assert dropped[PRIMARY] + journal.letters.count == 3000
        assert 500 < journal.letters.count < 1000
        assert dropped[SHADOW] == 0
        (first, *_) = await journal.letters.list(limit=1)
        # The oldest went.
        assert first.id == dropped[PRIMARY] + 1
        letters = journal.letters.count
        for copy in numbered(700, 5000):
            journal.append(SHADOW, copy, held=False)
        await committed(journal)
        assert dropped[SHADOW] > 0
        assert journal.letters.count == letters
        assert len(await everything(journal, SHADOW)) > 500


# --- waiting for room -------------------------------------------------------------------------


@on_loop
async def test_a_full_journal_lets_copies_wait_until_there_is_room(path: Path) -> None:
    async with opened(path, max_bytes=MEBIBYTE, when_full=WhenFull.BLOCK) as journal:
        stored_copies: list[int] = []

        def append(number: int, copy: bytes) -> None:
            journal.append(SHADOW, copy, held=False, stored=lambda: stored_copies.append(number))

        for number, copy in enumerate(numbered(0, 3000)):
            append(number, copy)
            if number % 50 == 0:
                await committed(journal)
        assert journal.full
        assert journal.size <= MEBIBYTE
        waiting = 3000 - len(stored_copies)
        assert 1500 < waiting < 2500
        assert journal.behind > waiting * 1000
        for expected in range(2, 1000):
            chunk = await journal.read(SHADOW)
            if not chunk:
                break
            for copy_read in chunk:
                assert int(copy_read.record) < len(stored_copies)
                copy_read.entry.settle()
            await committed(journal)
            assert journal.size <= MEBIBYTE
            assert expected < 999
        assert stored_copies == list(range(3000))
        assert not journal.full


@on_loop
async def test_a_wider_bound_makes_room_at_once(path: Path) -> None:
    async with opened(path, max_bytes=MEBIBYTE, when_full=WhenFull.BLOCK) as journal:
        taken: list[int] = []
        for number, copy in enumerate(numbered(0, 2000)):
            journal.append(SHADOW, copy, held=False, stored=partial(taken.append, number))
        await committed(journal)
        assert len(taken) < 1100
        journal.use_max_bytes(4 * MEBIBYTE)
        async with asyncio.timeout(10):
            while len(taken) < 2000:
                await asyncio.sleep(0.001)


@on_loop
async def test_a_narrower_bound_holds_from_the_next_copies_on(path: Path) -> None:
    dropped = Counter[Side]()
    async with opened(path, max_bytes=4 * MEBIBYTE, dropped=dropped) as journal:
        for copy in numbered(0, 2000):
            journal.append(SHADOW, copy, held=False)
        await committed(journal)
        assert dropped[SHADOW] == 0
        journal.use_max_bytes(MEBIBYTE)
        for copy in numbered(2000, 2100):
            journal.append(SHADOW, copy, held=False)
        await committed(journal)
        assert journal.size <= MEBIBYTE
        assert dropped[SHADOW] > 1000


@on_loop
async def test_purging_letters_makes_room(path: Path) -> None:
    async with opened(path, max_bytes=MEBIBYTE, when_full=WhenFull.BLOCK) as journal:
        for _ in range(300):
            journal.bury(SHADOW, b"dead", replace(LETTER, error="x" * 1000), None)
        await committed(journal)
        for copy in numbered(0, 500):
            journal.append(SHADOW, copy, held=False)
        await committed(journal)
        done = asyncio.Event()
        journal.append(SHADOW, bytes(200_000), held=True, stored=done.set)
        await committed(journal)
        assert journal.full
        assert not done.is_set()
        await journal.letters.purge()
        async with asyncio.timeout(10):
            await done.wait()


@on_loop
async def test_a_copy_larger_than_the_limit_does_not_wait_for_ever(path: Path) -> None:
    async with opened(path, max_bytes=MEBIBYTE, when_full=WhenFull.BLOCK) as journal:
        entry = await stored(journal, SHADOW, bytes(3 * MEBIBYTE))
        done = asyncio.Event()
        journal.append(SHADOW, b"next", held=True, stored=done.set)
        await committed(journal)
        assert not done.is_set()
        entry.settle()
        async with asyncio.timeout(10):
            await done.wait()


@on_loop
async def test_closing_writes_what_waited_for_room(path: Path) -> None:
    async with opened(path, max_bytes=MEBIBYTE, when_full=WhenFull.BLOCK) as journal:
        for copy in numbered(0, 3000):
            journal.append(SHADOW, copy, held=False)
        await committed(journal)
    async with opened(path, max_bytes=MEBIBYTE, when_full=WhenFull.BLOCK) as journal:
        assert journal.opened.copies == (0, 3000)


# --- memory and the file ----------------------------------------------------------------------


@on_loop
async def test_what_waits_to_be_written_is_bounded(path: Path) -> None:
    dropped = Counter[Side]()
    called = Counter[str]()
    async with opened(path, dropped=dropped) as journal:
        copy = bytes(100_000)
        for _ in range(500):
            journal.append(SHADOW, copy, held=False)
        assert BEHIND_BYTES <= journal.behind <= BEHIND_BYTES + 200_000
        assert dropped[SHADOW] == 500 - journal.backlog(SHADOW) > 0
        entry = journal.append(SHADOW, copy, held=True, stored=lambda: called.update(["stored"]))
        assert called["stored"] == 1
        assert journal.unprotected == 1
        entry.leave()
        journal.bury(SHADOW, copy, LETTER, None)
        lost = dropped[SHADOW]
        await committed(journal)
        assert journal.behind == 0
        assert len(await everything(journal, SHADOW)) == 501 - lost
        assert journal.letters.count == 0


@on_loop
async def test_the_file_does_not_grow_with_what_has_passed_through(path: Path) -> None:
    async with opened(path) as journal:
        size = 0
        for start in range(0, 30_000, 1000):
            entries = [journal.append(SHADOW, copy, held=True) for copy in numbered(start, start + 1000)]
            await committed(journal)
            for entry in entries:
                entry.settle()
            await committed(journal)
            size = max(size, path.stat().st_size)
        # 30 megabytes went through.
        assert size < 6 * MEBIBYTE
        assert journal.size < MEBIBYTE


@on_loop
async def test_a_file_that_was_large_gives_its_room_back(path: Path) -> None:
    log = path.with_name(path.name + "-wal")
    async with opened(path) as journal:
        for start in range(0, 45_000, 5000):
            for copy in numbered(start, start + 5000):
                journal.append(SHADOW, copy, held=False)
            await committed(journal)
        large = path.stat().st_size
        assert large > 24 * MEBIBYTE
        for found in await everything(journal, SHADOW):
            found.entry.settle()
        for number in range(400):
            entry = await stored(journal, SHADOW, bytes(20_000))
            entry.settle()
            if path.stat().st_size < large / 2:
                break
            assert number < 399
        # Its log is written from the start again and again.
        assert log.stat().st_size < 80 * MEBIBYTE
    assert path.stat().st_size < MEBIBYTE
    assert not log.exists()
