"""What is to be written next: rows that are full or due, and what the endings of entries come to on disk."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

from cqlproxy.cluster.side import Side
from cqlproxy.journal.backlog import Backlog
from cqlproxy.journal.rows import Phase, Row
from cqlproxy.journal.store import Batch, Report
from cqlproxy.journal.writer import Flight, run_all

log = logging.getLogger(__name__)

OnDropped = Callable[[Side, int], None]
"""Told of copies and dead letters that are lost: to make room, or since they cannot be written or read."""

_ROW_OVERHEAD: Final = 64

HELD_DELETIONS: Final = 16
"""Rows that are no longer needed are deleted many at a time, where the file has room for them."""


class Changes:
    """Implements ``rows.RowOwner``.

    ``max_bytes`` is None when nothing waits for room; ``holds_deletions`` says that there is some to spare.
    ``soon`` and ``later`` are called when there is something to write that somebody waits for, or nobody.
    """

    def __init__(
        self,
        *,
        size: int,
        max_bytes: int | None,
        holds_deletions: bool,
        on_dropped: OnDropped,
        soon: Callable[[], None],
        later: Callable[[], None],
    ) -> None:
        self.backlogs: Sequence[Backlog] = ()
        self.batch = Batch()
        self.bytes = 0
        """Of what waits here, about."""
        self.size = size
        """Bytes of the file that are in use."""
        self.full = False
        """Whether rows wait for room."""
        self.unprotected = 0
        """Copies in memory that should be on disk as well, and could not be written."""
        self.closing = False
        """Whether what waits is written in any case."""
        self._max_bytes = max_bytes
        self._holds_deletions = holds_deletions
        self._delete_now = False
        self._on_dropped = on_dropped
        self._soon = soon
        self._later = later
        self._rows: list[Row] = []
        self._then: list[Callable[[], None]] = []

    def use_max_bytes(self, max_bytes: int, *, holds_deletions: bool) -> None:
        """Another bound from the next batch on; what waited for room is looked at soon."""
        if self._max_bytes is not None:
            self._max_bytes = max_bytes
        self._holds_deletions = holds_deletions
        if self.full:
            self._soon()

    def add(self, row: Row) -> None:
        """A row takes no more records and is to be written."""
        self._rows.append(row)
        self.bytes += row.bytes

    # --- entries that end ---------------------------------------------------------------------

    def left_memory(self, row: Row) -> None:
        """See ``RowOwner``. A row that is not written yet is looked at when its time comes."""
        if row.phase is not Phase.WRITTEN:
            return
        side = row.target
        if row.left is None:
            # Followed until it is gone from the disk: it must not be taken for backlog.
            self.batch.deletions[side].append(row.number)
            # A kill before that would leave it open whether a copy was sent that must not be sent twice.
            self._delete_now |= row.solitary
        elif len(row.left) == row.copies:
            self._unfollow(row)
        else:
            self._reduce(row, row.left)
        self._later()

    def _reduce(self, row: Row, left: list[int]) -> None:
        """Have a row replaced by the copies of it that are left, none of which is in memory."""
        row.rewriting = True
        left.sort()
        self.batch.rewrites.append((row, tuple(left)))

    def leave(self, row: Row, place: int, *, begun: bool) -> None:
        """See ``RowOwner``."""
        row.in_memory -= 1
        if row.phase is Phase.LOST:
            self._on_dropped(row.target, 1)
            return
        if row.left is None:
            row.left = [place]
        else:
            row.left.append(place)
        backlog = self.backlogs[row.target]
        backlog.count += 1
        if row.began and not begun:
            row.began = False
            if row.phase is Phase.WRITTEN:
                self.batch.begins.append((row.target, row.number, False))
                self._later()
        if not row.in_memory:
            self.left_memory(row)
        elif row.phase is Phase.WRITTEN:
            backlog.to_be_read(row.number)

    def begin(self, row: Row, ready: Callable[[], None]) -> None:
        """See ``RowOwner``."""
        row.began = True
        if row.phase is Phase.LOST:
            ready()
            return
        if row.phase is Phase.OPEN:
            # It is written with its mark.
            row.stored.append(ready)
        else:
            self.batch.begins.append((row.target, row.number, True))
            self._then.append(ready)
        self._soon()

    def settle_then(self, row: Row, place: int, done: Callable[[], None]) -> None:
        """See ``RowOwner``."""
        if row.phase is Phase.LOST:
            done()
        else:
            self.remove(row, place)
            self._then.append(done)
            self._soon()
        self.out_of_memory(row)

    def remove(self, row: Row, place: int) -> None:
        """A copy must not come back, though its row may stay for the sake of others."""
        if not row.solitary and row.phase is not Phase.LOST:
            row.marked = True
            self.batch.removed.append((row.target, row.number, place))

    def out_of_memory(self, row: Row) -> None:
        row.in_memory -= 1
        if not row.in_memory:
            self.left_memory(row)

    def unreadable(self, row: Row, copies: int) -> None:
        """A row on disk is of no use. Other copies of it may be in memory still."""
        self._on_dropped(row.target, copies)
        if not row.in_memory:
            self.left_memory(row)

    # --- batches ------------------------------------------------------------------------------

    def take(self) -> Flight | None:
        """What the next transaction is to write; None when there is nothing."""
        size = self.bytes
        self._take_rows()
        batch, self.batch = self.batch, Batch()
        self._hold_deletions(batch)
        then, self._then = self._then, []
        self.bytes = sum(row.bytes for row in self._rows)
        if not batch and not then:
            return None
        return Flight(batch, size - self.bytes, then)

    def _hold_deletions(self, batch: Batch) -> None:
        """Leave deletions to a later batch while there are few of them, and rows to be written."""
        few = len(batch.deletions[0]) + len(batch.deletions[1]) < HELD_DELETIONS
        if few and batch.rows and self._holds_deletions and not (self._delete_now or self.closing):
            self.batch.deletions, batch.deletions = batch.deletions, self.batch.deletions
        else:
            self._delete_now = False

    def _take_rows(self) -> None:
        """Move rows to the batch, as far as there is room for them; the others have to wait."""
        rows, self._rows = self._rows, []
        room = None if self._max_bytes is None or self.closing else self._max_bytes - self.size
        self.full = False
        for index, row in enumerate(rows):
            if room is not None:
                room -= row.bytes + _ROW_OVERHEAD
                if room < 0 and (index or self._is_waited_for(rows)):
                    self.full = True
                    self._rows = rows[index:]
                    break
            self._take_row(row)

    def _is_waited_for(self, unwritten: list[Row]) -> bool:
        """Whether there is anything on disk that can make room by being settled."""
        waiting = sum(len(row.left) for row in unwritten if row.left is not None)
        return any(b.followed for b in self.backlogs) or sum(b.count for b in self.backlogs) > waiting

    def _take_row(self, row: Row) -> None:
        left = row.left
        if not row.in_memory and left is None:
            # All of it has been settled already.
            self._then += row.stored
            row.phase = Phase.LOST
            if row.marked:
                self.batch.deletions[row.target].append(row.number)
            return
        if not row.in_memory and left is not None and len(left) < len(row.records) and not row.marked:
            # The others have been settled before they were ever written.
            row.records = [row.records[place] for place in sorted(left)]
            row.left = left = list(range(len(row.records)))
        row.copies = len(row.records)
        row.phase = Phase.WRITTEN
        self.batch.rows.append(row)
        if row.in_memory:
            self.backlogs[row.target].followed[row.number] = row
        elif left is not None and len(left) < row.copies:
            # Its marks go by the places of all records; both go in the same transaction.
            self.backlogs[row.target].followed[row.number] = row
            self._reduce(row, left)

    def resized(self, size: int) -> None:
        """The file has changed without a batch."""
        self.size = size
        if self.full:
            self._later()

    def written(self, flight: Flight, report: Report) -> None:
        """A batch is on disk."""
        batch = flight.batch
        for row in batch.rows:
            row.records = []
            if row.left is not None:
                self.backlogs[row.target].to_be_read(row.number)
        for side, numbers in zip(Side, batch.deletions, strict=True):
            followed = self.backlogs[side].followed
            for number in numbers:
                followed.pop(number, None)
        for row, _ in batch.rewrites:
            self._unfollow(row)
        self.size = report.size
        for side in Side:
            self.backlogs[side].count -= report.dropped[side]
            if dropped := report.dropped[side] + report.dropped_letters[side]:
                self._on_dropped(side, dropped)

    def lost(self, flight: Flight) -> None:
        """A batch could not be written: its rows are lost, all else is tried again."""
        batch, next_batch = flight.batch, self.batch
        rows, batch.rows = batch.rows, []
        for row in rows:
            self._lose(row)
        batch.statements += next_batch.statements
        batch.begins += next_batch.begins
        batch.removed += next_batch.removed
        batch.rewrites += next_batch.rewrites
        batch.letters += next_batch.letters
        for numbers, later in zip(batch.deletions, next_batch.deletions, strict=True):
            numbers += later
        self.batch = batch
        self._then = flight.then + self._then
        self.bytes += flight.bytes - sum(row.bytes for row in rows)
        for row in rows:
            stored, row.stored = row.stored, []
            run_all(stored)

    def give_up(self) -> None:
        """The journal is closed. What could not be written by now never is."""
        for letter in self.batch.letters:
            self._on_dropped(letter.target, 1)
        if self.batch:
            log.error("the journal was closed with changes that it could not write: copies may be sent twice")

    def _lose(self, row: Row) -> None:
        row.phase = Phase.LOST
        row.records = []
        self.unprotected += row.in_memory
        backlog = self.backlogs[row.target]
        backlog.followed.pop(row.number, None)
        if row.left is not None:
            backlog.count -= len(row.left)
            self._on_dropped(row.target, len(row.left))
            row.left = None

    def _unfollow(self, row: Row) -> None:
        """All that is left of the row belongs to the backlog."""
        backlog = self.backlogs[row.target]
        backlog.followed.pop(row.number, None)
        backlog.to_be_read(row.number)
