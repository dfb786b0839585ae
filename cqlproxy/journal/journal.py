"""The journal: copies on disk, for as long as memory cannot hold them or must not be trusted with them alone.

All methods are called on the event loop, and only what is a coroutine waits. A thread writes what has come,
many copies to a row and many rows to a transaction. Memory does not grow with what is on disk: of a row of
which no copy is in memory, nothing is remembered.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple, Self

from cqlproxy.cluster.side import Side
from cqlproxy.journal.backlog import Backlog
from cqlproxy.journal.changes import Changes, OnDropped
from cqlproxy.journal.errors import JournalError
from cqlproxy.journal.letter_box import LetterBox
from cqlproxy.journal.letter_store import new_letter
from cqlproxy.journal.letters import DeadLetter
from cqlproxy.journal.rows import Entry, Row, Stored
from cqlproxy.journal.statements import Statements
from cqlproxy.journal.store import Report, Store, StoreCounts
from cqlproxy.journal.thread import StoreThread
from cqlproxy.journal.writer import Flight, Writer

log = logging.getLogger(__name__)

ROW_BYTES: Final = 64 << 10
"""A row that has as much takes no more records."""

BEHIND_BYTES: Final = 32 << 20
"""What may wait to be written. Beyond it copies are not taken."""

_COPY_OVERHEAD: Final = 64
_SPACIOUS_BYTES: Final = 64 << 20
"""A file that may have as much need not be freed at once of what is no longer needed."""
_SOON_BYTES: Final = 512 << 10
_LETTER_NUMBERS: Final = 1 << 40
"""Row numbers that are set aside for one replay: the ids of letters stay below."""

NOWHERE: Final = Entry(None, 0)
"""The entry of a copy that is not in memory, or that the journal has not taken."""


class WhenFull(StrEnum):
    """What happens to copies when the journal has reached its size."""

    DROP_OLDEST = "drop_oldest"
    """The oldest that are not in memory make room, and are counted."""
    BLOCK = "block"
    """New ones wait to be stored until others are settled."""


class Opened(NamedTuple):
    """What was found when the journal was opened."""

    moved_aside: Path | None
    """Where a file went that could not be used; None when there was none."""
    why: str | None
    """What was wrong with it."""
    copies: tuple[int, int]
    """Copies that wait, by ``Side``."""
    letters: int


class Journal:
    """Made by ``open``. ``opened`` tells what was found; ``letters`` are the dead letters."""

    def __init__(
        self,
        path: Path,
        store: Store,
        thread: StoreThread,
        found: StoreCounts,
        followed: tuple[dict[int, Row], dict[int, Row]],
        *,
        log_file: int | None,
        fsync_seconds: float,
        wait_beyond: int | None,
        holds_deletions: bool,
        on_dropped: OnDropped,
    ) -> None:
        self.opened = Opened(store.moved_aside, store.why, found.copies, found.letters)
        self._store = store
        self._thread = thread
        self._on_dropped = on_dropped
        self._writer = Writer(
            path,
            store,
            thread,
            log_file=log_file,
            fsync_seconds=fsync_seconds,
            take=self._take,
            written=self._written,
            lost=lambda flight: self._changes.lost(flight),
        )
        self._changes = Changes(
            size=found.size,
            max_bytes=wait_beyond,
            holds_deletions=holds_deletions,
            on_dropped=on_dropped,
            soon=self._writer.soon,
            later=self._writer.later,
        )
        self._backlogs = self._changes.backlogs = [
            Backlog(
                side,
                store,
                thread,
                followed[side],
                owner=self._changes,
                unreadable=self._changes.unreadable,
                count=found.copies[side],
            )
            for side in Side
        ]
        self.letters = LetterBox(
            store,
            thread,
            found.letters,
            self._writer.committed,
            reserve=self._reserve,
            replayed=self._replayed,
            resized=self._changes.resized,
        )
        self._unprotected = 0
        self._closed = False
        self._next_row = found.next_row
        self._statements = Statements(found.next_statement)
        self._forget = False
        self._open: list[Row | None] = [None, None]
        """By side, the row that takes records."""

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        max_bytes: int,
        fsync_seconds: float,
        when_full: WhenFull,
        on_dropped: OnDropped,
    ) -> Self:
        """Open the file at ``path``, or make it. Raises ``JournalError``, whose message says what to do.

        ``max_bytes`` bounds what of the file is in use. At it, ``when_full`` decides about copies; dead
        letters have half of it at most: beyond that the oldest go, so that neither starves the other.
        ``fsync_seconds``: what is stored survives the end of the process at once, and a loss of power after
        this time; 0: it waits for the device before it counts as stored.
        """
        followed: tuple[dict[int, Row], dict[int, Row]] = ({}, {})
        thread = StoreThread(asyncio.get_running_loop())
        try:
            store = await thread.run(
                lambda: Store(
                    path,
                    max_bytes=max_bytes,
                    sync_commits=fsync_seconds == 0,
                    drop_oldest=when_full is WhenFull.DROP_OLDEST,
                    followed=followed,
                )
            )
            found = await thread.run(store.recover)
            log_file = await thread.run(store.open_log) if fsync_seconds else None
        except BaseException:
            thread.stop()
            raise
        if store.moved_aside is not None:
            log.error(
                "the journal could not be used and was moved aside: what waited in it is not copied",
                extra={"journal": str(path), "moved_to": str(store.moved_aside), "why": store.why},
            )
        return cls(
            path,
            store,
            thread,
            found,
            followed,
            log_file=log_file,
            fsync_seconds=fsync_seconds,
            wait_beyond=max_bytes if when_full is WhenFull.BLOCK else None,
            holds_deletions=max_bytes >= _SPACIOUS_BYTES,
            on_dropped=on_dropped,
        )

    @property
    def max_bytes(self) -> int:
        """How many bytes may be in use."""
        return self._store.max_bytes

    def use_max_bytes(self, max_bytes: int) -> None:
        """Another bound from now on. What is beyond a smaller one goes when the next copy comes."""
        self._store.use_max_bytes(max_bytes)
        self._changes.use_max_bytes(max_bytes, holds_deletions=max_bytes >= _SPACIOUS_BYTES)

    async def close(self) -> None:
        """Write all that has come, and close the file. Copies in memory are found in it the next time."""
        self._closed = self._changes.closing = True
        await self._writer.close()
        self._changes.give_up()
        try:
            await self._thread.run(self._store.close)
        except sqlite3.Error as error:
            log.warning(
                "the journal was closed, but its log stays beside it; the next start takes it in",
                extra={"error": str(error)},
            )
        finally:
            self._thread.stop()

    # --- copies -------------------------------------------------------------------------------

    def statement(self, key: object, description: bytes) -> int:
        """The number by which a record may name a statement. It is on disk before any record that names it.

        ``key`` is what the caller knows the statement by. Asked for each record, in the same callback as its
        ``append`` or ``bury``: numbers do not last.
        """
        number = self._statements.get(key)
        if number is None:
            number = self._statements.add(key)
            self._changes.batch.statements.append((number, description))
            self._changes.bytes += len(description)
        return number

    def description_of(self, number: int) -> bytes:
        """The description of a statement that a record of the last chunk read of either side names.

        Raises ``JournalError`` when it is not there, and the record is of no use.
        """
        for backlog in self._backlogs:
            if (description := backlog.description_of(number)) is not None:
                return description
        raise JournalError(f"the journal has no statement {number}: a record that names it cannot be read")

    def append(
        self,
        target: Side,
        record: bytes,
        *,
        solitary: bool = False,
        held: bool,
        stored: Callable[[], None] | None = None,
    ) -> Entry:
        """Keep a copy for ``target``; returns its place.

        ``held``: it is in memory as well, and its entry will be ended; otherwise it is in the backlog, to
        be read, and the entry is of no use. ``solitary``: it gets a row of its own, which can be marked as
        begun, and keeps its place among all others. ``stored()`` is called when the end of the process loses
        it no more; with ``WhenFull.BLOCK`` that waits for room (``full``).

        When it cannot be kept, since the disk fails or ``BEHIND_BYTES`` wait already, a copy that is not held
        is dropped and counted; for one that is held ``stored()`` is called all the same, perhaps at once, so
        that no client hangs, and it is counted as ``unprotected``.
        """
        # Hot path: once for every copy that is journaled.
        row = self._open[target]
        if row is None or solitary or row.bytes >= ROW_BYTES:
            row = self._new_row(target, solitary)
            if row is None:
                return self._refuse(target, held, stored)
        if stored is not None:
            row.stored.append(stored)
            self._writer.soon()
        elif not row.records:
            self._writer.later()
        records = row.records
        place = len(records)
        records.append(record)
        row.bytes += len(record) + _COPY_OVERHEAD
        if solitary:
            self._seal(target)
        if held:
            row.in_memory += 1
            return Entry(row, place)
        self._backlogs[target].count += 1
        if row.left is None:
            row.left = [place]
        else:
            row.left.append(place)
        return NOWHERE

    def append_together(
        self, target: Side, records: Sequence[bytes], stored: Callable[[], None]
    ) -> list[Entry]:
        """As ``append`` for each, none of them solitary, all of them in memory as well; returns their places.

        ``stored()`` is called once, for all of them.
        """
        # Hot path.
        row = self._open[target]
        if row is None or row.bytes >= ROW_BYTES:
            row = self._new_row(target, solitary=False)
            if row is None:
                self._unprotected += len(records)
                stored()
                return [NOWHERE] * len(records)
        row.stored.append(stored)
        self._writer.soon()
        first = len(row.records)
        row.records += records
        row.bytes += sum(map(len, records)) + _COPY_OVERHEAD * len(records)
        row.in_memory += len(records)
        return [Entry(row, place) for place in range(first, first + len(records))]

    def bury(self, target: Side, record: bytes, letter: DeadLetter, entry: Entry | None) -> None:
        """Make a copy a dead letter. It leaves the journal's copies in the same transaction.

        ``record`` is as for ``append``, so that the letter can be replayed; ``letter`` what is shown of it.
        """
        row = None if entry is None else entry.row
        low = self._statements.low if row is None else min(self._statements.low, row.low)
        new = new_letter(target, letter, record, low, self._statements.high)
        if entry is not None and row is not None:
            entry.row = None
            self._changes.remove(row, entry.place)
            self._changes.out_of_memory(row)
        if self._closed or self.behind + new.size > BEHIND_BYTES:
            self._on_dropped(target, 1)
            return
        self._changes.batch.letters.append(new)
        self._changes.bytes += new.size
        self._writer.later()

    async def read(self, target: Side) -> list[Stored]:
        """The next chunk of the backlog, in the order in which the copies were appended.

        Empty when there is none, and when the disk fails, after a pause. They are in memory from then on.
        """
        backlog = self._backlogs[target]
        if not backlog.count or self._closed:
            return []
        await self._writer.committed()
        return await backlog.read()

    def backlog(self, target: Side) -> int:
        """Copies for ``target`` that are not in memory."""
        return self._backlogs[target].count

    @property
    def size(self) -> int:
        """Bytes of the file that are in use, after the last batch."""
        return self._changes.size

    @property
    def behind(self) -> int:
        """Bytes that are not written yet, about."""
        open_rows = sum(row.bytes for row in self._open if row is not None)
        return self._changes.bytes + open_rows + self._writer.bytes_in_flight

    @property
    def full(self) -> bool:
        """Whether copies wait for room before they are stored (``WhenFull.BLOCK``)."""
        return self._changes.full

    @property
    def failing(self) -> str | None:
        """Why the journal cannot be written at the moment; None when it can."""
        return self._writer.failing

    @property
    def unprotected(self) -> int:
        """Copies so far that were in memory, and should have been stored as well, and could not be."""
        return self._unprotected + self._changes.unprotected

    # --- rows that take records ---------------------------------------------------------------

    def _new_row(self, target: Side, solitary: bool) -> Row | None:
        """Seal the row that took records, and begin another; None when too much waits already."""
        self._seal(target)
        if self._closed or self.behind > BEHIND_BYTES:
            return None
        row = Row(self._changes, target, self._next_row, low=self._statements.low, solitary=solitary)
        self._next_row += 1
        self._open[target] = row
        return row

    def _seal(self, target: Side) -> None:
        row = self._open[target]
        if row is not None:
            self._open[target] = None
            row.high = self._statements.high
            self._changes.add(row)
            if self._changes.bytes > _SOON_BYTES:
                self._writer.soon()

    def _refuse(self, target: Side, held: bool, stored: Callable[[], None] | None) -> Entry:
        if held:
            self._unprotected += 1
        else:
            self._on_dropped(target, 1)
        if stored is not None:
            stored()
        return NOWHERE

    # --- batches ------------------------------------------------------------------------------

    def _take(self) -> Flight | None:
        for side in Side:
            self._seal(side)
        # Between callbacks: no record is being made that would name the old numbers.
        self._forget |= self._statements.renew()
        return self._changes.take()

    def _written(self, flight: Flight, report: Report) -> None:
        self._changes.written(flight, report)
        self.letters.count = report.letters
        if self._forget and not self._changes.full:
            self._forget = False
            low = self._statements.low
            self._thread.submit(
                lambda: self._store.forget_unused_statements(low), _no_matter, self._not_forgotten
            )

    def _not_forgotten(self, error: Exception) -> None:
        log.warning("old statements stay in the journal", extra={"error": str(error)})

    # --- dead letters that become copies again ------------------------------------------------

    def _reserve(self) -> int:
        """The first of enough row numbers for all letters that there may be."""
        for side in Side:
            self._seal(side)
        first = self._next_row
        self._next_row += _LETTER_NUMBERS
        return first

    def _replayed(self, copies: tuple[int, int]) -> None:
        for backlog, count in zip(self._backlogs, copies, strict=True):
            backlog.count += count


def _no_matter(_: None) -> None:
    """Nothing is done when statements have been forgotten."""
