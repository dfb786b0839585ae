"""The tenant of an INSERT JSON: the values of some columns in a JSON document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from filters.sources import LiteralSource

_KINDS: Final[dict[type, str]] = {str: "string", int: "integer", float: "float"}


def column_values(document: str, columns: frozenset[str]) -> Iterator[LiteralSource]:
    """The values of those of ``columns`` that the document has, each as a literal; null is none.

    Keys are read as Cassandra does: a key means its lower case unless it is in double quotes of its own. Of a
    key that comes twice both values are given. Raises ValueError when the document is no JSON object, or
    when a column has a value that is no single one.
    """
    try:
        members = json.loads(document, object_pairs_hook=_Object)
    except RecursionError:
        raise ValueError("the document is nested too deeply") from None
    if not isinstance(members, _Object):
        raise ValueError("the document is no object")
    for key, value in members:
        quoted = len(key) > 1 and key[0] == key[-1] == '"'
        column = key[1:-1].replace('""', '"') if quoted else key.lower()
        if column in columns and value is not None:
            yield LiteralSource(column, *_literal(value))


class _Object(list[tuple[str, object]]):
    """The members of a JSON object, duplicates among them, told apart from an array."""


def _literal(value: object) -> tuple[str, str]:
    if isinstance(value, bool):
        return "boolean", "true" if value else "false"
    kind = _KINDS.get(type(value))
    if kind is None:
        raise ValueError("the column's value is an array or an object")
    return kind, str(value)
