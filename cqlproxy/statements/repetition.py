"""What a copy of a write may suffer: to be delivered twice, or before one that came earlier.

A write with a write time bears both: the newest value wins wherever it comes in. A few kinds do not,
because what they do depends on what is stored when they arrive.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum

from cqlproxy.statements.statement import Kind, Literal, LiteralKind, Marker, Operator, Statement


class _Change(Enum):
    """What is done to a column whose new value depends on the stored one."""

    COUNT = "counter"
    UNITE = "set or map"
    """An element more or less: the same in any order, and when it is repeated."""
    PLACE = "list"
    """An element at a position: the end, the start, an index. Also when the column may be anything."""


def is_repeatable(statement: Statement, marker_types: Sequence[str] = ()) -> bool:
    """Whether applying a mutation or batch twice, with the same write time, is as good as once.

    ``marker_types`` are the CQL types of the text's markers, where they are known.
    """
    # Hot path: once for every copy of a text, most of which are one statement that sets values.
    if not statement.statements and not statement.relative:
        return statement.condition is None
    return not statement.conditional and all(
        change is _Change.UNITE for change in _changes(statement, marker_types)
    )


def is_in_turn(statement: Statement, marker_types: Sequence[str] = ()) -> bool:
    """Whether a mutation or batch must be applied after what came before it, and before what comes after.

    So are conditional writes, whose outcome depends on the row, and changes of lists.
    """
    # Hot path, as above.
    if not statement.statements and not statement.relative:
        return statement.condition is not None
    return statement.conditional or any(
        change is _Change.PLACE for change in _changes(statement, marker_types)
    )


def depends_on_keyspace(statement: Statement) -> bool:
    """Whether what the text means depends on the keyspace that is in use."""
    tables = statement.tables
    if len(tables) == 1:
        return tables[0].keyspace is None
    if tables:
        return any(table.keyspace is None for table in tables)
    return not statement.keyspaces


def _changes(statement: Statement, marker_types: Sequence[str]) -> Iterator[_Change]:
    for inner in statement.statements if statement.kind is Kind.BATCH else (statement,):
        if not inner.relative:
            continue
        told = False
        for binding in inner.bindings:
            if binding.operator in (Operator.ADD, Operator.SUBTRACT):
                told = True
                for term in binding.terms:
                    yield _change(term, marker_types)
            elif binding.operator is Operator.ELEMENT:
                told = True
                yield _Change.PLACE
        if not told:  # DELETE l[0]
            yield _Change.PLACE


def _change(term: object, marker_types: Sequence[str]) -> _Change:
    if isinstance(term, Literal) and term.kind is LiteralKind.INTEGER:
        return _Change.COUNT
    if isinstance(term, Marker) and term.index < len(marker_types):
        cql_type = marker_types[term.index]
        if cql_type in ("counter", "bigint"):
            return _Change.COUNT
        if cql_type.startswith(("set<", "map<")):
            return _Change.UNITE
    return _Change.PLACE
