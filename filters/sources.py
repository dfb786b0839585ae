"""Where a write says whose row it writes: what the governor is told of a statement.

Markers are known by their index among all bind markers of the statement's text.
"""

from __future__ import annotations

from typing import NamedTuple


class LiteralSource(NamedTuple):
    """A column's value in the text.

    ``kind`` is string, integer, float, uuid, blob, boolean, duration or null; ``text`` of a string is the
    value that it stands for, without quotes.
    """

    column: str
    kind: str
    text: str


class MarkerSource(NamedTuple):
    """A column's value is bound to a marker.

    ``cql_type`` is the marker's type in CQL's own words, such as ``uuid`` or ``list<uuid>``, None when it is
    not known. ``many``: what is bound is a list of values, as in ``column IN ?``.
    """

    column: str
    marker: int
    cql_type: str | None
    many: bool


class UnknownSource(NamedTuple):
    """A column's value cannot be known from the request: a function call, arithmetic."""

    column: str


class JsonSource(NamedTuple):
    """All columns' values are in a JSON document: in the text, or bound to a marker; neither: unknown."""

    document: str | None
    marker: int | None


TenantSource = LiteralSource | MarkerSource | UnknownSource | JsonSource
