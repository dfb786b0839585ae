"""A copy that waited while the rules changed: the rules in force are asked about it before it is sent.

All that the answer depends on is in the copy itself: its body, its prepared statements, and the keyspace for
texts that do not name theirs. Texts are analysed once more, which costs far less than to keep what was known.
"""

from __future__ import annotations

from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.metrics import Metrics
from cqlproxy.mirror.mutation import Mutation
from cqlproxy.routing.bound_values import BoundValues, of_batch_entry, of_execute, of_query
from cqlproxy.routing.scopes import of_schema_change, prepared_scope, qualified, scope_of
from cqlproxy.routing.text_batch import reduced_text_batch
from cqlproxy.statements import Kind, Statement, TableName, analyse
from filters import Governor, Verdict
from frame_codec import BatchEntry, BatchKind, Opcode, batch, batch_of, query_span


class AskedAgain:
    """``mirror.endings.AskAgain``: judges copies by the rules of ``governor``, counts what they hold back.

    What rules would hold back if they were enforced is not counted here, but when it is taken.
    """

    def __init__(self, governor: Governor, metrics: Metrics) -> None:
        self._governor = governor
        self._metrics = metrics

    def __call__(self, mutation: Mutation) -> bool:
        """Whether it, or a part of it, may be sent; a batch loses what may not.

        What it is to the mirror (its tables, its size, its place among others) stays as it was at first.
        """
        mutation.rules = self._governor.rules
        if mutation.opcode == Opcode.EXECUTE:
            return self._execute(mutation)
        if mutation.opcode == Opcode.BATCH:
            return self._batch(mutation)
        return self._query(mutation)

    def _execute(self, mutation: Mutation) -> bool:
        prepared = mutation.prepared[0]
        verdict = prepared_scope(self._governor, prepared).decide(of_execute(mutation.body, prepared))
        return self._may_go(verdict, prepared.tables[0])

    def _query(self, mutation: Mutation) -> bool:
        body, keyspace = mutation.body, mutation.keyspace
        start, end = query_span(body, 0)
        statement = analyse(body[start:end].decode())
        if statement.kind is Kind.MUTATION:
            return self._statement_may_go(statement, keyspace, of_query(body, statement))
        if statement.kind is Kind.BATCH:
            return self._text_batch(mutation, statement)
        tables = [qualified(table, keyspace) for table in statement.tables]
        return not tables or self._may_go(*of_schema_change(self._governor, tables))

    def _text_batch(self, mutation: Mutation, statement: Statement) -> bool:
        value_of = of_query(mutation.body, statement)
        inner = statement.statements
        kept = [
            index
            for index, one in enumerate(inner)
            if self._statement_may_go(one, mutation.keyspace, value_of)
        ]
        if kept and len(kept) < len(inner):
            mutation.body = reduced_text_batch(mutation.body, statement, kept)
        return bool(kept)

    def _batch(self, mutation: Mutation) -> bool:
        body = mutation.body
        layout = batch(body, 0)
        prepared = iter(mutation.prepared)
        entries: list[PreparedStatement | Statement] = []
        kept: list[int] = []
        for index, entry in enumerate(layout.entries):
            if entry.kind == BatchKind.PREPARED:
                entries.append(next(prepared))
            else:
                start, end = entry.text
                entries.append(analyse(body[start:end].decode()))
            if self._entry_may_go(body, entry, entries[index], mutation.keyspace):
                kept.append(index)
        if kept and len(kept) < len(entries):
            left = [entries[index] for index in kept]
            mutation.body = batch_of(body, 0, layout, kept)
            mutation.prepared = [what for what in left if isinstance(what, PreparedStatement)]
        return bool(kept)

    def _entry_may_go(
        self, body: bytes, entry: BatchEntry, what: PreparedStatement | Statement, keyspace: str | None
    ) -> bool:
        value_of = of_batch_entry(body, entry)
        if isinstance(what, Statement):
            return self._statement_may_go(what, keyspace, value_of)
        return self._may_go(prepared_scope(self._governor, what).decide(value_of), what.tables[0])

    def _statement_may_go(self, statement: Statement, keyspace: str | None, value_of: BoundValues) -> bool:
        table = qualified(statement.tables[0], keyspace)
        return self._may_go(scope_of(self._governor, statement, table).decide(value_of), table)

    def _may_go(self, verdict: Verdict, table: TableName) -> bool:
        if not verdict.copy:
            self._metrics.count_filtered(verdict.reason, table.keyspace, table.table)
        return verdict.copy
