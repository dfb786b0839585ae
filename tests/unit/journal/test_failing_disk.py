"""A disk that is full: the proxy lives, tells so once, counts what it loses, and recovers with the disk."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from cqlproxy.cluster.side import Side
from cqlproxy.journal.rows import Row
from cqlproxy.journal.store import Batch, Store

ROOT = Path(__file__).parents[3]
SCRIPT = Path(__file__).with_name("write_to_a_full_disk.py")


def test_a_full_disk(tmp_path: Path) -> None:
    # In a process of its own: the limit would hold for all files of this one.
    run = subprocess.run(
        [sys.executable, SCRIPT, tmp_path / "journal.db"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == "done\n"
    # Once for each time that the disk fails, however much is lost.
    assert run.stderr.count("ERROR the journal cannot be written") == 2
    assert run.stderr.count("WARNING the journal can be written again") == 1
    assert run.stderr.count("\n") == 3, run.stderr


class NobodyFollows:
    """An owner of rows that are written once and forgotten."""

    def left_memory(self, row: Row) -> None:
        pass

    def leave(self, row: Row, place: int, *, begun: bool) -> None:
        raise AssertionError

    def begin(self, row: Row, ready: object) -> None:
        raise AssertionError

    def settle_then(self, row: Row, place: int, done: object) -> None:
        raise AssertionError


@pytest.mark.parametrize("together", [1, 3], ids=["one row, one statement", "rows in a transaction"])
def test_a_batch_for_which_there_is_no_room_leaves_nothing_and_the_next_one_is_written(
    together: int, tmp_path: Path
) -> None:
    """No room in the words of SQLite (SQLITE_FULL), as when the system has none on the device (ENOSPC)."""
    store = Store(
        tmp_path / "journal.db", max_bytes=1 << 30, sync_commits=False, drop_oldest=True, followed=({}, {})
    )
    store.recover()
    numbers = iter(range(1, 1 << 20))

    def batch() -> Batch:
        rows = []
        for _ in range(together):
            row = Row(NobodyFollows(), Side.SHADOW, next(numbers), low=0, solitary=together == 1)
            row.records = [bytes(5000)]
            rows.append(row)
        return Batch(rows=rows)

    def long_batch() -> Batch:
        made = batch()
        made.rows[-1].records = [bytes(50_000)]
        return made

    assert batch().is_one_row is (together == 1)
    db = store._db
    written = 0
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    db.execute(f"PRAGMA max_page_count = {pages + 40}")
    while int(db.execute("PRAGMA page_count").fetchone()[0]) + 3 * together < pages + 40:
        store.apply(batch())
        written += together
    for _ in range(3):
        with pytest.raises(sqlite3.OperationalError, match="full"):
            store.apply(long_batch())
        assert not db.in_transaction
    assert db.execute("SELECT count(*) FROM to_shadow").fetchone() == (written,)
    assert written > 10
    db.execute(f"PRAGMA max_page_count = {pages + 4000}")
    store.apply(batch())
    assert db.execute("SELECT count(*) FROM to_shadow").fetchone() == (written + together,)
    store.close()
