"""The parts that statements share: names, terms, bind markers, brackets, calls, on the words of one text."""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import repeat
from typing import Final

from cqlproxy.statements.lexer import UnparsableError, fold, is_name, starts, unquote, words
from cqlproxy.statements.statement import (
    Expression,
    FunctionCall,
    Literal,
    LiteralKind,
    Marker,
    Span,
    TableName,
    Term,
)

_OPENING: Final = frozenset("([{")
_CLOSING: Final = frozenset(")]}")
_ARITHMETIC: Final = frozenset("+-*/%")
_CONSTANTS: Final = {
    "true": LiteralKind.BOOLEAN,
    "false": LiteralKind.BOOLEAN,
    "null": LiteralKind.NULL,
    "nan": LiteralKind.FLOAT,
    "infinity": LiteralKind.FLOAT,
}
_DIGITS: Final = frozenset("0123456789")
_PERIOD: Final = frozenset("pP")
# Reserved words of the grammar that can follow a term: none of them starts another one.
_AFTER_TERM: Final = frozenset(
    {"and", "if", "order", "limit", "allow", "using", "where", "set", "from", "into", "or", "by", "in", "is"}
    | {"insert", "update", "delete", "apply"}
)
_VOLATILE: Final = frozenset(
    {"now", "uuid", "currenttimestamp", "currentdate", "currenttime", "currenttimeuuid"}
    | {"current_timestamp", "current_date", "current_time", "current_timeuuid"}
)
_FLOAT: Final = re.compile(r"[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?")
_DURATION: Final = re.compile(
    r"(?:[0-9]+(?:mo|ms|us|ns|\u00b5s|\u03bcs|[ywdhms]))+"
    r"|p(?:[0-9]+[ymdw])*(?:t(?:[0-9]+[hms])*)?"
    r"|p[0-9]{4}-[0-9]{2}-[0-9]{2}t[0-9]{2}:[0-9]{2}:[0-9]{2}",
    re.IGNORECASE,
)

STRING: Final = LiteralKind.STRING
INTEGER: Final = LiteralKind.INTEGER
_UUID: Final = LiteralKind.UUID
_BLOB: Final = LiteralKind.BLOB
_A_DURATION: Final = LiteralKind.DURATION
_FLOATING: Final = LiteralKind.FLOAT

MOST_MARKERS: Final = 0xFFFF
"""A request counts its bind values in a [short] (CQL native protocol v4, section 4.1.4)."""

# Hot path: a named tuple's own constructor takes twice the time.
new: Final = tuple.__new__


class Source:
    """One text while it is analysed: its words, its bind markers by word, and spans on demand."""

    __slots__ = ("_calls", "_marker_words", "_starts", "markers", "text", "words")

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = words(text)
        self.markers = _markers(text, self.words)
        self._marker_words = list(self.markers)
        self._starts: list[int] | None = None
        self._calls: list[tuple[int, FunctionCall]] | None = None

    def span(self, first: int, end: int) -> Span:
        """Where the words from ``first`` to before ``end`` stand; at least one."""
        # Most texts need no span, so the offsets are taken in a second scan by those that do.
        offsets = self._starts
        if offsets is None:
            offsets = self._starts = starts(self.text)
        last = end - 1
        return new(Span, (offsets[first], offsets[last] + len(self.words[last])))

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
        elif token in _OPENING:
            brackets.append(token)
        elif token in _CLOSING:
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
        before == "?" or before in _CLOSING or before[:1] in "'$" or before[:1] == '"' or before[:1].isalnum()
    )


def table_name(found: list[str], word: int) -> tuple[TableName, int]:
    """A table's name, qualified or not, and the word after it."""
    first = fold(found[word])
    if found[word + 1] == ".":
        return new(TableName, (first, fold(found[word + 2]))), word + 3
    return new(TableName, (None, first)), word + 1


def closing(found: list[str], word: int) -> int:
    """The word that closes the bracket at ``word``."""
    depth = 0
    for end in range(word, len(found)):
        token = found[end]
        if token in _OPENING:
            depth += 1
        elif token in _CLOSING:
            depth -= 1
            if not depth:
                return end
    raise UnparsableError("a bracket is not closed")


def constant(token: str) -> Literal:
    """The literal that a single word is. Raises UnparsableError when it is none."""
    first = token[:1]
    if first in _DIGITS:
        if token.isdigit():
            return new(Literal, (INTEGER, token))
        if len(token) == 36 and token[8] == "-":
            return new(Literal, (_UUID, token.lower()))
        if token[1] in "xX":
            return new(Literal, (_BLOB, token))
        # A number ends with a digit or a dot, and a duration with its last unit.
        if token[-1] in _DIGITS or token[-1] == ".":
            if token.replace(".", "", 1).isdigit() or _FLOAT.fullmatch(token):
                return new(Literal, (_FLOATING, token))
        elif _DURATION.fullmatch(token):
            return new(Literal, (_A_DURATION, token))
    elif first == "'" or token[:2] == "$$":
        return new(Literal, (STRING, unquote(token)))
    else:
        kind = _CONSTANTS.get(token.lower())
        if kind is not None:
            return new(Literal, (kind, token))
        if len(token) == 36 and token[8] == "-":
            return new(Literal, (_UUID, token.lower()))
        if first in _PERIOD and len(token) > 2 and _DURATION.fullmatch(token):
            return new(Literal, (_A_DURATION, token))
    raise UnparsableError("a constant was expected")


