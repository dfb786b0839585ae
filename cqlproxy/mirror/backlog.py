"""The mirror's use of the journal: what goes there, what has to stay behind it, and what is read back when.

Copies in the backlog are on disk only. Those that are read back wait here, in order, until there is nothing
else to send and the rate allows one more. Most copies may overtake those in the backlog, since the write time
decides; those whose place matters may not.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from cqlproxy.cluster.side import Side
from cqlproxy.journal import DeadLetter, Journal, JournalError, Stored
from cqlproxy.mirror.mutation import Mutation
from cqlproxy.mirror.record import RecordError, mutation_of, record_of, records_of
from cqlproxy.mirror.statement_numbers import StatementNumbers
from cqlproxy.statements import TableName
from cqlproxy.supervision import Supervisor

log = logging.getLogger(__name__)

CHUNK_COPIES: Final = 1024
"""A chunk is read when memory has room for as many, or is half empty."""

BURST_SECONDS: Final = 0.05
"""Copies may be sent in one go that the rate allows in this time."""

SLICE_COPIES: Final = 64
"""So many records are made copies of before clients have their turn."""

READ_AGAIN_SECONDS: Final = 0.5
"""After a chunk of which nothing was of use."""

Arrived = Callable[[list[Mutation]], bool]
Unusable = Callable[[Stored, str], None]


class Backlog:
    """The copies for ``side`` in ``journal``. ``rate``: how many may be started per second.

    ``arrived`` gets the copies of a chunk, in order; they are in memory then. It returns False when it gave
    some back for want of room: those after them stay on disk as well. ``began`` gets those that were
    about to be sent when a process ended, and must not be sent twice; ``unusable`` what is no copy any more.
    """

    def __init__(
        self,
        journal: Journal,
        side: Side,
        *,
        rate: float,
        clock: Callable[[], float],
        arrived: Arrived,
        began: Callable[[Mutation], None],
        unusable: Unusable,
    ) -> None:
        self.journal = journal
        self._side = side
        self._rate = rate
        self._clock = clock
        self._arrived = arrived
        self._began = began
        self._unusable = unusable
        self._numbers = StatementNumbers(journal)
        self._supervisor = Supervisor()
        self._reading = False
        self._coming = 0
        """Copies of a chunk that are on their way from the journal."""
        self.waiting: deque[Mutation] = deque()
        """Read back, and not started yet."""
        self._allowance = 1.0
        self._allowed_at = clock()
        self._schema_changes = 0
        """Those in the backlog, as far as this process has put them there."""
        self._in_turn: dict[TableName, int] = {}
        """Copies in turn there, by table."""
        self._inherited = journal.backlog(side)
        """Copies of an earlier process that have not been started yet: they may be of any kind."""

    @property
    def depth(self) -> int:
        """Copies in the backlog, those read back and not started included; 0 only when there are none."""
        known = self.journal.backlog(self._side) + self._coming + len(self.waiting)
        # A chunk may have left the journal, and not be counted here yet.
        return known or int(self._reading)

    def __bool__(self) -> bool:
        return bool(self.waiting) or self._reading or self.journal.backlog(self._side) > 0

    # --- into the journal ---------------------------------------------------------------------

    def comes_before(self, mutation: Mutation) -> bool:
        """Whether a copy has to stay behind the backlog."""
        if not self:
            # Also what the journal has dropped is not waited for any more.
            self._inherited = 0
            self._schema_changes = 0
            self._in_turn.clear()
            return False
        if self._inherited or self._schema_changes or mutation.schema or mutation.in_turn:
            return True
        return bool(self._in_turn) and any(table in self._in_turn for table in mutation.tables)

    def has_in_turn(self, tables: tuple[TableName, ...]) -> bool:
        """Whether there are copies in turn of each of these tables."""
        return all(table in self._in_turn for table in tables)

    def record(self, mutation: Mutation) -> bytes:
        return record_of(mutation, self._numbers.number_of)

    def spill(self, mutation: Mutation, stored: Callable[[], None] | None = None) -> None:
        """Put a copy at the backlog's end; it is no longer in memory."""
        if mutation.schema:
            self._schema_changes += 1
        if mutation.in_turn:
            for table in mutation.tables:
                self._in_turn[table] = self._in_turn.get(table, 0) + 1
        self.journal.append(
            self._side,
            self.record(mutation),
            solitary=_is_solitary(mutation),
            held=False,
            stored=stored,
        )

    def protect(self, mutation: Mutation, stored: Callable[[], None] | None) -> None:
        """Put a copy in the journal that stays in memory; ``stored()`` when a kill cannot lose it."""
        # Hot path, when the journal takes every copy.
        mutation.entry = self.journal.append(
            self._side, self.record(mutation), solitary=_is_solitary(mutation), held=True, stored=stored
        )

    def protect_together(self, mutations: Sequence[Mutation], stored: Callable[[], None]) -> None:
        """As ``protect``, for EXECUTEs of one moment that may be repeated and overtake each other."""
        # Hot path, when the journal takes every copy.
        records = records_of(mutations, self._numbers.number_of)
        entries = self.journal.append_together(self._side, records, stored)
        for mutation, entry in zip(mutations, entries, strict=True):
            mutation.entry = entry

    def give_back(self, mutation: Mutation) -> None:
        """A copy leaves memory that was not applied, so far as is known."""
        entry = mutation.entry
        mutation.entry = None
        if entry is None or entry.row is None:
            self.spill(mutation)
        else:
            entry.leave()

    def bury(self, mutation: Mutation, letter: DeadLetter) -> None:
        self.journal.bury(self._side, self.record(mutation), letter, mutation.entry)

    # --- and back -----------------------------------------------------------------------------

    def may_start(self) -> float:
        """Seconds until the rate allows one more copy to be started; 0 when it does now."""
        if self._allowance >= 1:
            return 0.0
        now = self._clock()
        most = max(self._rate * BURST_SECONDS, 1.0)
        self._allowance = min(self._allowance + (now - self._allowed_at) * self._rate, most)
        self._allowed_at = now
        return 0.0 if self._allowance >= 1 else (1 - self._allowance) / self._rate

    def use_rate(self, rate: float) -> None:
        """How many may be started per second from now on."""
        self._rate = rate

    def started(self, mutation: Mutation) -> None:
        """The first of those that wait is on its way."""
        self._allowance -= 1
        if self._inherited:
            # Those that this process has put there come later.
            self._inherited -= 1
            return
        if mutation.schema and self._schema_changes:
            self._schema_changes -= 1
        if mutation.in_turn and self._in_turn:
            for table in mutation.tables:
                left = self._in_turn.get(table, 0) - 1
                if left > 0:
                    self._in_turn[table] = left
                else:
                    self._in_turn.pop(table, None)

    def read_soon(self, room: int, capacity: int) -> None:
        """Read the next chunk, if there is one. Memory has ``room`` for as many copies, of ``capacity``."""
        if (
            self._reading
            or len(self.waiting) >= CHUNK_COPIES
            or room < min(CHUNK_COPIES, max(capacity // 2, 1))
            or not self.journal.backlog(self._side)
        ):
            return
        self._reading = True
        self._supervisor.start(self._read(), f"read the journal for the {self._side.label} cluster")

    async def _read(self) -> None:
        try:
            chunk = await self.journal.read(self._side)
            waited = len(self.waiting)
            fits = True
            for start in range(0, len(chunk), SLICE_COPIES):
                self._coming = len(chunk) - start
                if start:
                    # Clients are served between the slices of a chunk.
                    await asyncio.sleep(0)
                fits = self._made_copies(chunk[start : start + SLICE_COPIES], fits)
            if not chunk or (not fits and len(self.waiting) == waited):
                # The disk fails, or memory is full of others that do not move.
                await asyncio.sleep(READ_AGAIN_SECONDS)
        finally:
            self._reading = False
            self._coming = 0
        self._arrived([])

    def _made_copies(self, slice_of_chunk: list[Stored], fits: bool) -> bool:
        """Make copies of records; returns whether memory could take all of them, and those before."""
        usable: list[Mutation] = []
        for stored in slice_of_chunk:
            try:
                mutation = mutation_of(stored.record, self._numbers.statement_of)
            except (RecordError, JournalError) as error:
                self._unusable(stored, str(error))
                continue
            mutation.entry = stored.entry
            if stored.began and not mutation.schema:
                self._began(mutation)
            elif fits:
                usable.append(mutation)
            else:
                stored.entry.leave()
        return (self._arrived(usable) and fits) if usable else fits

    async def stop(self) -> list[Mutation]:
        """Read no more; returns what waits, in order. A chunk on its way is found by the next process."""
        await self._supervisor.stop()
        waiting = list(self.waiting)
        self.waiting.clear()
        return waiting


def _is_solitary(mutation: Mutation) -> bool:
    return not mutation.repeatable or mutation.in_turn or mutation.schema
