"""One text while it is analysed: its words, its bind markers, its calls, and where they stand."""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import cache
from typing import Final

from cqlproxy.statements.lexer import BLOCK, UnparsableError, blocks, ends, fold, has_comments, is_name, words
from cqlproxy.statements.statement import FunctionCall, Marker, Span

OPENING: Final = frozenset("([{")
CLOSING: Final = frozenset(")]}")
BRACKETS: Final = OPENING | CLOSING
# The native functions whose value differs from call to call, and its type.
_VOLATILE: Final = {
    "now": "timeuuid",
    "uuid": "uuid",
    "currenttimestamp": "timestamp",
    "current_timestamp": "timestamp",
    "currentdate": "date",
    "current_date": "date",
    "currenttime": "time",
    "current_time": "time",
    "currenttimeuuid": "timeuuid",
    "current_timeuuid": "timeuuid",
}

_VOLATILE_STEMS: Final = ("now", "uuid", "current")

_VERB_WORDS: Final = frozenset({"INSERT", "UPDATE", "DELETE", "APPLY", "insert", "update", "delete", "apply"})
# Without a look at what stands before, so that the search skips to the next of their first letters.
_VERBS: Final = re.compile(rf"(?:{'|'.join(sorted(_VERB_WORDS))})(?![A-Za-z0-9_])")

_NONE: Final[dict[int, Marker]] = {}

# What analysing takes, in nanoseconds of the machine that it was measured on: a measure of work, not of time.
# A text may take so much, and more by its length: short ones may hold anything, and long ones what people
# write. 100,000s of casts, calls or relations in one text would hold up all other clients.
_WORK: Final = 30_000_000
_WORK_PER_CHARACTER: Final = 115
_WORK_OF_A_WORD: Final = 100
_WORK_OF_A_BLOCK: Final = 9_000
_WORK_OF_A_COLON: Final = 500
_WORK_OF_A_CALL: Final = 2500

MOST_MARKERS: Final = 0xFFFF
"""A request counts its bind values in a [short] (CQL native protocol v4, section 4.1.4)."""

# Hot path: a named tuple's own constructor takes twice the time.
new: Final = tuple.__new__


