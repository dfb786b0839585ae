"""Texts rewritten: without conditions, with values in place of functions, with another time to live.

Each takes a text and its analysis. What is not rewritten stays character for character.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from cqlproxy.statements.analysed_text import CLOSING, MOST_MARKERS, OPENING, Source
from cqlproxy.statements.lexer import is_name
from cqlproxy.statements.statement import (
    Expression,
    FunctionCall,
    Kind,
    Marker,
    Operator,
    Span,
    Statement,
)
from cqlproxy.statements.ttl import ttl_place

_OWN_NAME: Final = "cqlproxy_"
_OWN_NAMES: Final = re.compile(rf"{_OWN_NAME}([0-9]+)", re.IGNORECASE)


class Added(NamedTuple):
    """A bind marker that the original text does not have, and what it is to be bound to."""

    name: str
    """The marker's name, which no other marker of the text has: it may be bound by position or by name."""
    cql_type: str
    """The type of its value."""
    function: str | None
    """The function whose value it takes (`FunctionCall.name`); None: the time to live."""


class Rewritten(NamedTuple):
    """A text made of another."""

    text: str
    markers: tuple[int | Added, ...]
    """For each bind marker, in order: its index in the original text, or what it was added for."""


def decided(text: str, statement: Statement) -> Rewritten:
    """A conditional write as it is once its conditions were met: the same without its IF clauses.

    Also a text batch with conditional writes inside. A text without conditions stays as it is.
    """
    conditions = [one.condition for one in _each(statement) if one.condition is not None]
    gone = {marker for condition in conditions for marker in condition.markers}
    # A space, so that the words before and after the clause stay apart.
    without = _replaced(text, [(condition.span, " ") for condition in conditions])
    return Rewritten(without, tuple(marker for marker in range(statement.markers) if marker not in gone))


def evaluable(text: str, statement: Statement) -> tuple[FunctionCall, ...]:
    """The calls of now(), uuid() and the like whose values can be given instead, in the text's order.

    All but two kinds: those in an IF clause, which only the cluster that decides looks at; and those in the
    SET clause of an UPDATE of several rows (``WHERE k IN (1, 2)``), because a server evaluates them anew
    for each row, and one value for all of them would not be what the application asked for.
    """
    found: list[FunctionCall] = []
    for one in _each(statement):
        if not one.functions:
            continue
        without = one.condition.span if one.condition is not None else Span(len(text), len(text))
        first = _where(text, one) if _is_of_several_rows(one) else 0
        found += [call for call in one.functions if first <= call.span.start < without.start]
    return tuple(found)


def with_constants(text: str, calls: Sequence[FunctionCall], values: Sequence[bytes]) -> str:
    """The text with the serialized ``values`` in place of the ``calls``, which are some of `evaluable`.

    Each is written so that it has the function's type wherever it stands, and a server takes it where it
    would take the function, and refuses it where it would not. One exception is known: Cassandra takes now()
    for a column of type blob, but no timeuuid written out, in whatever form.
    """
    replaced = [
        (call.span, _constant(call.cql_type, value)) for call, value in zip(calls, values, strict=True)
    ]
    return _replaced(text, replaced)


def _constant(cql_type: str, value: bytes) -> str:
    if cql_type == "timeuuid":
        # What blobAsTimeuuid gives is not taken for columns of type uuid, which take now().
        return f"(timeuuid) {UUID(bytes=value)}"
    # A constant after its type is not taken for columns of other types that take the function, such as blob.
    return f"blobas{cql_type}(0x{value.hex()})"


def with_markers(text: str, statement: Statement, calls: Sequence[FunctionCall]) -> Rewritten | None:
    """The text with bind markers in place of the ``calls``, which are all of `evaluable`.

    A marker stands after the function's type, ``(timeuuid) :name``, so that a server takes it where it would
    take the function, and refuses it where it would not. None when there is no such text: Cassandra has no
    bind markers inside the literals of lists, sets and maps, and no text has more than a request has values.
    """
    if statement.markers + len(calls) > MOST_MARKERS or _inside_collections(text, calls):
        return None
    names = _own_names(text)
    markers: list[int | Added] = []
    old = 0
    replaced: list[tuple[Span, str]] = []
    for call in calls:
        markers.extend(range(old, call.marker))
        old = call.marker
        added = Added(next(names), call.cql_type, call.name)
        markers.append(added)
        replaced.append((call.span, f"({call.cql_type}) :{added.name} "))
    markers.extend(range(old, statement.markers))
    return Rewritten(_replaced(text, replaced), tuple(markers))


