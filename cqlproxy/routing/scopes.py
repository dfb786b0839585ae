"""What the governor is asked about a statement: the one way to ask it, for copies and for explanations."""

from __future__ import annotations

from collections.abc import Sequence

from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.statements import PlainValues, Statement, TableName, tenant_sources
from filters import Governor, Scope, Verdict


def scope_of(
    governor: Governor,
    statement: Statement,
    table: TableName,
    marker_types: Sequence[str | None] | None = None,
) -> Scope:
    """What the rules in force say about a mutation of ``table``, its only one, qualified as far as known.

    ``marker_types`` are the CQL types of the text's markers, where they are known.
    """
    of_table = governor.table(table.keyspace, table.table)
    if of_table.settled is not None:
        return of_table.settled
    bindings, columns = statement.bindings, of_table.tenant_columns
    if not isinstance(bindings, PlainValues):
        return of_table.scope(tenant_sources(statement, marker_types, columns))
    words = bindings.words(columns)
    scope = of_table.known.get(words)
    if scope is None:
        scope = of_table.scope(tenant_sources(statement, marker_types, columns))
        of_table.remember(words, scope)
    return scope


def prepared_scope(governor: Governor, prepared: PreparedStatement) -> Scope:
    """What the rules in force say about a prepared mutation; asked once for each rule set."""
    scope = prepared.scope
    if scope is None or scope.rules is not governor.rules:
        types = [column.type.cql_name for column in prepared.bound]
        scope = prepared.scope = scope_of(governor, prepared.statement, prepared.tables[0], types)
    return scope


def of_schema_change(governor: Governor, tables: Sequence[TableName]) -> tuple[Verdict, TableName]:
    """What the rules in force say about a change to ``tables``, at least one, and the table that decided.

    It is held back as a whole if any of its tables is: a view is not made without the table that it shows.
    """
    verdicts = [(governor.table(table.keyspace, table.table).verdict, table) for table in tables]
    held = next((found for found in verdicts if not found[0].copy), None)
    would = next((found for found in verdicts if found[0].would_hold), None)
    return held or would or verdicts[0]


def qualified(table: TableName, keyspace: str | None) -> TableName:
    """The table that a name means while ``keyspace`` is in use."""
    return table if table.keyspace is not None else TableName(keyspace, table.table)
