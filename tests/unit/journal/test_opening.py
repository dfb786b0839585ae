"""The file at opening: new, in use, damaged, of another version, of something else, out of reach."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cqlproxy.cluster.side import Side
from cqlproxy.journal import Journal, JournalError, WhenFull
from cqlproxy.journal.opening import FORMAT, open_file
from tests.unit.journal.journals import LETTER, everything, on_loop, opened, records

SHADOW = Side.SHADOW


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


async def written(path: Path, copies: int = 2000) -> None:
    async with opened(path) as journal:
        for number in range(copies):
            journal.append(SHADOW, b"%0100d" % number, held=False)
        journal.bury(SHADOW, b"dead", LETTER, None)


async def refused(path: Path) -> str:
    with pytest.raises(JournalError) as caught:
        async with opened(path):
            pass
    return str(caught.value)


@on_loop
async def test_a_new_file(path: Path) -> None:
    async with opened(path) as journal:
        assert journal.opened == (None, None, (0, 0), 0)
        assert 0 < journal.size < 100_000


@on_loop
async def test_a_second_proxy_is_told_so(path: Path) -> None:
    async with opened(path) as journal:
        journal.append(SHADOW, b"kept", held=False)
        for _ in range(2):
            assert "another process uses it" in (message := await refused(path))
            assert str(path) in message
        other = (
            "import asyncio, sys; from pathlib import Path; from cqlproxy.journal import *\n"
            "asyncio.run(Journal.open(Path(sys.argv[1]), max_bytes=1 << 30, fsync_seconds=1,"
            " when_full=WhenFull.BLOCK, on_dropped=lambda side, copies: None))"
        )
        run = subprocess.run([sys.executable, "-c", other, path], capture_output=True, text=True, timeout=60)
        assert run.returncode == 1
        assert "another process uses it" in run.stderr
        assert records(await everything(journal, SHADOW)) == [b"kept"]
    assert [file.name for file in path.parent.iterdir()] == ["journal.db"]


def garbage(path: Path) -> None:
    path.write_bytes(b"this is no journal\n" * 1000)


def overwritten_pages(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    noise = random.Random(7)
    for start in range(4096, len(whole), 3 * 4096):
        whole[start : start + 4096] = noise.randbytes(4096)
    path.write_bytes(whole)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: 10 * 4096 + 17])


def cut_to_half_a_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:50])


def emptied_with_its_log_left(path: Path) -> None:
    path.write_bytes(b"")
    path.with_name(path.name + "-wal").write_bytes(b"frames" * 1000)


def gone_with_its_log_left(path: Path) -> None:
    path.rename(path.with_name(path.name + "-wal"))


@pytest.mark.parametrize(
    "damage",
    [
        garbage,
        overwritten_pages,
        cut_short,
        cut_to_half_a_header,
        emptied_with_its_log_left,
        gone_with_its_log_left,
    ],
)
@on_loop
async def test_a_damaged_file_is_moved_aside(
    damage: Callable[[Path], None], path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await written(path)
    damage(path)
    left = sum(file.stat().st_size for file in path.parent.iterdir())
    async with opened(path) as journal:
        moved = journal.opened.moved_aside
        assert moved is not None
        assert moved.name.startswith("journal.db.damaged-")
        assert journal.opened.why is not None
        assert journal.opened.copies == (0, 0)
        aside = [file for file in path.parent.iterdir() if file.name.startswith(moved.name)]
        assert sum(file.stat().st_size for file in aside) >= left
        journal.append(SHADOW, b"new", held=False)
        assert records(await everything(journal, SHADOW)) == [b"new"]
    assert "moved aside" in caplog.text


@pytest.mark.parametrize("version", [0, FORMAT + 1])
@on_loop
async def test_another_format_is_moved_aside_unchanged(version: int, path: Path) -> None:
    await written(path)
    with sqlite3.connect(path) as other:
        other.execute(f"PRAGMA user_version = {version}")
    other.close()
    async with opened(path) as journal:
        moved = journal.opened.moved_aside
        assert moved is not None
        assert moved.name.startswith(f"journal.db.version-{version}-")
        assert journal.opened.why is not None
        assert f"format {version}" in journal.opened.why
    async with opened(path) as journal:
        assert journal.opened.moved_aside is None
    kept = sqlite3.connect(moved)
    assert kept.execute("SELECT sum(copies) FROM to_shadow").fetchone() == (2000,)
    kept.close()


@on_loop
async def test_two_files_moved_aside_in_one_second_both_stay(path: Path) -> None:
    for _ in range(3):
        garbage(path)
        async with opened(path):
            pass
    aside = [file for file in path.parent.iterdir() if ".damaged-" in file.name]
    assert len(aside) == 3
    assert all(file.read_bytes().startswith(b"this is no journal") for file in aside)


@on_loop
async def test_a_file_of_something_else_is_left_alone(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE customers (name)")
    other.close()
    before = path.read_bytes()
    message = await refused(path)
    assert "an SQLite file of something else" in message
    assert "mirror.journal_path" in message
    assert path.read_bytes() == before


@on_loop
async def test_paths_that_cannot_be_used(path: Path) -> None:
    assert "there is no directory" in await refused(path.parent / "missing" / "journal.db")
    path.mkdir()
    assert "cannot be opened for writing" in await refused(path)
    # Not even the super-user writes here.
    assert "cannot be opened for writing" in await refused(Path("/proc/journal.db"))


def test_commits_wait_for_the_device_when_they_are_to(path: Path) -> None:
    for sync_commits, level in ((True, 2), (False, 1)):
        opened_file = open_file(path, sync_commits=sync_commits)
        assert opened_file.connection.execute("PRAGMA synchronous").fetchone() == (level,)
        assert opened_file.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert opened_file.connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
        opened_file.connection.close()


@on_loop
async def test_a_row_whose_bytes_have_changed_is_lost_and_counted(path: Path) -> None:
    lost: list[tuple[Side, int]] = []
    await written(path)
    with sqlite3.connect(path) as other:
        number, blob = other.execute("SELECT number, records FROM to_shadow ORDER BY number").fetchone()
        changed = bytearray(blob)
        changed[len(changed) // 2] ^= 1
        other.execute("UPDATE to_shadow SET records = ? WHERE number = ?", (bytes(changed), number))
        (copies,) = other.execute("SELECT copies FROM to_shadow WHERE number = ?", (number,)).fetchone()
    other.close()
    journal = await Journal.open(
        path,
        max_bytes=1 << 30,
        fsync_seconds=1,
        when_full=WhenFull.DROP_OLDEST,
        on_dropped=lambda side, count: lost.append((side, count)),
    )
    found = records(await everything(journal, SHADOW))
    assert found == [b"%0100d" % number for number in range(copies, 2000)]
    assert lost == [(SHADOW, copies)]
    assert journal.backlog(SHADOW) == 0
    await journal.close()
    async with opened(path) as journal:
        assert journal.opened.copies == (0, 2000 - copies)
