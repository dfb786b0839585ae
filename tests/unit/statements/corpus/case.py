"""The form of the corpus: one case is a text and what its analysis must be, in a notation made to be read.

Tables: ``ks.t other``. Bindings: ``a SET ?0; b = string:x; c IN ?1|integer:3``, where a term is ``?0`` or
``:name@0`` (a marker and its index), ``kind:text`` (a literal) or ``expr(0,1)`` (anything else, with the
markers inside). Selection: ``a; f(a); count() AS n; ?`` where ``?`` is an expression.
"""

from __future__ import annotations

from typing import NamedTuple

from cqlproxy.statements import Binding, Kind, Literal, Marker, Selected, Statement, TableName, Term


class Case(NamedTuple):
    """What is not said must be as in an analysis that found nothing of the kind; bindings are always said."""

    text: str
    kind: Kind
    tables: str = ""
    bindings: str = ""
    markers: int = 0
    condition: str = ""
    """The IF clause as it stands in the text."""
    condition_markers: tuple[int, ...] = ()
    timestamp: bool = False
    ttl: bool = False
    relative: bool = False
    calls: tuple[str, ...] = ()
    """The calls of functions as they stand in the text."""
    json: bool = False
    document: str = ""
    selection: str | None = None
    keyspaces: tuple[str, ...] = ()
    use: str | None = None


def case_of(text: str, statement: Statement) -> Case:
    """An analysis in the notation of the corpus."""
    condition = statement.condition
    selection = statement.selection
    return Case(
        text,
        statement.kind,
        " ".join(_table(table) for table in statement.tables),
        "; ".join(_binding(binding) for binding in statement.bindings),
        statement.markers,
        "" if condition is None else text[condition.span.start : condition.span.end],
        () if condition is None else condition.markers,
        statement.sets_timestamp,
        statement.sets_ttl,
        statement.relative,
        tuple(text[call.span.start : call.span.end] for call in statement.functions),
        statement.json,
        "" if statement.json_document is None else _term(statement.json_document),
        None if selection is None else "; ".join(map(_selected, selection)),
        statement.keyspaces,
        statement.use_keyspace,
    )


def _table(table: TableName) -> str:
    return table.table if table.keyspace is None else f"{table.keyspace}.{table.table}"


def _binding(binding: Binding) -> str:
    terms = "|".join(map(_term, binding.terms))
    return f"{binding.column} {binding.operator} {terms}" if terms else f"{binding.column} {binding.operator}"


def _term(term: Term) -> str:
    if isinstance(term, Marker):
        return f"?{term.index}" if term.name is None else f":{term.name}@{term.index}"
    if isinstance(term, Literal):
        return f"{term.kind}:{term.text}"
    return f"expr({','.join(str(marker.index) for marker in term.markers)})"


def _selected(selected: Selected) -> str:
    if selected.function is not None:
        shown = f"{selected.function}({selected.column or ''})"
    else:
        shown = selected.column or "?"
    return shown if selected.alias is None else f"{shown} AS {selected.alias}"
