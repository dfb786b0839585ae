"""Dead letters as operators ask for them: chosen by id or by what they are about, in steps of a few hundred.

The journal keeps them and knows how to move them; here is what lies between that and a request over HTTP.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Final

from cqlproxy.admin.view import LettersFailedError, LettersWanted
from cqlproxy.journal.errors import JournalError
from cqlproxy.journal.letter_box import LetterBox
from cqlproxy.journal.letters import DeadLetter

_PAGE: Final = 200
_AT_ONCE: Final = 1_000
"""Letters moved or deleted in one transaction: copies that are to be written wait for no more."""


class DeadLetters:
    """Implements ``admin.view.LettersView``. ``replayed`` is called when copies were put into the backlog."""

    def __init__(self, letters: LetterBox, replayed: Callable[[], None]) -> None:
        self._letters = letters
        self._replayed = replayed

    @property
    def count(self) -> int:
        """See ``admin.view.LettersView``."""
        return self._letters.count

    async def page(self, wanted: LettersWanted, *, after: int, limit: int) -> list[DeadLetter]:
        """See ``admin.view.LettersView``."""
        found: list[DeadLetter] = []
        with _telling_failures():
            async for letter in self._matching(wanted, after, min(limit, _PAGE)):
                found.append(letter)
                if len(found) == limit:
                    break
        return found

    async def get(self, number: int) -> DeadLetter | None:
        """See ``admin.view.LettersView``."""
        with _telling_failures():
            return await self._letters.get(number)

    async def replay(self, wanted: LettersWanted) -> int:
        """See ``admin.view.LettersView``."""
        with _telling_failures():
            moved = 0
            async for ids in self._chosen(wanted):
                moved += await self._letters.replay(ids)
                self._replayed()
            return moved

    async def purge(self, wanted: LettersWanted) -> int:
        """See ``admin.view.LettersView``."""
        with _telling_failures():
            return sum([await self._letters.purge(ids) async for ids in self._chosen(wanted)])

    async def _matching(self, wanted: LettersWanted, after: int, page: int) -> AsyncIterator[DeadLetter]:
        while letters := await self._letters.list(
            limit=page, after=after, keyspace=wanted.keyspace, table=wanted.table, reason=wanted.reason
        ):
            after = letters[-1].id
            for letter in letters:
                if wanted.target is None or letter.target is wanted.target:
                    yield letter

    async def _chosen(self, wanted: LettersWanted) -> AsyncIterator[list[int]]:
        # All ids before the first of them is used: one that is replayed may come back as a new letter.
        ids = array("q", wanted.ids or ())
        if wanted.ids is None:
            async for letter in self._matching(wanted, 0, _PAGE):
                ids.append(letter.id)
        for start in range(0, len(ids), _AT_ONCE):
            yield ids[start : start + _AT_ONCE].tolist()


@contextmanager
def _telling_failures() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, JournalError) as error:
        raise LettersFailedError(
            f"the journal cannot be used at the moment: {error}; look at the disk of mirror.journal_path"
        ) from error
