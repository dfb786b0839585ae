"""Statements of one form, one after another in a batch: but for the first they are analysed in bulk."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import repeat
from typing import Final

from cqlproxy.statements.analysed_text import Source, new
from cqlproxy.statements.lexer import UnparsableError
from cqlproxy.statements.statement import Binding, Span, Statement, Term
from cqlproxy.statements.terms import constant, constants, is_constant

_BEGINNINGS: Final = frozenset(["insert", "update", "delete", "apply"])
_AT_ONCE: Final = 256
_FEWEST: Final = 3
_WORK: Final = 700
_WORK_OF_A_BINDING: Final = 500


def run(source: Source, statement: Statement, first: int, after: int) -> tuple[list[Statement], int]:
    """The statements from the word ``after`` on that differ from one in nothing but their values.

    That one is ``statement``; it has the words from ``first`` to before ``after``, with the semicolon. Gives
    the word after the run too. There may be more of them than are told at once.
    """
    places = _places_of_values(source, statement, first, after)
    if places is None:
        return [], after
    found = source.words
    length = after - first
    count = min(_AT_ONCE, (len(found) - after) // length)
    for place in range(length):
        if count < _FEWEST:
            return [], after
        word = found[first + place]
        same = found[after + place : after + count * length : length]
        if place not in places or word == "?":
            if same.count(word) != count:
                count = next(at for at, token in enumerate(same) if token != word)
        elif "?" in same:
            count = same.index("?")
    end = after + count * length
    if found[after - 1] != ";" and found[end].lower() not in _BEGINNINGS:
        end -= length  # its last statement goes on
        count -= 1
    source.spend(count * (_WORK + _WORK_OF_A_BINDING * len(places)))
    closed = found[after - 1] == ";"
    try:
        terms = [constants(source, after + at, found[after + at : end : length], length) for at in places]
        spans = [source.statement_span(at, at + length - closed) for at in range(after, end, length)]
    except UnparsableError:
        return [], after
    return list(_like(statement, terms, spans)), end


def _places_of_values(source: Source, statement: Statement, first: int, after: int) -> list[int] | None:
    """Where the values of a statement stand among its words; None when there is more to it than values."""
    if (
        statement.condition is not None
        or statement.using is not None
        or statement.relative
        or statement.functions
        or statement.json
    ):
        return None
    words = source.words[first:after]
    places = [at for at, word in enumerate(words) if word == "?" or is_constant(word)]
    bindings = statement.bindings
    if len(places) != len(bindings):
        return None
    for place, binding in zip(places, bindings, strict=True):
        word = words[place]
        value = source.markers[first + place] if word == "?" else constant(word)
        if binding.terms != (value,):
            return None
    return places


def _like(statement: Statement, terms: list[list[Term]], spans: list[Span]) -> Iterable[Statement]:
    bindings = zip(
        *[
            map(new, repeat(Binding), zip(repeat(column), repeat(operator), zip(values, strict=True)))
            for (column, operator, _), values in zip(statement.bindings, terms, strict=True)
        ],
        strict=True,
    )
    start = statement.first_marker + statement.markers
    firsts = (start + at * statement.markers for at in range(len(spans)))
    fields: list[Iterable[object]] = [repeat(value) for value in statement]
    for name, values in (("bindings", bindings), ("first_marker", firsts), ("span", spans)):
        fields[Statement._fields.index(name)] = values
    return map(new, repeat(Statement), zip(*fields, strict=False))
