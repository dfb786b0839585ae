"""INSERTs that hold their values: what stands before the values is the same in each, and is analysed once.

Applications that bind nothing send as many texts as rows, which no cache of texts spares. Of these most are
``INSERT INTO table (columns) VALUES (constants)``, and differ in the constants only. Whether a text is such
a one takes one match of a compiled expression.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from cqlproxy.statements.analysed_text import new
from cqlproxy.statements.lexer import UnparsableError
from cqlproxy.statements.plain_values import MOST_COLUMNS, PlainValues, after_columns
from cqlproxy.statements.statement import Span, Statement

_BEGINNINGS_KEPT: Final = 1024
_LONGEST_BEGINNING: Final = 4096
_BINDINGS: Final = Statement._fields.index("bindings")
_SPAN: Final = Statement._fields.index("span")


class _Beginning:
    """``INSERT INTO table (columns)``: all of a statement that begins so, but for its values and its span."""

    __slots__ = ("fields", "is_rest", "places")

    def __init__(self, example: Statement) -> None:
        self.places = {binding.column: place for place, binding in enumerate(example.bindings)}
        self.is_rest = after_columns(len(example.bindings)).fullmatch
        self.fields: list[object] = list(example)


class PlainInserts:
    """``analysed`` analyses any text, and raises ValueError for one that cannot be parsed."""

    def __init__(self, analysed: Callable[[str], Statement]) -> None:
        self._analysed = analysed
        self._beginning = lru_cache(_BEGINNINGS_KEPT)(self._analysed_beginning)

    def statement(self, text: str) -> Statement | None:
        """What ``text`` does, as ``analysed`` says; None when it is no plain INSERT."""
        # Hot path: no cache spares such texts.
        end = text.find(")") + 1
        if text[:1] not in ("i", "I") or end > _LONGEST_BEGINNING:
            return None
        beginning = self._beginning(text[:end])
        if beginning is None or not beginning.is_rest(text, end):
            return None
        fields = beginning.fields.copy()
        fields[_BINDINGS] = PlainValues(text, end, beginning.places)
        fields[_SPAN] = new(Span, (0, len(text)))
        return new(Statement, fields)

    def _analysed_beginning(self, beginning: str) -> _Beginning | None:
        """None for what is no beginning of a plain INSERT, as when its bracket is in a name or a comment."""
        count = beginning.count(",") + 1
        if count > MOST_COLUMNS:
            return None
        try:
            example = self._analysed(f"{beginning} VALUES ({','.join('0' * count)})")
        except (UnparsableError, ValueError):
            return None
        columns = {binding.column for binding in example.bindings}
        plain = example.verb == "INSERT" and not example.json and len(columns) == count
        return _Beginning(example) if plain else None
