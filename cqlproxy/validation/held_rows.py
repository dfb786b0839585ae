"""What the rules hold back differs by intention: which reads and rows are left out of a comparison.

Rules are about writes. A read is left out when writes of its table, or of the tenant that it names, are held
back. When it does not name its tenant, each row is judged by its tenant column; when the result does not
have that either, nothing can be said. The rules in force are asked at each comparison.
"""

from __future__ import annotations

from collections.abc import Sequence

from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.statements import TableName, tenant_sources
from cqlproxy.validation.comparison import ONLY_PRESENCE, Page
from cqlproxy.validation.question import Question
from cqlproxy.validation.skipped import Skipped, SkippedError
from filters import (
    Governor,
    JsonSource,
    MarkerSource,
    OnUnknownTenant,
    Scope,
    TableScope,
    UnknownSource,
)
from frame_codec import ColumnSpec

_ROW_BY_ROW = frozenset({*ONLY_PRESENCE, "token", "cast", "tojson", "to_json"})
"""Functions that make one value of one row, so that a row of a result is a row of the table."""


class HeldRows:
    """Asks the governor about one read. Raises ``SkippedError`` when it is not to be compared at all."""

    def __init__(self, governor: Governor, question: Question) -> None:
        self._question = question
        self._by_row: TableScope | None = None
        table, shape = question.table, question.shape
        if shape.view_of is not None:
            if not governor.table(table.keyspace, table.table).verdict.copy:
                raise SkippedError(Skipped.HELD_BACK)
            # Its rows are those of the table that it shows.
            table = TableName(table.keyspace, shape.view_of)
        of_table = governor.table(table.keyspace, table.table)
        if not of_table.verdict.copy:
            raise SkippedError(Skipped.HELD_BACK)
        self._columns = of_table.tenant_columns & shape.columns
        if of_table.settled is not None:
            return
        if not self._columns:
            # Writes tell no tenant: all of them are copied, or none.
            if not of_table.scope(()).decide(lambda marker: None).copy:
                raise SkippedError(Skipped.HELD_BACK)
            return
        rules = of_table.rules
        holds_unknown = rules.enforce and rules.on_unknown_tenant is OnUnknownTenant.HOLD
        if holds_unknown and self._columns.isdisjoint(shape.partition_key):
            # A write may leave out a column that is not of the partition key, and is held back then.
            raise SkippedError(Skipped.TENANT_UNKNOWN)
        told = [
            source
            for source in tenant_sources(question.statement, _types(question.prepared), self._columns)
            if not isinstance(source, UnknownSource)
        ]
        if told and not of_table.scope(told).decide(question.value_of).copy:
            raise SkippedError(Skipped.HELD_BACK)
        if not self._columns <= {source.column for source in told if not isinstance(source, JsonSource)}:
            self._by_row = of_table

    def without_held(self, page: Page) -> tuple[Page, bool]:
        """The page less the rows of tenants that are held back, and whether there were any."""
        if self._by_row is None:
            return page, False
        scope = self._scope_of_row(self._by_row, page.columns)
        kept = [row for row in page.rows if scope.decide(row.__getitem__).copy]
        return page._replace(rows=kept), len(kept) < len(page.rows)

    def _scope_of_row(self, of_table: TableScope, columns: Sequence[ColumnSpec]) -> Scope:
        """What the rules say of one row of a result, whose values stand for the bound ones of a write."""
        selection = self._question.statement.selection
        if self._question.statement.json:
            raise SkippedError(Skipped.TENANT_UNKNOWN)
        names: list[str | None] = [column.name for column in columns]
        if selection is not None:
            if any(not _is_of_one_row(selected.column, selected.function) for selected in selection):
                raise SkippedError(Skipped.TENANT_UNKNOWN)
            names = [selected.column if selected.function is None else None for selected in selection]
        if not self._columns <= set(names):
            raise SkippedError(Skipped.TENANT_UNKNOWN)
        return of_table.scope(
            [
                MarkerSource(name, place, column.type.cql_name, False)
                for place, (name, column) in enumerate(zip(names, columns, strict=True))
                if name is not None
            ]
        )


def _is_of_one_row(column: str | None, function: str | None) -> bool:
    return column is not None and (function is None or function.removeprefix("system.") in _ROW_BY_ROW)


def _types(prepared: PreparedStatement | None) -> list[str] | None:
    return None if prepared is None else [column.type.cql_name for column in prepared.bound]