class Source:
    """One text while it is analysed: its words, its bind markers by word, and spans on demand."""

    # Defaults of the class and not of each text: most have no need of them.
    _blocks: list[int] | None = None
    _call_words: list[int]
    _calls: list[FunctionCall] | None = None
    _commented = True
    _ends: dict[int, list[int]]
    _verbs: dict[int, int] | None = None

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = words(text)
        self._work = _WORK + _WORK_PER_CHARACTER * len(text) - _WORK_OF_A_WORD * len(self.words)
        self.markers = _markers(self) if "?" in text or ":" in text else _NONE
        self._marker_words = list(self.markers)

    def spend(self, work: int) -> None:
        """Counts what takes longer than its length is worth. Raises UnparsableError when it is too much."""
        self._work -= work
        if self._work < 0:
            raise UnparsableError("there is more in the text than its length is worth")

    def span(self, first: int, end: int) -> Span:
        """Where the words from ``first`` to before ``end`` stand; at least one."""
        return new(Span, (self._end(first) - len(self.words[first]), self._end(end - 1)))

    def statement_span(self, first: int, end: int) -> Span:
        """The same for a statement of a batch, whose first word is its verb."""
        verbs = self._verbs
        if verbs is None:
            verbs = self._verbs = _verbs(self.text, self.words)
        start = verbs.get(first)
        after = verbs.get(end + 1 if self.words[end] == ";" else end)
        if start is None or after is None:
            return self.span(first, end)
        return new(Span, (start, start + len(self.text[start:after].rstrip(" \t\r\n;"))))

    def _end(self, word: int) -> int:
        # Most texts need no span, so that ends are found in a second scan, of what is asked for.
        if self._blocks is None:
            self.spend(_WORK_OF_A_WORD * len(self.words) // 2)
            self._commented = has_comments(self.text)
            self._blocks = blocks(self.text, self._commented) if len(self.words) > BLOCK else [0]
            self._ends = {}
        block = word // BLOCK
        found = self._ends.get(block)
        if found is None:
            self.spend(_WORK_OF_A_BLOCK)
            found = self._ends[block] = ends(self.text, self._blocks[block], self._commented)
        return found[word % BLOCK]

    def volatile_calls(self, first: int, end: int) -> tuple[FunctionCall, ...]:
        """The calls of functions whose value differs from call to call, from ``first`` to before ``end``."""
        if self._calls is None:
            self._call_words, self._calls = _volatile_calls(self)
        calls = self._calls
        if not calls:
            return ()
        places = self._call_words
        return tuple(calls[bisect_left(places, first) : bisect_left(places, end)])

    def markers_before(self, word: int) -> int:
        """How many markers begin before a word."""
        return bisect_left(self._marker_words, word)

    def markers_within(self, first: int, end: int) -> tuple[Marker, ...]:
        """The markers among the words from ``first`` to before ``end``."""
        if not self._marker_words:
            return ()
        low, high = self.markers_before(first), self.markers_before(end)
        return tuple([self.markers[word] for word in self._marker_words[low:high]])


def _verbs(text: str, found: list[str]) -> dict[int, int]:
    """Where the words that a batch's statements begin with stand, when that is certain without the others."""
    if has_comments(text):
        return {}
    # One inside a string or at the end of a name makes them more than there are words.
    places = [match.start() for match in _VERBS.finditer(text)]
    verbs = [word for word, token in enumerate(found) if token in _VERB_WORDS]
    return dict(zip(verbs, places, strict=True)) if len(verbs) == len(places) else {}


def _markers(source: Source) -> dict[int, Marker]:
    """The markers of a text by the words that they begin with, in order."""
    text, found = source.text, source.words
    places: list[int] = []
    if "?" in text:
        count = found.count("?")
        if count > MOST_MARKERS:
            raise UnparsableError("there are more bind markers than a request can have values")
        word = -1
        for _ in range(count):
            word = found.index("?", word + 1)
            places.append(word)
    named = _named_markers(source) if ":" in text else ()
    if named:
        places = sorted([*places, *named])
        if len(places) > MOST_MARKERS:
            raise UnparsableError("there are more bind markers than a request can have values")
    return {
        word: _unnamed(index) if found[word] == "?" else Marker(index, fold(found[word + 1]))
        for index, word in enumerate(places)
    }


@cache
def _unnamed(index: int) -> Marker:
    # There are no more of them than MOST_MARKERS, and most texts have the first few.
    return Marker(index, None)


def _named_markers(source: Source) -> list[int]:
    """The colons that begin a marker.

    Inside {} a colon after a term parts a map's key from its value, or a field from its value.
    """
    found = source.words
    if ":" not in found:
        # Those of the text are inside strings, as in most literals of times.
        return []
    colons = [word for word, token in enumerate(found) if token == ":" and is_name(found[word + 1])]
    if not colons or "{" not in found:
        return colons
    source.spend(_WORK_OF_A_COLON * len(colons))
    named: list[int] = []
    brackets = [word for word, token in enumerate(found) if token in BRACKETS]
    opened: list[int] = []
    following = closed = 0
    for word in colons:
        while following < len(brackets) and brackets[following] < word:
            bracket = brackets[following]
            if found[bracket] in OPENING:
                opened.append(bracket)
            elif opened:
                closed = opened.pop()
            following += 1
        if not opened or found[opened[-1]] != "{" or not _separates(found, word, closed):
            named.append(word)
    return named


def _separates(found: list[str], word: int, opening: int) -> bool:
    before = found[word - 1]
    if before == ")":
        # {1: (int) :value}, {(int) :key : 1}: a type before a marker
        return found[opening - 1] != ":" and found[word + 2] != ":"
    return (
        before == "?" or before in CLOSING or before[:1] in "'$" or before[:1] == '"' or before[:1].isalnum()
    )


def _volatile_calls(source: Source) -> tuple[list[int], list[FunctionCall]]:
    """The words that all such calls of a text begin with, and the calls."""
    lowered = source.text.lower()
    if not any(name in lowered for name in _VOLATILE_STEMS):
        return [], []
    found = source.words
    places: list[int] = []
    calls: list[FunctionCall] = []
    word = 0
    for _ in range(found.count("(")):
        word = found.index("(", word + 1)
        if found[word + 1] == ")" and is_name(found[word - 1]):
            name = fold(found[word - 1])
            cql_type = _VOLATILE.get(name)
            if cql_type is None:
                continue
            source.spend(_WORK_OF_A_CALL)
            begin = word - 1
            if found[word - 2] == ".":
                begin = word - 3
                if not is_name(found[begin]) or fold(found[begin]) != "system":
                    continue  # a function of somebody's own, whatever its name
            span, marker = source.span(begin, word + 2), source.markers_before(begin)
            places.append(begin)
            calls.append(new(FunctionCall, (name, span, cql_type, marker)))
    return places, calls
