"""Copies share rows: a row of the journal is written, read and deleted as a whole.

What SQLite costs is by row, so that records which come within a few milliseconds stand in one. While a copy
of a row is in memory as well, the row is followed here; all other rows exist on disk only and cost no memory.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple, Protocol

from cqlproxy.cluster.side import Side


class Phase(IntEnum):
    """What has become of a row that was begun in this process."""

    OPEN = 0
    """Not handed to the thread yet."""
    WRITTEN = 1
    """Handed to the thread, or on disk."""
    LOST = 2
    """It could not be written."""


class RowOwner(Protocol):
    """Who follows the rows: the journal."""

    def left_memory(self, row: Row) -> None:
        """The last copy of the row that was in memory is not any more."""

    def leave(self, row: Row, place: int, *, begun: bool) -> None:
        """A copy is to be read again later."""

    def begin(self, row: Row, ready: Callable[[], None]) -> None:
        """Mark a row as begun, then call."""

    def settle_then(self, row: Row, place: int, done: Callable[[], None]) -> None:
        """Settle a copy, then call."""


class Row:
    """A row of which a copy is in memory, or that is still to be written.

    ``records`` are its copies until it is handed over, ``copies`` their number. ``in_memory`` counts those
    that are neither settled nor left; ``left`` are the places of those that are to be read again, None when
    there are none. ``low`` and ``high`` enclose the numbers of the statements that its records may name.
    """

    __slots__ = (
        "began",
        "bytes",
        "copies",
        "high",
        "in_memory",
        "left",
        "low",
        "marked",
        "number",
        "owner",
        "phase",
        "records",
        "rewriting",
        "solitary",
        "stored",
        "target",
    )

    def __init__(self, owner: RowOwner, target: Side, number: int, *, low: int, solitary: bool) -> None:
        self.owner = owner
        self.target = target
        self.number = number
        self.low = low
        self.high = low - 1
        self.solitary = solitary
        self.records: list[bytes] = []
        self.stored: list[Callable[[], None]] = []
        """To be called when the row is on disk."""
        self.copies = 0
        self.bytes = 0
        self.in_memory = 0
        self.left: list[int] | None = None
        self.phase = Phase.OPEN
        self.began = False
        self.marked = False
        """Whether one of its copies was removed on disk while others were in need of the row."""
        self.rewriting = False
        """Whether it is about to be replaced by what is left of it; it is not read before that is done."""


class Entry:
    """The place of one copy that is in memory as well. One of its methods that end it is called, once:
    ``settle``, ``settle_then``, ``leave``, or ``Journal.bury``. What is called later does nothing.
    """

    __slots__ = ("place", "row")

    def __init__(self, row: Row | None, place: int) -> None:
        self.row = row
        """None when it has ended, or when the journal does not have the copy."""
        self.place = place

    def settle(self) -> None:
        """The copy needs to be kept no longer. A kill before the row is deleted brings a copy back, unless
        it is solitary and was begun: what is repeatable may be delivered twice.
        """
        self.settle_together((self,))

    @staticmethod
    def settle_together(entries: Iterable[Entry]) -> None:
        """``settle`` each of these."""
        # Hot path.
        for entry in entries:
            row = entry.row
            if row is not None:
                entry.row = None
                row.in_memory -= 1
                if not row.in_memory:
                    row.owner.left_memory(row)

    def settle_then(self, done: Callable[[], None]) -> None:
        """As ``settle``; ``done()`` is called when a kill cannot bring the copy back any more."""
        row = self.row
        if row is None:
            done()
            return
        self.row = None
        row.owner.settle_then(row, self.place, done)

    def leave(self, *, begun: bool = False) -> None:
        """The copy is no longer in memory: it joins the backlog again, at its old place.

        Nothing of it was applied, so far as is known, so that a mark of ``begin`` is taken off; ``begun``
        keeps the mark.
        """
        row = self.row
        if row is not None:
            self.row = None
            row.owner.leave(row, self.place, begun=begun)

    def begin(self, ready: Callable[[], None]) -> None:
        """Mark a solitary copy as started; ``ready()`` is called when a kill leaves the mark on disk."""
        row = self.row
        if row is None:
            ready()
            return
        if not row.solitary:
            raise ValueError("only a copy in a row of its own can be marked as begun; append it as solitary")
        row.owner.begin(row, ready)


class Stored(NamedTuple):
    """A copy that was read back. It is in memory from now on: its entry has to be ended."""

    entry: Entry
    record: bytes
    began: bool
    """Whether it had been started, with what outcome is not known. Only solitary copies ever are."""


def pack(records: Sequence[bytes]) -> bytes:
    """One blob of many records: the length of each in four bytes, little-endian, then all of them."""
    return b"".join((struct.pack(f"<{len(records)}I", *map(len, records)), *records))


def unpack(blob: bytes, copies: int) -> list[bytes]:
    """The records of a blob that ``pack`` made of as many."""
    start = 4 * copies
    records = []
    for length in struct.unpack_from(f"<{copies}I", blob):
        end = start + length
        records.append(blob[start:end])
        start = end
    return records