def expirable(statement: Statement) -> tuple[Statement, ...]:
    """The statements of a mutation or text batch that can have a TTL, in the text's order."""
    return tuple(one for one in _each(statement) if one.kind is Kind.MUTATION and one.verb != "DELETE")


def with_ttls(text: str, ttls: Sequence[tuple[Statement, int]]) -> str:
    """The text with other TTLs, in seconds, for some of its `expirable` statements, in their order.

    They replace those that the statements have; one that has none gets it.
    """
    replaced: list[tuple[Span, str]] = []
    for statement, seconds in ttls:
        place = ttl_place(text, statement)
        replaced.append((place.span, place.written(str(seconds))))
    return _replaced(text, replaced)


def aging(text: str, statement: Statement) -> Rewritten | None:
    """The INSERT or UPDATE with a bind marker of its own for its TTL: a literal, a marker or nothing before.

    None when it has as many markers already as a request has values. Raises ValueError for what has no TTL.
    """
    place = ttl_place(text, statement)
    ttl = statement.using.ttl if statement.using is not None else None
    first_after = place.marker + (ttl is not None and isinstance(ttl.term, Marker))
    added = Added(next(_own_names(text)), "int", None)
    markers = (*range(place.marker), added, *range(first_after, statement.markers))
    if len(markers) > MOST_MARKERS:
        return None
    return Rewritten(_replaced(text, [(place.span, place.written(f":{added.name}"))]), markers)


def values_of(
    text: str, statement: Statement, rewritten: Rewritten, variables: int
) -> tuple[int | Added, ...] | None:
    """The values that a request for the rewritten text has, each its number among those for ``text``, or new.

    ``variables`` is how many a request for ``text`` has: as many as markers, or fewer on a server that takes
    markers of the same name for one variable, as ScyllaDB does. None when it is neither number.
    """
    if variables == statement.markers:
        return rewritten.markers
    numbers: dict[object, int] = {}
    variable = [
        numbers.setdefault(marker if marker.name is None else marker.name, len(numbers))
        for marker in Source(text).markers.values()
    ]
    if len(numbers) != variables:
        return None
    # Each variable where it comes first.
    return tuple(
        dict.fromkeys(variable[origin] if isinstance(origin, int) else origin for origin in rewritten.markers)
    )


def _each(statement: Statement) -> tuple[Statement, ...]:
    return statement.statements if statement.kind is Kind.BATCH else (statement,)


def _replaced(text: str, replaced: Sequence[tuple[Span, str]]) -> str:
    """The text with other text in place of some spans, given in its order."""
    parts: list[str] = []
    end = 0
    for span, instead in replaced:
        parts += (text[end : span.start], instead)
        end = span.end
    parts.append(text[end:])
    return "".join(parts)


def _own_names(text: str) -> Iterator[str]:
    """Names for markers, in order, that stand nowhere in the text."""
    taken = set(_OWN_NAMES.findall(text))
    number = 0
    while True:
        if str(number) not in taken:
            yield f"{_OWN_NAME}{number}"
        number += 1


def _is_of_several_rows(statement: Statement) -> bool:
    """Whether it may be one: what stands after IN is more than one constant or marker."""
    return statement.verb == "UPDATE" and any(
        operator is Operator.IN_LIST
        or (operator is Operator.IN and (len(terms) != 1 or isinstance(terms[0], Expression)))
        for _, operator, terms in statement.bindings
    )


def _where(text: str, statement: Statement) -> int:
    """Where the WHERE clause of an UPDATE begins: the word is reserved, so it is the only one."""
    start, end = statement.span
    source = Source(text[start:end])
    word = [token.lower() for token in source.words].index("where")
    return start + source.span(word, word + 1).start


def _inside_collections(text: str, calls: Sequence[FunctionCall]) -> bool:
    """Whether any of the calls stands inside the literal of a collection, user type or vector."""
    if "[" not in text and "{" not in text:
        return False
    source = Source(text)
    starts = {call.span.start for call in calls}
    brackets: list[bool] = []
    literals = 0
    for word, token in enumerate(source.words):
        if token in OPENING:
            # A bracket after a name or another one is for an element: m[now()], m[1][now()].
            element = token == "[" and word > 0 and (is_name(source.words[word - 1]) or _closes(source, word))
            brackets.append(token != "(" and not element)
            literals += brackets[-1]
        elif token in CLOSING:
            literals -= brackets.pop()
        elif literals and is_name(token) and source.span(word, word + 1).start in starts:
            return True
    return False


def _closes(source: Source, word: int) -> bool:
    return source.words[word - 1] == "]"
