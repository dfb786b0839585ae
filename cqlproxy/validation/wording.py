"""A mismatch in words, for the log: which rows, which columns, and what each cluster has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from cqlproxy.cluster.side import Side
from cqlproxy.mirror.readable_values import decoded
from cqlproxy.statements import Literal, LiteralKind, Marker, Operator, Term
from cqlproxy.validation.comparison import (
    AnotherOrder,
    Cell,
    Difference,
    LoneColumn,
    LoneRow,
    Shown,
)
from cqlproxy.validation.question import Question
from frame_codec import ColumnSpec, ColumnType

MOST_DIFFERENCES: Final = 5
MOST_COLUMNS: Final = 8
_LONGEST_VALUE: Final = 60
_LONGEST_CLAUSE: Final = 200


def key_in_words(question: Question, columns: Sequence[ColumnSpec]) -> str:
    """Which rows were read: the partition key where the read gives it, else its WHERE clause.

    ``columns`` are those of the result, which tell the types of values bound to a text.
    """
    if question.asked.ordered:
        types = {column.name: column.type for column in columns}
        terms = {
            binding.column: binding.terms[0]
            for binding in question.statement.bindings
            if binding.operator is Operator.EQ
        }
        parts = [_bound(question, name, terms[name], types) for name in question.shape.partition_key]
        known = [part for part in parts if part is not None]
        if len(known) == len(parts):
            return ", ".join(known)
    return f"where {_shortened(question.clauses.where, _LONGEST_CLAUSE)}" if question.clauses.where else "all"


def _bound(question: Question, name: str, term: Term, types: dict[str, ColumnType]) -> str | None:
    if isinstance(term, Literal):
        text = json.dumps(term.text, ensure_ascii=False) if term.kind is LiteralKind.STRING else term.text
        return f"{name}={_shortened(text, _LONGEST_VALUE)}"
    if not isinstance(term, Marker):
        return None
    column_type = types.get(name)
    if question.prepared is not None and term.index < len(question.prepared.bound):
        column_type = question.prepared.bound[term.index].type
    return f"{name}={_value(question.value_of(term.index), column_type)}"


def differences_in_words(found: Iterable[Difference], count: int, ours: Side) -> str:
    """The first few of ``count`` differences; ``ours`` is the cluster that answered the client."""
    told = [_difference(one, ours) for one in islice(found, MOST_DIFFERENCES)]
    if count > len(told):
        told.append(f"and {count - len(told)} more")
    return "; ".join(told)


def _difference(found: Difference, ours: Side) -> str:
    match found:
        case Cell(key, column, our_value, their_value):
            row = f"({_row(key)}) " if key else ""
            return (
                f"{row}{column.name} is {_value(our_value, column.type)} on the {ours.label}"
                f" and {_value(their_value, column.type)} on the {ours.other.label}"
            )
        case LoneRow(row, on_ours):
            named = f"({_row(row)})" if row else "the row"
            return f"{named} is only on the {ours.label if on_ours else ours.other.label}"
        case LoneColumn(column):
            side = ours if column.theirs is None else ours.other
            return f"the column {column.name} is only on the {side.label}"
        case AnotherOrder():
            return "the same rows in another order"


def _row(shown: Shown) -> str:
    parts = [f"{column.name}={_value(value, column.type)}" for column, value in shown[:MOST_COLUMNS]]
    return ", ".join(parts) + (", ..." if len(shown) > MOST_COLUMNS else "")


def _value(value: bytes | None, column_type: ColumnType | None) -> str:
    # A value of megabytes is not decoded for its first few characters.
    if value is not None and len(value) > 4 * _LONGEST_VALUE:
        return f"0x{value[: _LONGEST_VALUE // 2].hex()}... ({len(value)} bytes)"
    shown = None if value is None else decoded(value, column_type)
    return _shortened(json.dumps(shown, ensure_ascii=False), _LONGEST_VALUE)


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}..."
