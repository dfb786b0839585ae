"""Analyses by text: the least recently used are forgotten first.

Texts that hold their values are as many as requests, and most never come again. So a text is kept when
it comes for the second time; of the first time its hash is remembered for a while.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from cqlproxy.statements.analysis import analyse
from cqlproxy.statements.statement import Kind, Statement

LONGEST_KEPT: Final = 16 * 1024
"""Texts of more bytes than this are analysed but not kept: they hold literals and hardly come twice."""


class StatementCache:
    """Keeps the analyses of at most ``capacity`` texts. Not safe for use by several threads at once.

    A text comes for the second time if no more than ``capacity`` others have come for their first since.
    ``hits`` and ``misses`` count the look-ups since it was made; a text too long to be kept is a miss.
    """

    __slots__ = ("_analyses", "_earlier", "_lately", "capacity", "hits", "misses")

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"a cache of {capacity} statements cannot hold any; the capacity is at least 1")
        self.capacity = capacity
        self.hits = 0
        self.misses = 0
        self._analyses: OrderedDict[bytes, Statement] = OrderedDict()
        # Hashes of texts that have come once. Two texts of one hash cost no more than a place in the cache.
        self._lately: set[int] = set()
        self._earlier: set[int] = set()

    def __len__(self) -> int:
        return len(self._analyses)

    def analyse(self, text: bytes) -> Statement:
        """The analysis of a text as it stands in a frame, in UTF-8; text that is not is of Kind.UNKNOWN."""
        analyses = self._analyses
        statement = analyses.get(text)
        if statement is not None:
            self.hits += 1
            analyses.move_to_end(text)
            return statement
        self.misses += 1
        try:
            statement = analyse(text.decode())
        except UnicodeDecodeError:
            statement = Statement(Kind.UNKNOWN)
        if len(text) <= LONGEST_KEPT and self._came_before(hash(text)):
            analyses[text] = statement
            if len(analyses) > self.capacity:
                analyses.popitem(last=False)
        return statement

    def _came_before(self, text: int) -> bool:
        lately = self._lately
        if text in lately or text in self._earlier:
            return True
        lately.add(text)
        if len(lately) >= self.capacity:
            self._earlier = lately
            self._lately = set()
        return False
