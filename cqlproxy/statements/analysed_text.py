"""One text while it is analysed: its words, its bind markers, its calls, and where they stand."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from cqlproxy.statements.lexer import UnparsableError, ends, fold, is_name, words
from cqlproxy.statements.statement import FunctionCall, Marker, Span

OPENING: Final = frozenset("([{")
CLOSING: Final = frozenset(")]}")
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

MOST_MARKERS: Final = 0xFFFF
"""A request counts its bind values in a [short] (CQL native protocol v4, section 4.1.4)."""

# Hot path: a named tuple's own constructor takes twice the time.
new: Final = tuple.__new__


class Source:
    """One text while it is analysed: its words, its bind markers by word, and spans on demand."""

    __slots__ = ("_calls", "_ends", "_marker_words", "markers", "text", "words")

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = words(text)
        self.markers = _markers(text, self.words)
        self._marker_words = list(self.markers)
        self._ends: list[int] | None = None
        self._calls: list[tuple[int, FunctionCall]] | None = None

    def span(self, first: int, end: int) -> Span:
        """Where the words from ``first`` to before ``end`` stand; at least one."""
        # Most texts need no span, so the offsets are taken in a second scan by those that do.
        offsets = self._ends
        if offsets is None:
            offsets = self._ends = ends(self.text)
        return new(Span, (offsets[first] - len(self.words[first]), offsets[end - 1]))

    def volatile_calls(self, first: int, end: int) -> tuple[FunctionCall, ...]:
        """The calls of functions whose value differs from call to call, from ``first`` to before ``end``."""
        if self._calls is None:
            self._calls = _volatile_calls(self)
        calls = self._calls
        if not calls:
            return ()
        low, high = bisect_left(calls, first, key=_place), bisect_left(calls, end, key=_place)
        return tuple([call for _, call in calls[low:high]])

    def markers_before(self, word: int) -> int:
        """How many markers begin before a word."""
        return bisect_left(self._marker_words, word)

    def markers_within(self, first: int, end: int) -> tuple[Marker, ...]:
        """The markers among the words from ``first`` to before ``end``."""
        if not self._marker_words:
            return ()
        low, high = self.markers_before(first), self.markers_before(end)
        return tuple(self.markers[word] for word in self._marker_words[low:high])


def _markers(text: str, found: list[str]) -> dict[int, Marker]:
    markers: dict[int, Marker] = {}
    if ":" not in text or ":" not in found:
        if "?" in text:
            word = -1
            for _ in range(found.count("?")):
                word = found.index("?", word + 1)
                markers[word] = _marker(markers, None)
        return markers
    brackets: list[str] = []
    for word, token in enumerate(found):
        if token == "?":
            markers[word] = _marker(markers, None)
        elif token in OPENING:
            brackets.append(token)
        elif token in CLOSING:
            if brackets:
                brackets.pop()
        elif token == ":" and is_name(found[word + 1]) and not _separates(found, word, brackets):
            markers[word] = _marker(markers, fold(found[word + 1]))
    return markers


def _marker(markers: dict[int, Marker], name: str | None) -> Marker:
    if len(markers) == MOST_MARKERS:
        raise UnparsableError("there are more bind markers than a request can have values")
    return Marker(len(markers), name)


def _separates(found: list[str], word: int, brackets: list[str]) -> bool:
    # Inside {} a colon after a term parts a map's key from its value, or a field from its value.
    if not brackets or brackets[-1] != "{":
        return False
    before = found[word - 1]
    if before == ")" and found[word + 2] == ":":
        return False  # {(int):key: ...}: what looks like a key is a type hint before a marker
    return (
        before == "?" or before in CLOSING or before[:1] in "'$" or before[:1] == '"' or before[:1].isalnum()
    )


def _place(call: tuple[int, FunctionCall]) -> int:
    return call[0]


def _volatile_calls(source: Source) -> list[tuple[int, FunctionCall]]:
    """All such calls of a text, each with the word that it begins with."""
    found = source.words
    calls: list[tuple[int, FunctionCall]] = []
    word = 0
    for _ in range(found.count("(")):
        word = found.index("(", word + 1)
        if found[word + 1] == ")" and is_name(found[word - 1]):
            name = fold(found[word - 1])
            cql_type = _VOLATILE.get(name)
            if cql_type is None:
                continue
            begin = word - 1
            if found[word - 2] == ".":
                begin = word - 3
                if not is_name(found[begin]) or fold(found[begin]) != "system":
                    continue  # a function of somebody's own, whatever its name
            span, marker = source.span(begin, word + 2), source.markers_before(begin)
            calls.append((begin, new(FunctionCall, (name, span, cql_type, marker))))
    return calls
