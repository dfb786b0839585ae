"""The value that a request binds to a marker: bytes, or None for null, unset and unknown."""

from __future__ import annotations

from collections.abc import Callable

from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.statements import Expression, Marker, Statement
from frame_codec import (
    PROTOCOL_V4,
    BatchEntry,
    Parameters,
    QueryFlag,
    Reader,
    parameters,
    positional_value,
    query_span,
    value_at,
)

_NAMED_VALUES = int(QueryFlag.NAMED_VALUES)

BoundValues = Callable[[int], bytes | None]
"""From a marker's index among all markers of the text to its value."""


def bound_value(body: bytes, prepared: PreparedStatement, index: int) -> bytes | None:
    """The value that an EXECUTE binds to a marker."""
    at = prepared.parameters_at
    if not body[at + 2] & _NAMED_VALUES:
        return positional_value(body, at, index)
    name = prepared.bound[index].name if index < len(prepared.bound) else None
    return _named(body, parameters(body, at), name)


def of_execute(body: bytes, prepared: PreparedStatement) -> BoundValues:
    """The values of an EXECUTE."""
    return lambda index: bound_value(body, prepared, index)


def of_query(body: bytes, statement: Statement) -> BoundValues:
    """The values of a QUERY, which a client may bind by position or by name."""

    def value(index: int) -> bytes | None:
        # Few are asked for: literals tell the most.
        found = parameters(body, query_span(body, 0)[1])
        if found.named:
            return _named(body, found, _marker_name(statement, index))
        return _positional(body, found, index)

    return value


def of_batch_entry(body: bytes, entry: BatchEntry) -> BoundValues:
    """The values of one entry of a BATCH, always by position."""

    def value(index: int) -> bytes | None:
        if index >= entry.value_count:
            return None
        found = value_at(body, entry.values_offset, index)
        return found if isinstance(found, bytes) else None

    return value


def _positional(body: bytes, found: Parameters, index: int) -> bytes | None:
    if index >= found.value_count:
        return None
    value = value_at(body, found.values_offset, index)
    return value if isinstance(value, bytes) else None


def _named(body: bytes, found: Parameters, name: str | None) -> bytes | None:
    reader = Reader(body, found.values_offset)
    for _ in range(found.value_count):
        bound_name = reader.read_string()
        value = reader.read_value(PROTOCOL_V4)
        if bound_name == name:
            return value if isinstance(value, bytes) else None
    return None


def _marker_name(statement: Statement, index: int) -> str | None:
    for inner in statement.statements or (statement,):
        for binding in inner.bindings:
            for term in binding.terms:
                if isinstance(term, Marker):
                    markers: tuple[Marker, ...] = (term,)
                else:
                    markers = term.markers if isinstance(term, Expression) else ()
                for marker in markers:
                    if marker.index == index:
                        return marker.name
    return None
