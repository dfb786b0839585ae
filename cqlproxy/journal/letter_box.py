"""Dead letters as the operator reaches them, while the thread goes on writing copies between the steps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from functools import partial

from cqlproxy.journal.letter_store import Filter
from cqlproxy.journal.letters import DeadLetter, Reason
from cqlproxy.journal.store import Store
from cqlproxy.journal.thread import StoreThread

PAGE_LETTERS = 200


class LetterBox:
    """``count`` is the number of letters on disk. All methods may raise ``sqlite3.Error``: the disk fails."""

    def __init__(
        self,
        store: Store,
        thread: StoreThread,
        count: int,
        committed: Callable[[], Awaitable[None]],
        reserve: Callable[[], int],
        replayed: Callable[[tuple[int, int]], None],
        resized: Callable[[int], None],
    ) -> None:
        self._store = store
        self._thread = thread
        self._committed = committed
        self._reserve = reserve
        self._replayed = replayed
        self._resized = resized
        self.count = count

    async def list(
        self,
        *,
        limit: int = PAGE_LETTERS,
        after: int = 0,
        keyspace: str | None = None,
        table: str | None = None,
        reason: Reason | None = None,
    ) -> list[DeadLetter]:
        """Up to ``limit`` letters with ids above ``after``, oldest first.

        ``table`` is meant with its keyspace (``ks.t``) or without. The next page: ``after`` the last id.
        """
        await self._committed()
        wanted = Filter(keyspace, table, reason)
        found: list[DeadLetter] = []
        place: int | None = after
        while place is not None and len(found) < limit:
            look = partial(self._store.letters.page, place, limit - len(found), wanted)
            page = await self._thread.run(look)
            found.extend(page.letters)
            place = page.scanned
        return found

    async def get(self, number: int) -> DeadLetter | None:
        """The letter with this id."""
        await self._committed()
        return await self._thread.run(lambda: self._store.letters.get(number))

    async def export(
        self, *, keyspace: str | None = None, table: str | None = None, reason: Reason | None = None
    ) -> AsyncIterator[str]:
        """Each letter as a line of JSON, oldest first; a page of them at most is in memory."""
        after = 0
        while letters := await self.list(after=after, keyspace=keyspace, table=table, reason=reason):
            for letter in letters:
                yield letter.as_line()
            after = letters[-1].id

    async def replay(self, ids: Iterable[int] | None = None) -> int:
        """Make copies of letters again, of all when ``ids`` is None; returns of how many.

        They come to the end of the backlog, all of them or none, and are letters no more. The mirror has to
        be told to look at the backlog.
        """
        await self._committed()
        base = self._reserve()
        chosen = _chosen(ids)
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        # Counted before anything else that the thread reports: it may have been read by then.
        def done(moved: tuple[int, int]) -> None:
            self.count -= sum(moved)
            self._replayed(moved)
            if not future.done():
                future.set_result(sum(moved))

        def failed(error: Exception) -> None:
            if not future.done():
                future.set_exception(error)

        self._thread.submit(lambda: self._store.replay(chosen, base), done, failed)
        return await future

    async def purge(self, ids: Iterable[int] | None = None, *, older_than: float | None = None) -> int:
        """Delete letters for good, of all when ``ids`` is None; returns how many.

        ``older_than``: only those that became letters before that time, in seconds since the epoch.
        """
        await self._committed()
        chosen = _chosen(ids)
        purged, size = await self._thread.run(lambda: self._store.purge(chosen, older_than))
        self.count -= purged
        self._resized(size)
        return purged


def _chosen(ids: Iterable[int] | None) -> list[int] | None:
    return None if ids is None else sorted(set(ids))
