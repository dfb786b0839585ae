"""Many copies at little cost: asserted on counts and ratios, which do not depend on the machine."""

from __future__ import annotations

import asyncio
import gc
import os
import sqlite3
import tracemalloc
from pathlib import Path

import pytest

from cqlproxy.cluster.side import Side
from tests.unit.journal.journals import committed, on_loop, opened, stored

SHADOW = Side.SHADOW


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@on_loop
async def test_two_hundred_thousand_copies_in_few_rows_and_back(path: Path) -> None:
    count = 200_000
    async with opened(path) as journal:
        for number in range(count):
            journal.append(SHADOW, b"%0100d" % number, held=False)
            if number % 10_000 == 0:
                await committed(journal)
        await committed(journal)
        # What it takes on disk beside the copies themselves is little.
        assert journal.size < 1.1 * 100 * count
    db = sqlite3.connect(path)
    rows, copies = db.execute("SELECT count(*), sum(copies) FROM to_shadow").fetchone()
    db.close()
    assert copies == count
    assert copies / rows > 300
    async with opened(path) as journal:
        expected = chunks = 0
        while chunk := await journal.read(SHADOW):
            chunks += 1
            for copy in chunk:
                assert int(copy.record) == expected
                expected += 1
                copy.entry.settle()
        assert expected == count
        assert count / chunks > 1000
    async with opened(path) as journal:
        assert journal.opened.copies == (0, 0)


@on_loop
async def test_memory_does_not_grow_with_the_backlog_however_small_its_rows(path: Path) -> None:
    async with opened(path) as journal:

        async def spill(copies: int) -> int:
            # Each in a row of its own, as when they come one by one.
            for number in range(copies):
                journal.append(SHADOW, os.urandom(100), held=False, solitary=True)
                if number % 1000 == 0:
                    await committed(journal)
            await committed(journal)
            gc.collect()
            return tracemalloc.get_traced_memory()[0]

        tracemalloc.start()
        try:
            before = await spill(2000)
            after = await spill(10_000)
        finally:
            tracemalloc.stop()
        assert journal.backlog(SHADOW) == 12_000
        # Less than a byte for each.
        assert after - before < 10_000


@on_loop
async def test_copies_of_a_moment_share_a_transaction(path: Path) -> None:
    async with opened(path) as journal:
        for _ in range(3):
            waiting = [journal.append(SHADOW, b"copy", held=True) for _ in range(500)]
            await stored(journal, SHADOW, b"last")
            for entry in waiting:
                entry.settle()
    db = sqlite3.connect(path)
    # Each row holds all of a moment, and is still needed for its last copy.
    assert db.execute("SELECT copies FROM to_shadow").fetchall() == [(501,)] * 3
    db.close()


@on_loop
async def test_the_device_has_it_within_the_interval_and_is_left_alone_afterwards(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def counting(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", counting)
    async with opened(path, fsync_seconds=0.05) as journal:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while not synced:
            await stored(journal, SHADOW, b"copy")
            assert loop.time() - begun < 10
        assert set(synced) == {f"{path}-wal"}
        # All that came while the device was busy is brought there as well; then it is quiet.
        await asyncio.sleep(0.3)
        quiet = len(synced)
        await asyncio.sleep(0.3)
        assert len(synced) == quiet
        await stored(journal, SHADOW, b"copy")
        async with asyncio.timeout(10):
            while len(synced) == quiet:
                await asyncio.sleep(0.01)
    synced.clear()
    async with opened(path, fsync_seconds=0) as journal:
        await stored(journal, SHADOW, b"copy")
        await asyncio.sleep(0.1)
    # SQLite has done so itself, in each commit.
    assert synced == []
