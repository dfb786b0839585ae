"""INSERTs that hold their values: what stands before the values is the same in each, and is analysed once.

Applications that bind nothing send as many texts as rows, which no cache of texts spares. Of these most are
``INSERT INTO table (columns) VALUES (constants)``, and differ in the constants only.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import repeat
from typing import Final

from cqlproxy.statements.analysed_text import new
from cqlproxy.statements.lexer import UnparsableError, words
from cqlproxy.statements.statement import Binding, Operator, Span, Statement
from cqlproxy.statements.terms import listed, literals

_BEGINNINGS_KEPT: Final = 1024
_LONGEST_BEGINNING: Final = 4096
_SPAN: Final = Statement._fields.index("span")
_SET: Final = Operator.SET
_AFTER: Final = "; \t\r\n"


class _Beginning:
    """``INSERT INTO table (columns)``: all of a statement that begins so, but for its values and its span."""

    __slots__ = ("after", "before", "columns")

    def __init__(self, example: Statement) -> None:
        self.columns = [binding.column for binding in example.bindings]
        at = Statement._fields.index("bindings")
        self.before = example[:at]
        self.after = example[at + 1 : _SPAN], example[_SPAN + 1 :]


class PlainInserts:
    """``analysed`` analyses any text, and raises ValueError for one that cannot be parsed."""

    def __init__(self, analysed: Callable[[str], Statement]) -> None:
        self._analysed = analysed
        self._beginning = lru_cache(_BEGINNINGS_KEPT)(self._analysed_beginning)

    def statement(self, text: str) -> Statement | None:
        """What ``text`` does, as ``analysed`` says; None when it is no plain INSERT."""
        # Hot path: no cache spares such texts.
        end = text.find(")") + 1
        if text[:6].upper() != "INSERT" or text.count("(", end) != 1 or text.rstrip(_AFTER)[-1:] != ")":
            return None
        if end > _LONGEST_BEGINNING:
            return None
        beginning = self._beginning(text[:end])
        if beginning is None:
            return None
        try:
            found = words(text[end:])
            if found[0].upper() != "VALUES" or found[1] != "(":
                return None
            tokens, closing = listed(found, 1)
            # Two at the end, since a semicolon may follow.
            if len(tokens) != len(beginning.columns) or found[closing + 1] not in ("", ";"):
                return None
            if found[closing + 2] or "?" in tokens:
                return None
            values = zip(literals(tokens), strict=False)
        except ValueError:
            return None
        bindings = map(new, repeat(Binding), zip(beginning.columns, repeat(_SET), values, strict=False))
        before_span, after_span = beginning.after
        return new(
            Statement,
            (*beginning.before, tuple(bindings), *before_span, new(Span, (0, len(text))), *after_span),
        )

    def _analysed_beginning(self, beginning: str) -> _Beginning | None:
        """None for what is no beginning of a plain INSERT, as when its bracket is in a name or a comment."""
        count = beginning.count(",") + 1
        try:
            example = self._analysed(f"{beginning} VALUES ({','.join('0' * count)})")
        except (UnparsableError, ValueError):
            return None
        plain = example.verb == "INSERT" and not example.json and len(example.bindings) == count
        return _Beginning(example) if plain else None
