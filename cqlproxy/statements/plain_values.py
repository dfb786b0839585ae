"""The values of a plain INSERT, constants only: each is read from the text when somebody asks for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final, overload

from cqlproxy.statements.analysed_text import new
from cqlproxy.statements.statement import Binding, Literal, Operator
from cqlproxy.statements.terms import constant

MOST_COLUMNS: Final = 256
"""For each number of columns, and for each place of a value, an expression is compiled, and kept."""

_BLANKS: Final = r"[ \t\r\n]*+"
# What the lexer reads as one word, or as a minus and a number, as far as its first characters and what
# follows tell it from all other terms: a comma or a bracket must follow, with or without blanks before it.
# Durations and strings in $$ are too rare. Letters beyond ASCII are no other case of those in true or false.
_CONSTANT: Final = (
    r"(?>'[^']*+(?:''[^']*+)*+'"
    r"|-?[0-9]++(?:\.[0-9]*+)?(?:[eE][+-]?[0-9]++)?(?=[ \t\r\n,)])"
    r"|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
    r"|0[xX][0-9a-fA-F]*+"
    r"|(?ai:true|false|null|nan|infinity))"
)
_VALUE: Final = rf"{_BLANKS}{_CONSTANT}{_BLANKS}"
_VALUES: Final = re.compile(rf"[(,]{_BLANKS}({_CONSTANT})")
_SET: Final = Operator.SET


@lru_cache(MOST_COLUMNS)
def after_columns(count: int) -> re.Pattern[str]:
    """All that stands behind the columns of a plain INSERT that has so many of them."""
    values = rf"(?:{_VALUE},){{{count - 1}}}+{_VALUE}"
    return re.compile(rf"{_BLANKS}(?ai:VALUES){_BLANKS}\({values}\){_BLANKS};?{_BLANKS}")


@lru_cache(MOST_COLUMNS)
def _value_at(place: int) -> re.Pattern[str]:
    return re.compile(rf"\((?:{_VALUE},){{{place}}}+{_BLANKS}({_CONSTANT})")


class PlainValues(Sequence[Binding]):
    """The bindings of a plain INSERT, each of a column and a literal; equal to the tuple of them.

    ``places`` are those of the columns in the list of them, in their order. What stands in ``text`` from
    ``at`` on matches ``after_columns``.
    """

    __slots__ = ("_at", "_places", "_text")

    def __init__(self, text: str, at: int, places: Mapping[str, int]) -> None:
        self._text = text
        self._at = at
        self._places = places

    def of(self, columns: Iterable[str]) -> list[Binding]:
        """The bindings of these columns, in the order of the text."""
        # Hot path: of ten columns one is a tenant's.
        places = self._places
        asked = [column for column in columns if column in places]
        if len(asked) > 1:
            asked.sort(key=places.__getitem__)
        found: list[Binding] = []
        for column in asked:
            value = _value_at(places[column]).search(self._text, self._at)
            assert value is not None
            found.append(_binding(column, value[1]))
        return found

    def words(self, columns: Iterable[str]) -> tuple[tuple[str, str], ...]:
        """These columns, as far as they are among its own, and their values as they are written."""
        # Hot path: once for every copy.
        text, at, places = self._text, self._at, self._places
        return tuple(
            [
                (column, found[1])
                for column in columns
                if column in places and (found := _value_at(places[column]).search(text, at)) is not None
            ]
        )

    def _all(self) -> tuple[Binding, ...]:
        return tuple(map(_binding, self._places, _VALUES.findall(self._text, self._at)))

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Binding]:
        return iter(self._all())

    @overload
    def __getitem__(self, index: int) -> Binding: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Binding, ...]: ...

    def __getitem__(self, index: int | slice) -> Binding | tuple[Binding, ...]:
        return self._all()[index]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, tuple | PlainValues):
            return self._all() == tuple(other)
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self._all())

    def __repr__(self) -> str:
        return repr(self._all())


def _binding(column: str, token: str) -> Binding:
    literal = constant(token.removeprefix("-"))
    if token[0] == "-":
        literal = Literal(literal.kind, token)
    return new(Binding, (column, _SET, (literal,)))
