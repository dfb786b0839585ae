"""From the analysis of a statement to what the governor asks about: where a row's tenant may stand in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import compress
from operator import attrgetter
from typing import Final

from cqlproxy.statements.analysed_text import new
from cqlproxy.statements.plain_values import PlainValues
from cqlproxy.statements.statement import Binding, Expression, Literal, Marker, Operator, Statement
from filters import JsonSource, LiteralSource, MarkerSource, TenantSource, UnknownSource

# These say which row it is or which value the column gets. A range covers rows that nobody can list.
_TELLING: Final = frozenset([Operator.SET, Operator.EQ, Operator.IN, Operator.IN_LIST])
_RANGE: Final = Operator.OTHER
_column_of: Final = attrgetter("column")


def tenant_sources(
    statement: Statement,
    marker_types: Sequence[str | None] | None = None,
    columns: Collection[str] | None = None,
) -> tuple[TenantSource, ...]:
    """What the columns of a MUTATION get or are compared with, as ``filters.Governor.scope`` takes it.

    ``marker_types`` has the CQL type of each marker of the text, by index, as the PREPARED response tells
    them (CQL native protocol v4, section 4.2.5.4); without it, or past its end, types are unknown.
    ``columns`` leaves out all other columns: ``Rules.tenant_columns`` makes it cheap. A batch has no
    sources of its own.
    """
    # Hot path: once for every copy of a text. Most of its columns are no tenant columns.
    sources: list[TenantSource] = []
    bindings: Iterable[Binding] = statement.bindings
    if columns is not None:
        if isinstance(bindings, PlainValues):
            bindings = bindings.of(columns)
        else:
            bindings = compress(bindings, map(columns.__contains__, map(_column_of, bindings)))
    for column, operator, terms in bindings:
        if operator is _RANGE:
            sources.append(UnknownSource(column))
        if operator not in _TELLING:
            continue
        for term in terms:
            if isinstance(term, Literal):
                sources.append(new(LiteralSource, (column, term.kind, term.text)))
            elif isinstance(term, Marker):
                cql_type = _type_of(marker_types, term.index)
                sources.append(MarkerSource(column, term.index, cql_type, operator is Operator.IN_LIST))
            else:
                sources.append(UnknownSource(column))
    document = statement.json_document
    if isinstance(document, Literal):
        sources.append(JsonSource(document.text, None))
    elif isinstance(document, Marker):
        sources.append(JsonSource(None, document.index))
    elif isinstance(document, Expression):
        sources.append(JsonSource(None, None))
    return tuple(sources)


def _type_of(marker_types: Sequence[str | None] | None, marker: int) -> str | None:
    return marker_types[marker] if marker_types is not None and marker < len(marker_types) else None
