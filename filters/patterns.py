"""Patterns of table names: ``ks.table``, ``ks.*``, ``*.table``, shell-style wildcards, quoted names.

Names are read as CQL reads them: an unquoted one means its lower case, ``"MyKs"`` means itself. Each part
must match the whole name: ``*.migrations`` is the table migrations in any keyspace, and no other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate
from typing import Final, NamedTuple

from filters.verdict import Reason, Verdict

_PART: Final = re.compile(r'(?P<quoted>"(?:[^"]|"")*")|(?P<name>[^."]+)')
_WILDCARDS: Final = frozenset("*?[")
_UNQUOTED: Final = re.compile(r"(?:[A-Za-z0-9_*?]|\[!?[A-Za-z0-9_-]+\])+")


class _Name(NamedTuple):
    """One part of a pattern: either the one name that it means, or the expression that names must match."""

    exact: str | None
    expression: re.Pattern[str]

    def matches(self, name: str) -> bool:
        return self.exact == name if self.exact is not None else self.expression.fullmatch(name) is not None


class TablePattern(NamedTuple):
    """A pattern as written, and its two parts."""

    text: str
    keyspace: _Name
    table: _Name

    @property
    def any_keyspace(self) -> bool:
        """Whether it means a table in every keyspace."""
        return self.keyspace.exact is None and self.keyspace.expression.pattern == _ANY

    def matches(self, keyspace: str, table: str) -> bool:
        """Whether it means this table; names as CQL reads them."""
        return self.table.matches(table) and self.keyspace.matches(keyspace)


_ANY: Final = translate("*")


def table_pattern(text: str) -> TablePattern:
    """The pattern that a text stands for. Raises ValueError, with words for the operator, when it is none."""
    parts: list[_Name] = []
    position = 0
    while True:
        found = _PART.match(text, position)
        if found is None:
            raise ValueError(_fault(text))
        parts.append(_name(found, text))
        position = found.end()
        if position == len(text):
            break
        if text[position] != ".":
            raise ValueError(_fault(text))
        position += 1
    if len(parts) != 2:
        raise ValueError(_fault(text))
    return TablePattern(text, *parts)


def _name(found: re.Match[str], text: str) -> _Name:
    quoted = found["quoted"]
    if quoted is not None:
        name = quoted[1:-1].replace('""', '"')
        if not name:
            raise ValueError(f"{text!r} has an empty name in it")
        return _Name(name, re.compile(re.escape(name)))
    name = found["name"]
    if not _UNQUOTED.fullmatch(name):
        raise ValueError(
            f"{text!r}: {name!r} is neither a name nor a pattern of one; allowed are letters, digits, _, the"
            ' wildcards * ? [a-z], and names in double quotes such as "MyKs".t'
        )
    # An unquoted name in CQL means its lower case, and so does one in a pattern.
    name = name.lower()
    expression = re.compile(translate(name))
    return _Name(None if _WILDCARDS.intersection(name) else name, expression)


def _fault(text: str) -> str:
    if "." not in text:
        return (
            f"{text!r} is not of the form keyspace.table; for the table in any keyspace write '*.{text}',"
            f" for all tables of a keyspace '{text}.*'"
        )
    if text.count('"') % 2:
        return f"{text!r} has a double quote that is not closed"
    return f"{text!r} is not of the form keyspace.table: one dot between two names"


class TablePatterns:
    """Many patterns, asked at once: those that name one table cost one look-up, however many there are."""

    __slots__ = ("_by_keyspace", "_by_name", "_by_table", "_others", "patterns")

    def __init__(self, patterns: Iterable[TablePattern] = ()) -> None:
        self.patterns = tuple(patterns)
        """In the order of the file."""
        self._by_name: dict[tuple[str, str], TablePattern] = {}
        self._by_keyspace: dict[str, TablePattern] = {}
        self._by_table: dict[str, TablePattern] = {}
        self._others: list[TablePattern] = []
        for pattern in self.patterns:
            self._add(pattern)

    def _add(self, pattern: TablePattern) -> None:
        keyspace, table = pattern.keyspace.exact, pattern.table.exact
        any_table = table is None and pattern.table.expression.pattern == _ANY
        if keyspace is not None and table is not None:
            self._by_name.setdefault((keyspace, table), pattern)
        elif keyspace is not None and any_table:
            self._by_keyspace.setdefault(keyspace, pattern)
        elif pattern.any_keyspace and table is not None:
            self._by_table.setdefault(table, pattern)
        else:
            self._others.append(pattern)

    def sure(self, keyspace: str | None, table: str) -> TablePattern | None:
        """A pattern that means a table; when its keyspace is not known, one that does whichever it is."""
        found = self._by_table.get(table)
        if found is not None:
            return found
        if keyspace is None:
            for pattern in self._others:
                if pattern.any_keyspace and pattern.table.matches(table):
                    return pattern
            return None
        found = self._by_name.get((keyspace, table)) or self._by_keyspace.get(keyspace)
        if found is not None:
            return found
        for pattern in self._others:
            if pattern.matches(keyspace, table):
                return pattern
        return None

    def possible(self, table: str) -> TablePattern | None:
        """A pattern that means a table of this name in some keyspace."""
        return next((pattern for pattern in self.patterns if pattern.table.matches(table)), None)

    def find(self, keyspace: str | None, table: str) -> Verdict | None:
        """Why writes to a table of a blacklist are held back; None when no pattern means it.

        When the keyspace is not known, a pattern that means such a table in some keyspace holds it back too.
        """
        pattern = self.sure(keyspace, table)
        if pattern is not None:
            return Verdict(False, Reason.TABLE, pattern.text)
        pattern = self.possible(table) if keyspace is None else None
        return None if pattern is None else Verdict(False, Reason.KEYSPACE_UNKNOWN, pattern.text)
