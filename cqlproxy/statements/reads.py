"""SELECT, and what it selects; PRUNE MATERIALIZED VIEW."""

from __future__ import annotations

import re
from itertools import repeat
from typing import Final

from cqlproxy.statements.analysed_text import Source, new
from cqlproxy.statements.lexer import UnparsableError, fold, is_name
from cqlproxy.statements.relations import where
from cqlproxy.statements.statement import Binding, Kind, Selected, Span, Statement, TableName
from cqlproxy.statements.terms import closing, table_name

_WORK_OF_A_SELECTOR: Final = 1200
_WORK_OF_ITS_WORD: Final = 300
_TAIL: Final = frozenset(["", ";", "group", "order", "per", "limit", "allow", "bypass", "using", "with"])
# What follows a column that is called json or distinct, but not the keyword.
_AFTER_COLUMN: Final = frozenset([",", ".", "[", "(", "from", "as", "+", "-", "/", "%"])


_NAMES: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*+(?:,[A-Za-z][A-Za-z0-9_]*+)*+")
_OPENING: Final = frozenset(["(", "[", "{"])


def select(source: Source) -> tuple[Statement, int]:
    """The SELECT that the text begins with, and the word after its WHERE clause."""
    found = source.words
    word = 1
    json = found[word].lower() == "json" and found[word + 1].lower() not in _AFTER_COLUMN
    if json:
        word += 1
    if found[word].lower() == "distinct" and found[word + 1].lower() not in _AFTER_COLUMN:
        word += 1
    selection, word = _plain_columns(found, word)
    if not selection:
        selectors, word = _selectors(source, word)
        selection = _selection(found, selectors)
    table, word = from_table(found, word)
    bindings: tuple[Binding, ...] = ()
    if found[word].lower() == "where":
        bindings = _where(source, word)
    elif found[word].lower() not in _TAIL:
        raise UnparsableError("a clause of SELECT was expected")
    statement = Statement(
        kind=Kind.READ,
        verb="SELECT",
        tables=(table,),
        bindings=bindings,
        markers=len(source.markers),
        span=Span(0, len(source.text)),
        json=json,
        selection=None if json else selection,
    )
    return statement, word


def prune(source: Source) -> Statement:
    """The PRUNE MATERIALIZED VIEW that the text is."""
    found = source.words
    if [found[1].lower(), found[2].lower()] != ["materialized", "view"]:
        raise UnparsableError("MATERIALIZED VIEW was expected")
    table, word = table_name(found, 3)
    bindings = _where(source, word) if found[word].lower() == "where" else ()
    return Statement(
        kind=Kind.READ,
        verb="PRUNE",
        tables=(table,),
        bindings=bindings,
        markers=len(source.markers),
        span=Span(0, len(source.text)),
    )


def from_table(found: list[str], word: int) -> tuple[TableName, int]:
    """The table after FROM, and the word after it."""
    if found[word + 1].lower() == "mutation_fragments" and found[word + 2] == "(":
        table, word = table_name(found, word + 3)
        if found[word] != ")":
            raise UnparsableError("a bracket was expected")
        return table, word + 1
    return table_name(found, word + 1)


def _where(source: Source, word: int) -> tuple[Binding, ...]:
    # What kind of statement it is and of which table is certain by now. A relation of a server newer than
    # this grammar leaves only the columns untold, which no decision about a read needs.
    bindings: list[Binding] = []
    try:
        where(source, word, bindings)
    except UnparsableError:
        return ()
    return tuple(bindings)


def _plain_columns(found: list[str], word: int) -> tuple[tuple[Selected, ...] | None, int]:
    """The selectors when they are nothing but unquoted names, else None; and the word FROM."""
    for keyword in ("FROM", "from"):
        if keyword in found:
            end = found.index(keyword)
            names = found[word:end:2]
            joined = ",".join(names)
            if found[word + 1 : end : 2].count(",") == len(names) - 1 and _NAMES.fullmatch(joined):
                columns = joined.lower().split(",")
                return tuple(
                    map(new, repeat(Selected), zip(columns, repeat(None), repeat(None), strict=False))
                ), end
            return None, word
    if "from" not in map(str.lower, found):
        raise UnparsableError("FROM was expected")
    return None, word


def _selectors(source: Source, word: int) -> tuple[list[tuple[int, int]], int]:
    """The ranges of words of the selectors, and the word FROM."""
    found = source.words
    ranges: list[tuple[int, int]] = []
    first = word
    while True:
        token = found[word]
        if token in _OPENING:
            word = word + 2 if found[word + 2] == ")" else closing(found, word)
        elif token == "," or token.lower() == "from":
            if word == first:
                raise UnparsableError("a selector was expected")
            source.spend(_WORK_OF_A_SELECTOR + _WORK_OF_ITS_WORD * (word - first))
            ranges.append((first, word))
            if token != ",":
                return ranges, word
            first = word + 1
        elif token in ("", ";"):
            raise UnparsableError("FROM was expected")
        word += 1


def _selection(found: list[str], ranges: list[tuple[int, int]]) -> tuple[Selected, ...] | None:
    if ranges and found[ranges[0][0]] == "*":
        return None
    return tuple(_selected(found, first, end) for first, end in ranges)


def _selected(found: list[str], first: int, end: int) -> Selected:
    alias = None
    if end - first == 1:
        name = found[first]
        return new(Selected, (fold(name) if is_name(name) else None, None, None))
    if end - first == 4 and found[first + 1] == "(" and is_name(found[first]):
        argument = found[first + 2]
        return new(Selected, (fold(argument) if is_name(argument) else None, fold(found[first]), None))
    if end - first > 2 and found[end - 2].lower() == "as":
        alias = fold(found[end - 1])
        end -= 2
    if end - first == 1:
        return Selected(fold(found[first]) if is_name(found[first]) else None, None, alias)
    opening = first + 3 if found[first + 1] == "." else first + 1
    if is_name(found[first]) and found[opening] == "(" and closing(found, opening) == end - 1:
        function = ".".join(fold(found[part]) for part in range(first, opening, 2))
        inside = found[opening + 1 : end - 1]
        cast = function == "cast" and len(inside) > 2 and inside[1].lower() == "as"
        argument = inside[0] if len(inside) == 1 or cast else ""
        return Selected(fold(argument) if is_name(argument) else None, function, alias)
    return Selected(None, None, alias)
