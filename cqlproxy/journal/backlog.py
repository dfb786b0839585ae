"""Copies of one side that are on disk and not in memory: how many, and reading them back, oldest first.

No list of them is kept. Every row of the side that is not followed belongs to the backlog; those up to a
position have been read. A row that returns to the backlog moves the position back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import monotonic

from cqlproxy.cluster.side import Side
from cqlproxy.journal.reading import Chunk
from cqlproxy.journal.rows import Entry, Phase, Row, RowOwner, Stored
from cqlproxy.journal.store import Store
from cqlproxy.journal.thread import StoreThread

log = logging.getLogger(__name__)

READ_AGAIN_SECONDS = 1.0
"""After rows that could not be read, until the next attempt."""

REPLACED_SECONDS = 0.005
"""Until a row that is being replaced is looked for again."""


class Backlog:
    """``followed`` are the rows of the side of which copies are in memory, by number; the thread looks there
    as well. ``unreadable(row, copies)`` is told of a row whose bytes have changed: it is of no use any more.
    """

    def __init__(
        self,
        side: Side,
        store: Store,
        thread: StoreThread,
        followed: dict[int, Row],
        owner: RowOwner,
        unreadable: Callable[[Row, int], None],
        count: int,
    ) -> None:
        self._side = side
        self._store = store
        self._thread = thread
        self.followed = followed
        self._owner = owner
        self._unreadable = unreadable
        self.count = count
        """Copies that are not in memory, those not written yet included."""
        self._position = -1
        self._moved_back: int | None = None
        """The lowest number that came back while a chunk was read."""
        self._lock = asyncio.Lock()
        self._descriptions: dict[int, bytes] = {}
        self._failing = False
        self._held_up = False
        """Whether the last chunk ended before a row that is being replaced by what is left of it."""

    def to_be_read(self, number: int) -> None:
        """A row is in the backlog, again or in a place that may have been passed."""
        if number <= self._position:
            self._position = number - 1
        if self._moved_back is None or number < self._moved_back:
            self._moved_back = number

    def description_of(self, number: int) -> bytes | None:
        """The description of a statement that a record of the last chunk names."""
        return self._descriptions.get(number)

    async def read(self) -> list[Stored]:
        """The next chunk of what is written; empty when there is none, or it cannot be read at the moment."""
        async with self._lock:
            give_up_at = monotonic() + READ_AGAIN_SECONDS
            stored = await self._read()
            while self._held_up and not stored and monotonic() < give_up_at:
                # What comes after such a row must not be handed out before it.
                await asyncio.sleep(REPLACED_SECONDS)
                stored = await self._read()
            return stored

    async def _read(self) -> list[Stored]:
        future: asyncio.Future[list[Stored]] = asyncio.get_running_loop().create_future()

        # The chunk is taken over before anything else that the thread reports, so that both sides agree
        # on which rows are followed; only the caller is told later.
        def done(chunk: Chunk) -> None:
            taken = self._take(chunk)
            if not future.done():
                future.set_result(taken)
                return
            for stored in taken:
                stored.entry.leave(begun=stored.began)

        def failed(error: Exception) -> None:
            if not future.done():
                future.set_exception(error)

        self._moved_back = None
        self._held_up = False
        position = self._position
        self._thread.submit(lambda: self._store.reader.read(self._side, position), done, failed)
        try:
            stored = await future
        except Exception as error:
            if not self._failing:
                self._failing = True
                log.error("the journal cannot be read", extra={"error": str(error)})
            await asyncio.sleep(READ_AGAIN_SECONDS)
            return []
        self._failing = False
        return stored

    def _take(self, chunk: Chunk) -> list[Stored]:
        """Follow the rows of a chunk, and hand out their copies."""
        out: list[Stored] = []
        followed = self.followed
        last = chunk.last
        self._held_up = False
        for found in chunk.rows:
            row = followed.get(found.number)
            places: list[int] | range
            if row is None:
                row = Row(self._owner, self._side, found.number, low=found.low, solitary=found.copies == 1)
                row.high = found.high
                row.copies = found.copies
                row.phase = Phase.WRITTEN
                row.began = found.began
                followed[found.number] = row
                places = range(found.copies)
            elif row.left is None:
                continue
            elif row.rewriting:
                self._held_up = True
                last = found.number - 1
                break
            else:
                places = sorted(row.left)
                row.left = None
            self.count -= len(places)
            if not found.records:
                log.error(
                    "a row of the journal is damaged: its copies are lost",
                    extra={"row": found.number, "copies": len(places)},
                )
                self._unreadable(row, len(places))
                continue
            row.in_memory += len(places)
            records, began = found.records, found.began
            out.extend(Stored(Entry(row, place), records[place], began) for place in places)
        self._store.reader.handed[self._side].clear()
        self._position = last
        if self._moved_back is not None:
            self._position = min(self._position, self._moved_back - 1)
        if chunk.forget:
            self._descriptions = chunk.descriptions
        else:
            self._descriptions.update(chunk.descriptions)
        return out
