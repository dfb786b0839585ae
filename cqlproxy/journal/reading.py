"""Rows are read from the journal's file, by the thread: the oldest first, a chunk at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple
from zlib import crc32

from cqlproxy.cluster.side import Side
from cqlproxy.journal.opening import TABLES
from cqlproxy.journal.rows import Row, unpack

CHUNK_COPIES: Final = 2048
CHUNK_BYTES: Final = 1 << 20
"""What is read at once, at most, but for a last row that goes beyond it."""

_STATEMENT_BYTES: Final = 32 << 20
"""Descriptions handed over for one side, beyond which those of earlier chunks are forgotten."""

SIZES: Final = [
    f"SELECT number, copies, length(records) FROM {table} WHERE number > ? ORDER BY number"
    for table in TABLES
]
_ROWS: Final = [
    f"SELECT number, copies, low, high, began, crc, records FROM {table} WHERE number BETWEEN ? AND ?"
    for table in TABLES
]
Followed = Sequence[Mapping[int, Row]]
"""By side, the rows of which copies are in memory. They are read on the thread while the loop changes them:
one look-up at a time, and what it answers is only used to pass over rows that the loop would pass over.
"""


class ReadRow(NamedTuple):
    number: int
    low: int
    high: int
    began: bool
    records: list[bytes]
    """Empty when the row's bytes are not those that were written."""
    copies: int


class Chunk(NamedTuple):
    rows: list[ReadRow]
    last: int
    """The number of the last row that was looked at."""
    descriptions: dict[int, bytes]
    """Statements that the side's reader does not have yet."""
    forget: bool
    """Whether those that it has are to be forgotten first."""


class Reader:
    """Reads what is on disk for the loop, which follows the rows from then on."""

    def __init__(self, db: sqlite3.Connection, followed: Followed) -> None:
        self._db = db
        self._followed = followed
        self.handed: tuple[set[int], set[int]] = (set(), set())
        """Rows that were read, until the loop follows them. The loop empties them."""
        self._loaded = [(0, -1, 0), (0, -1, 0)]
        """By side, the numbers of the statements whose descriptions its reader has, and their bytes."""

    def read(self, side: Side, after: int) -> Chunk:
        """The oldest rows with numbers above ``after`` that are not followed, or only for what was left."""
        last = after
        rows: list[ReadRow] = []
        copies_left, bytes_left = CHUNK_COPIES, CHUNK_BYTES
        followed = self._followed[side]
        wanted: list[int] = []
        for number, copies, length in self._db.execute(SIZES[side], (after,)):
            last = number
            row = followed.get(number)
            if row is not None and row.left is None:
                continue
            wanted.append(number)
            copies_left -= copies
            bytes_left -= length
            if copies_left <= 0 or bytes_left <= 0:
                break
        for first, final in runs_of(wanted):
            rows.extend(_checked(*row) for row in self._db.execute(_ROWS[side], (first, final)))
        self.handed[side].update(wanted)
        descriptions, forget = self._descriptions(side, rows)
        return Chunk(rows, last, descriptions, forget)

    def row(self, side: Side, number: int) -> ReadRow | None:
        found = self._db.execute(_ROWS[side], (number, number)).fetchone()
        return None if found is None else _checked(*found)

    def _descriptions(self, side: Side, rows: list[ReadRow]) -> tuple[dict[int, bytes], bool]:
        """Descriptions of the statements that the rows may name and the side's reader does not have."""
        low = min((row.low for row in rows if row.low <= row.high), default=0)
        high = max((row.high for row in rows if row.low <= row.high), default=-1)
        first, last, held = self._loaded[side]
        if low > high or (first <= low and high <= last):
            return {}, False
        forget = low < first or low > last + 1 or held > _STATEMENT_BYTES
        start = low if forget else last + 1
        found = dict(
            self._db.execute(
                "SELECT number, description FROM statements WHERE number BETWEEN ? AND ?", (start, high)
            ).fetchall()
        )
        held = sum(map(len, found.values())) + (0 if forget else held)
        self._loaded[side] = (low if forget else first, high, held)
        return found, forget


def _checked(number: int, copies: int, low: int, high: int, began: int, crc: int, blob: bytes) -> ReadRow:
    records = unpack(blob, copies) if crc32(blob) == crc else []
    return ReadRow(number, low, high, bool(began), records, copies)


def runs_of(numbers: list[int]) -> list[tuple[int, int]]:
    """The first and last of each run of consecutive numbers; ``numbers`` gets sorted."""
    numbers.sort()
    runs = []
    first = numbers[0] if numbers else 0
    for number, following in pairwise(numbers):
        if following != number + 1:
            runs.append((first, number))
            first = following
    if numbers:
        runs.append((first, numbers[-1]))
    return runs
