"""The table of dead letters, as the thread sees it."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple
from zlib import crc32

from cqlproxy.cluster.side import Side
from cqlproxy.journal.letters import DeadLetter, Reason
from cqlproxy.journal.opening import TABLES
from cqlproxy.journal.rows import pack

SCAN_LETTERS: Final = 2000
"""Letters looked through at once, so that a search does not hold up what is to be written."""

_OVERHEAD_BYTES: Final = 64
_MANY_IDS: Final = 500

_INSERT: Final = (
    "INSERT INTO letters"
    " (bytes, target, keyspace, reason, buried_at, tables, details, low, high, crc, records)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


class NewLetter(NamedTuple):
    """A letter as it is to be written."""

    size: int
    target: Side
    keyspace: str | None
    reason: str
    buried_at: float
    tables: str
    details: str
    low: int
    high: int
    crc: int
    records: bytes


def new_letter(target: Side, letter: DeadLetter, record: bytes, low: int, high: int) -> NewLetter:
    """``low`` and ``high`` enclose the numbers of the statements that the record may name."""
    blob = pack((record,))
    tables, details = json.dumps(letter.tables), _details(letter)
    size = len(blob) + len(tables) + len(details) + _OVERHEAD_BYTES
    return NewLetter(
        size,
        target,
        letter.keyspace,
        letter.reason.value,
        time.time(),
        tables,
        details,
        low,
        high,
        crc32(blob),
        blob,
    )


class Filter(NamedTuple):
    """Which letters are meant. None: all."""

    keyspace: str | None = None
    table: str | None = None
    """With or without its keyspace."""
    reason: Reason | None = None


class Page(NamedTuple):
    letters: list[DeadLetter]
    scanned: int | None
    """The last letter that was looked at; None when there are no more."""


class LetterStore:
    """``count`` letters of ``bytes`` together. All that changes it is called within a transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.count, self.bytes = db.execute(
            "SELECT count(*), coalesce(sum(bytes), 0) FROM letters"
        ).fetchone()

    def statement_range(self) -> tuple[int, int | None]:
        """The highest and the lowest number of a statement that a letter may name."""
        high, low = self._db.execute("SELECT coalesce(max(high), 0), min(low) FROM letters").fetchone()
        return high, low

    def add(self, letters: Iterable[NewLetter]) -> None:
        for letter in letters:
            self._db.execute(_INSERT, letter)
            self.count += 1
            self.bytes += letter.size

    def make_room(self, max_bytes: int) -> tuple[int, int]:
        """Delete the oldest letters while all of them take more; returns how many went, by side."""
        dropped = [0, 0]
        if self.bytes <= max_bytes:
            return 0, 0
        last = None
        goal = max_bytes - max_bytes // 8
        for number, target, size in self._db.execute("SELECT id, target, bytes FROM letters ORDER BY id"):
            if self.bytes <= goal:
                break
            last = number
            dropped[target] += 1
            self.count -= 1
            self.bytes -= size
        self._db.execute("DELETE FROM letters WHERE id <= ?", (last,))
        return dropped[0], dropped[1]

    def page(self, after: int, limit: int, wanted: Filter) -> Page:
        """Up to ``limit`` letters with ids above ``after``, out of the next ``SCAN_LETTERS``."""
        conditions, values = ["true"], list[str]()
        if wanted.keyspace is not None:
            conditions.append("keyspace = ?")
            values.append(wanted.keyspace)
        if wanted.reason is not None:
            conditions.append("reason = ?")
            values.append(wanted.reason.value)
        if wanted.table is not None:
            conditions.append(
                "EXISTS (SELECT 1 FROM json_each(tables) WHERE value = ?"
                " OR substr(value, instr(value, '.') + 1) = ?)"
            )
            values.extend((wanted.table, wanted.table))
        (last,) = self._db.execute(
            "SELECT max(id) FROM (SELECT id FROM letters WHERE id > ? ORDER BY id LIMIT ?)",
            (after, SCAN_LETTERS),
        ).fetchone()
        if last is None:
            return Page([], None)
        found = self._db.execute(
            "SELECT id, target, keyspace, reason, tables, details FROM letters"
            f" WHERE id > ? AND id <= ? AND {' AND '.join(conditions)} ORDER BY id LIMIT ?",
            (after, last, *values, limit),
        ).fetchall()
        letters = [_letter(*row) for row in found]
        return Page(letters, letters[-1].id if len(letters) == limit else last)

    def get(self, number: int) -> DeadLetter | None:
        row = self._db.execute(
            "SELECT id, target, keyspace, reason, tables, details FROM letters WHERE id = ?", (number,)
        ).fetchone()
        return None if row is None else _letter(*row)

    def replay(self, ids: Sequence[int] | None, base: int) -> tuple[int, int]:
        """Move letters to the tables of copies. Called within a transaction."""
        moved = [0, 0]
        for where, values in _selections(ids):
            for side in Side:
                moved[side] += self._db.execute(
                    f"INSERT INTO {TABLES[side]} SELECT ? + id, 1, low, high, 0, crc, records FROM letters"
                    f" WHERE target = ? AND {where}",
                    (base, side, *values),
                ).rowcount
            self._delete(where, values)
        return moved[0], moved[1]

    def purge(self, ids: Sequence[int] | None, older_than: float | None) -> int:
        """Delete letters, those buried before ``older_than`` (seconds since the epoch) if it is given.
        Called within a transaction.
        """
        deleted = 0
        for where, values in _selections(ids):
            if older_than is None:
                deleted += self._delete(where, values)
            else:
                deleted += self._delete(f"{where} AND buried_at < ?", (*values, older_than))
        return deleted

    def _delete(self, where: str, values: tuple[float, ...]) -> int:
        count, size = self._db.execute(
            f"SELECT count(*), coalesce(sum(bytes), 0) FROM letters WHERE {where}", values
        ).fetchone()
        self._db.execute(f"DELETE FROM letters WHERE {where}", values)
        self.count -= count
        self.bytes -= size
        return int(count)


def _selections(ids: Sequence[int] | None) -> list[tuple[str, tuple[int, ...]]]:
    """Conditions that together select the ids, each with no more values than SQLite takes."""
    if ids is None:
        return [("true", ())]
    parts = [tuple(ids[i : i + _MANY_IDS]) for i in range(0, len(ids), _MANY_IDS)]
    return [(f"id IN ({', '.join('?' * len(part))})", part) for part in parts]


def _details(letter: DeadLetter) -> str:
    return json.dumps(
        [
            letter.statement,
            letter.values,
            letter.consistency,
            letter.error,
            letter.written_at,
            letter.attempts,
            letter.first_attempt,
            letter.last_attempt,
        ],
        separators=(",", ":"),
    )


def _letter(
    number: int, target: int, keyspace: str | None, reason: str, tables: str, details: str
) -> DeadLetter:
    statement, values, consistency, error, written_at, attempts, first, last = json.loads(details)
    return DeadLetter(
        id=number,
        target=Side(target),
        keyspace=keyspace,
        tables=tuple(json.loads(tables)),
        statement=statement,
        values=values,
        consistency=consistency,
        reason=Reason(reason),
        error=error,
        written_at=written_at,
        attempts=attempts,
        first_attempt=first,
        last_attempt=last,
    )
