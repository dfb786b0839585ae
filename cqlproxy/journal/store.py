"""The journal's file, as the thread sees it: batches are applied in one transaction each, chunks are read.

Nothing here waits for anything but the disk, and nothing knows of the event loop.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final, NamedTuple, TypeVar
from zlib import crc32

from cqlproxy.cluster.side import Side
from cqlproxy.journal.errors import JournalError
from cqlproxy.journal.letter_store import LetterStore, NewLetter
from cqlproxy.journal.opening import TABLES, open_file
from cqlproxy.journal.reading import CHUNK_COPIES, SIZES, Followed, Reader, runs_of
from cqlproxy.journal.rows import Row, pack

_VACUUM_PAGES: Final = 256
_SPARE_PAGES: Final = 4096
"""Free pages that are kept for what comes next; more of them go back to the file system, some by commit."""

_RETRY_ROOM_SECONDS: Final = 0.25
_MEASURE_SECONDS: Final = 0.05
_RETRY_GIVING_SECONDS: Final = 10.0

_INSERT: Final = [f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?, ?)" for table in TABLES]
_DELETE: Final = [f"DELETE FROM {table} WHERE number BETWEEN ? AND ?" for table in TABLES]
_UNMARK: Final = "DELETE FROM removed WHERE target = ? AND number = ?"
_BEGIN: Final = [f"UPDATE {table} SET began = ? WHERE number = ?" for table in TABLES]
_COUNTS: Final = [
    f"SELECT coalesce(sum(copies), 0), coalesce(max(number), 0), coalesce(max(high), 0), min(low)"
    f" FROM {table}"
    for table in TABLES
]

_Value = TypeVar("_Value")


@dataclass(slots=True)
class Batch:
    """What one transaction writes."""

    statements: list[tuple[int, bytes]] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    begins: list[tuple[Side, int, bool]] = field(default_factory=list)
    removed: list[tuple[Side, int, int]] = field(default_factory=list)
    rewrites: list[tuple[Row, tuple[int, ...]]] = field(default_factory=list)
    """Rows of which only the copies at these places are still needed."""
    deletions: tuple[list[int], list[int]] = field(default_factory=lambda: ([], []))
    letters: list[NewLetter] = field(default_factory=list)

    @property
    def is_one_row(self) -> bool:
        """Whether a row is all that there is to write."""
        return len(self.rows) == 1 and not self._has_others

    def __bool__(self) -> bool:
        return bool(self.rows) or self._has_others

    @property
    def _has_others(self) -> bool:
        """Whether there is anything to write but rows."""
        return bool(
            self.deletions[0]
            or self.deletions[1]
            or self.begins
            or self.removed
            or self.rewrites
            or self.letters
            or self.statements
        )


class Report(NamedTuple):
    """What stands in the file after a batch."""

    size: int
    """Bytes in use."""
    letters: int
    dropped: tuple[int, int]
    """Copies that had to make room, by side."""
    dropped_letters: tuple[int, int]


class StoreCounts(NamedTuple):
    """What was found at opening."""

    copies: tuple[int, int]
    letters: int
    size: int
    next_row: int
    next_statement: int


class Store:
    """The open file. ``max_bytes`` bounds what is in use of it; ``drop_oldest`` says that the oldest copies
    which are not in memory make room.
    """

    def __init__(
        self, path: Path, *, max_bytes: int, sync_commits: bool, drop_oldest: bool, followed: Followed
    ) -> None:
        opened = open_file(path, sync_commits=sync_commits)
        self._path = path
        self._db = opened.connection
        self.moved_aside = opened.moved_aside
        """Where a file went that could not be used."""
        self.why = opened.why
        """What was wrong with it."""
        self.max_bytes = max_bytes
        self._drop_oldest = drop_oldest
        self._followed = followed
        self.reader = Reader(self._db, followed)
        self._marked: tuple[set[int], set[int]] = (set(), set())
        """By side, the rows of which copies were removed while others were in need of the row."""
        self._size = self._free = 0
        """Bytes in use and free pages, when last measured."""
        self._measured_at = 0.0
        self._no_room_before = 0.0
        self._no_giving_before = 0.0
        (self._page_bytes,) = self._db.execute("PRAGMA page_size").fetchone()
        self.letters = LetterStore(self._db)

    def recover(self) -> StoreCounts:
        """Bring what an earlier process left into order, and count it. Raises ``JournalError``."""
        try:
            return self._recover()
        except sqlite3.Error as error:
            self._db.close()
            raise JournalError(
                f"journal {self._path}: what an earlier run left in it cannot be read ({error});"
                " look at the disk, or move the file away"
            ) from error

    def _recover(self) -> StoreCounts:
        self._transaction(self._drop_removed)
        counts = [self._db.execute(query).fetchone() for query in _COUNTS]
        high, low = self.letters.statement_range()
        highest = max(high, *(c[2] for c in counts))
        lowest = min((n for n in (low, *(c[3] for c in counts)) if n is not None), default=None)
        self._transaction(lambda: self.forget_statements(sys.maxsize if lowest is None else lowest))
        (last,) = self._db.execute("SELECT coalesce(max(number), 0) FROM statements").fetchone()
        return StoreCounts(
            (counts[0][0], counts[1][0]),
            self.letters.count,
            self.size(),
            max(counts[0][1], counts[1][1]) + 1,
            max(last, highest) + 1,
        )

    def size(self) -> int:
        """Bytes of the file that are in use."""
        (pages,) = self._db.execute("PRAGMA page_count").fetchone()
        self._free = self._free_pages()
        self._size = int((pages - self._free) * self._page_bytes)
        self._measured_at = monotonic()
        return self._size

    def use_max_bytes(self, max_bytes: int) -> None:
        """Another bound from the next batch on. May be called on another thread."""
        self.max_bytes = max_bytes

    def _estimate(self, batch: Batch) -> None:
        """Bring the size up to date: exactly where it matters, and once in a while.

        Each statement costs the thread a wait for the interpreter when the loop is busy.
        """
        urgent = self._size > self.max_bytes - self.max_bytes // 8
        if urgent or not batch.rows or monotonic() - self._measured_at > _MEASURE_SECONDS:
            self.size()

    def open_log(self) -> int:
        """A descriptor of the write-ahead log, for fsync: the same file as long as the store is open.

        Raises ``JournalError``.
        """
        try:
            return os.open(f"{self._path}-wal", os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            self._db.close()
            raise JournalError(
                f"journal {self._path}: its write-ahead log cannot be opened ({error.strerror});"
                " check the limit of open files, and that nobody else touches the journal's files"
            ) from error

    def close(self) -> None:
        try:
            self._give_back(self._free_pages())
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            self._db.close()

    # --- writing ------------------------------------------------------------------------------

    def apply(self, batch: Batch) -> Report:
        """Write a batch, all of it or, with ``sqlite3.Error``, nothing."""
        if batch.is_one_row and self._size <= self.max_bytes // 2:
            report = self._write_row(batch.rows[0])
        else:
            report = self._transaction(lambda: self._write(batch))
        spare = self._free - _SPARE_PAGES
        if spare > 0 and monotonic() >= self._no_giving_before:
            try:
                self._give_back(min(_VACUUM_PAGES, spare))
                self._free -= _VACUUM_PAGES
            except sqlite3.Error:
                # The batch is written; if the disk fails, the next one will tell.
                self._no_giving_before = monotonic() + _RETRY_GIVING_SECONDS
        return report

    def replay(self, ids: Sequence[int] | None, base: int) -> tuple[int, int]:
        """Make copies of dead letters again, all of them or none; returns how many by side.

        Each gets a row of its own, numbered ``base`` and its id.
        """
        return self._transaction(lambda: self.letters.replay(ids, base))

    def purge(self, ids: Sequence[int] | None, older_than: float | None) -> tuple[int, int]:
        """Delete dead letters; see ``LetterStore.purge``. Returns how many, and the size that is left."""
        return self._transaction(lambda: self.letters.purge(ids, older_than)), self.size()

    def forget_statements(self, low: int) -> None:
        """Delete the descriptions of statements with numbers below ``low``."""
        self._db.execute("DELETE FROM statements WHERE number < ?", (low,))

    def forget_unused_statements(self, low: int) -> None:
        """Delete the statements below ``low`` that nothing names, if that takes no long search."""
        least = [low, self.letters.statement_range()[1] or low]
        for table in TABLES:
            seen = self._db.execute(f"SELECT low FROM {table} LIMIT {CHUNK_COPIES + 1}").fetchall()
            if len(seen) > CHUNK_COPIES:
                return
            least.extend(row[0] for row in seen)
        self._transaction(lambda: self.forget_statements(min(least)))

    def _transaction(self, work: Callable[[], _Value]) -> _Value:
        letters = self.letters.count, self.letters.bytes
        self._db.execute("BEGIN IMMEDIATE")
        try:
            result = work()
            self._db.execute("COMMIT")
        except BaseException:
            # SQLite may have rolled it back by itself.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self.letters.count, self.letters.bytes = letters
            raise
        return result

    def _write(self, batch: Batch) -> Report:
        db = self._db
        if batch.statements:
            db.executemany("INSERT OR REPLACE INTO statements VALUES (?, ?)", batch.statements)
        if batch.removed:
            db.executemany("INSERT OR IGNORE INTO removed VALUES (?, ?, ?)", batch.removed)
            for side, number, _ in batch.removed:
                self._marked[side].add(number)
        for row in batch.rows:
            self._insert(row)
        for side, number, began in batch.begins:
            db.execute(_BEGIN[side], (began, number))
        for row, places in batch.rewrites:
            self._rewrite(row.target, row.number, places)
        for index, numbers in enumerate(batch.deletions):
            if numbers:
                db.executemany(_DELETE[index], runs_of(numbers))
                self._forget_marks(index, numbers)
        self.letters.add(batch.letters)
        dropped_letters = self.letters.make_room(self.max_bytes // 2)
        dropped = (0, 0)
        self._estimate(batch)
        if self._size > self.max_bytes and self._drop_oldest:
            dropped = self._make_room()
        return Report(self._size, self.letters.count, dropped, dropped_letters)

    def _write_row(self, row: Row) -> Report:
        """Most of the batches, when every copy is journaled: one statement, and a transaction by itself.

        Each statement costs the thread waits for the interpreter when the loop is busy.
        """
        # Before it: when the row is written, nothing may fail any more.
        if monotonic() - self._measured_at > _MEASURE_SECONDS:
            self.size()
        self._insert(row)
        return Report(self._size, self.letters.count, (0, 0), (0, 0))

    def _insert(self, row: Row) -> None:
        blob = pack(row.records)
        self._db.execute(
            _INSERT[row.target],
            (row.number, len(row.records), row.low, row.high, row.began, crc32(blob), blob),
        )
        self._size += len(blob)

    def _forget_marks(self, side: int, numbers: list[int]) -> None:
        """The rows are gone, and so is the need to know which of their copies were removed before."""
        marked = self._marked[side]
        gone = marked.intersection(numbers) if marked else ()
        if gone:
            marked.difference_update(gone)
            self._db.executemany(_UNMARK, [(side, number) for number in gone])

    def _rewrite(self, side: Side, number: int, places: Sequence[int]) -> None:
        """Reduce a row to the copies at ``places``."""
        row = self.reader.row(side, number)
        self._db.execute(_UNMARK, (side, number))
        self._marked[side].discard(number)
        if row is None or not row.records:
            return
        if not places:
            self._db.execute(_DELETE[side], (number, number))
            return
        blob = pack([row.records[place] for place in places])
        self._db.execute(
            f"UPDATE {TABLES[side]} SET copies = ?, crc = ?, records = ? WHERE number = ?",
            (len(places), crc32(blob), blob, number),
        )

    def _drop_removed(self) -> None:
        """Take out of their rows the copies that an earlier process had settled for good."""
        places: dict[tuple[int, int], set[int]] = {}
        for side, number, place in self._db.execute("SELECT target, number, place FROM removed"):
            places.setdefault((side, number), set()).add(place)
        for (side, number), gone in places.items():
            row = self.reader.row(Side(side), number)
            copies = row.copies if row is not None else 0
            self._rewrite(Side(side), number, [place for place in range(copies) if place not in gone])

    # --- room ---------------------------------------------------------------------------------

    def _make_room(self) -> tuple[int, int]:
        """Delete the oldest rows of which no copy is in memory; returns how many copies went, by side."""
        dropped = [0, 0]
        if monotonic() < self._no_room_before:
            return 0, 0
        # Somewhat more than needed, so that it is not done for every batch.
        goal = self.max_bytes - self.max_bytes // 64
        while self._size > goal:
            rows = self._oldest(self._size - goal)
            if not rows:
                self._no_room_before = monotonic() + _RETRY_ROOM_SECONDS
                break
            for side, number, copies in rows:
                self._db.execute(_DELETE[side], (number, number))
                dropped[side] += copies
            self.size()
        return dropped[0], dropped[1]

    def _oldest(self, room: int) -> list[tuple[Side, int, int]]:
        """The oldest rows that may go, of about ``room`` bytes: side, number, copies."""
        found: list[tuple[int, Side, int, int]] = []
        for side in Side:
            followed, handed = self._followed[side], self.reader.handed[side]
            enough = room
            for number, copies, length in self._db.execute(SIZES[side], (-1,)):
                if number not in followed and number not in handed:
                    found.append((number, side, copies, length))
                    enough -= length
                    if enough <= 0:
                        break
        found.sort()
        rows = []
        for number, side, copies, length in found:
            rows.append((side, number, copies))
            room -= length
            if room <= 0:
                break
        return rows

    def _free_pages(self) -> int:
        (free,) = self._db.execute("PRAGMA freelist_count").fetchone()
        return int(free)

    def _give_back(self, pages: int) -> None:
        """Return free pages to the file system, at the next checkpoint."""
        # A plain execute() would give back one page only: it makes one step of what is no query.
        self._db.executescript(f"PRAGMA incremental_vacuum({pages})")