def constants(source: Source, word: int, tokens: list[str]) -> list[Term]:
    """The terms that single words are: constants and ? markers, in every second place from ``word`` on.

    Raises UnparsableError when one of them is no such term.
    """
    # Hot path: plain INSERTs never repeat, so no cache spares them, and lists can have 100,000s of values.
    joined = "".join(tokens)
    if joined.isdigit() and joined.isascii():
        return list(map(new, repeat(Literal), zip(repeat(INTEGER), tokens, strict=False)))
    markers = source.markers
    found: list[Term] = []
    for token in tokens:
        if token[0] == "'":
            text = token[1:-1]
            found.append(new(Literal, (STRING, text.replace("''", "'") if "'" in text else text)))
        elif token.isdigit():
            found.append(new(Literal, (INTEGER, token)))
        elif token == "?":
            found.append(markers[word + 2 * len(found)])
        else:
            found.append(constant(token))
    return found


def listed(found: list[str], word: int) -> tuple[list[str], int]:
    """The words of a list, and the bracket that closes it; ``word`` is the one that opens it.

    None of them when the list holds anything but single words with commas between them.
    """
    end = found.index(")", word)
    tokens = found[word + 1 : end : 2]
    count = len(tokens)
    if end - word == 2 * count and found[word + 2 : end : 2].count(",") == count - 1:
        return tokens, end
    return [], end


def term(source: Source, word: int) -> tuple[Term, int]:
    """The term at ``word`` and the word after it."""
    found = source.words
    token = found[word]
    value: Term
    if token[:1] == "'":
        value, end = new(Literal, (STRING, unquote(token))), word + 1
    elif token.isdigit():
        value, end = new(Literal, (INTEGER, token)), word + 1
    elif token == "?":
        value, end = source.markers[word], word + 1
    elif token == "-" and found[word + 1].isdigit():
        value, end = new(Literal, (INTEGER, "-" + found[word + 1])), word + 2
    else:
        value, end = _operand(source, word)
    if found[end] not in _ARITHMETIC:
        return value, end
    while found[end] in _ARITHMETIC:
        if found[end + 1].isdigit():
            end += 2
        else:
            _, end = _operand(source, end + 1)
    return new(Expression, (source.markers_within(word, end),)), end


def _operand(source: Source, word: int) -> tuple[Term, int]:
    found = source.words
    first = word
    while True:
        token = found[word]
        if token == "-":
            word += 1
        elif token == "(":
            end = closing(found, word) + 1
            # A bracket directly before another operand is a type hint: (int) ?
            if not _starts_operand(found, end):
                return _postfix(source, first, end)
            word = end
        else:
            break
    marker = source.markers.get(word)
    if marker is not None:
        end = word + (1 if token == "?" else 2)
        negated = word > first and found[word - 1] == "-"
        return (Expression((marker,)) if negated else marker), end
    if token in _OPENING:
        return _postfix(source, first, closing(found, word) + 1)
    if token[:1] == '"' or (is_name(token) and (found[word + 1] in ("(", ".") or not _is_constant(token))):
        if token.lower() in _AFTER_TERM:
            raise UnparsableError("a term was expected")
        end = word + 1
        if found[end] == "." and is_name(found[end + 1]):
            end += 2
        if found[end] == "(":
            end = closing(found, end) + 1
        return _postfix(source, first, end)
    literal = constant(token)
    minus = found[first:word].count("-")
    if minus:
        literal = Literal(literal.kind, "-" * (minus % 2) + literal.text)
    return literal, word + 1


def _postfix(source: Source, first: int, end: int) -> tuple[Expression, int]:
    found = source.words
    while True:
        if found[end] == "[":
            end = closing(found, end) + 1
        elif found[end] == "." and is_name(found[end + 1]):
            end += 2
        else:
            return Expression(source.markers_within(first, end)), end


def _is_constant(token: str) -> bool:
    try:
        constant(token)
    except UnparsableError:
        return False
    return True


def _starts_operand(found: list[str], word: int) -> bool:
    token = found[word]
    if token in ("?", ":") or token in _OPENING or token[:1] in ("'", "$") or token[:1].isdigit():
        return True
    if len(token) == 36 and token[8] == "-":
        return True
    if not is_name(token) or token.lower() in _AFTER_TERM:
        return False
    return found[word + 1] == "(" or token.lower() in _CONSTANTS


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
            if name in _VOLATILE:
                begin = word - 3 if found[word - 2] == "." and is_name(found[word - 3]) else word - 1
                calls.append((begin, FunctionCall(name, source.span(begin, word + 2))))
    return calls
