"""From an applied mutation to its copy: the governor is asked, and what it lets pass goes to the mirror.

Runs after the client has its answer. A copy carries the body that the answering cluster took, without
its custom payload; a batch is copied without the statements that the governor holds back.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic

from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.metrics import Metrics
from cqlproxy.mirror.mutation import Mutation
from cqlproxy.mirror.worker import Mirror
from cqlproxy.routing.bound_values import BoundValues, bound_value, of_batch_entry, of_execute, of_query
from cqlproxy.routing.exchange import BatchWrite, PreparedWrite, SchemaChange, Write
from cqlproxy.routing.scopes import of_schema_change, prepared_scope, qualified, scope_of
from cqlproxy.routing.text_batch import reduced_text_batch
from cqlproxy.statements import (
    Kind,
    Statement,
    TableName,
    depends_on_keyspace,
    is_in_turn,
    is_repeatable,
)
from filters import ALLOWED, Governor, Verdict
from frame_codec import (
    BatchEntry,
    FrameFlag,
    Opcode,
    after_custom_payload,
    batch,
    batch_of,
    execute_id,
    with_values_kept,
)

_CUSTOM_PAYLOAD = int(FrameFlag.CUSTOM_PAYLOAD)
_QUERY = int(Opcode.QUERY)
_EXECUTE = int(Opcode.EXECUTE)
_BATCH = int(Opcode.BATCH)
_MUTATION = Kind.MUTATION

UNCLASSIFIED = "unclassified"
"""The reason for which a statement that is not understood is held back inside a batch."""


class Copies:
    """Decides what is copied. ``mirror`` is None in modes that copy nothing."""

    def __init__(
        self, *, governor: Governor, mirror: Mirror | None, metrics: Metrics, schema_changes: bool
    ) -> None:
        self.governor = governor
        self._mirror = mirror
        self._metrics = metrics
        self._schema_changes = schema_changes

    # --- one statement ------------------------------------------------------------------------

    def prepared(self, write: PreparedWrite) -> None:
        """An EXECUTE was applied."""
        # Hot path.
        mirror = self._mirror
        if mirror is None:
            return
        prepared = write.prepared
        body = _message(write) if write.flags & _CUSTOM_PAYLOAD else write.body
        if prepared.statement.kind is not _MUTATION:
            self._prepared_other(prepared, body)
            return
        scope = prepared.scope
        rules = self.governor.rules
        if scope is None or scope.rules is not rules:
            scope = prepared_scope(self.governor, prepared)
        verdict = scope.verdict
        if verdict is None:
            only = scope.only
            value = bound_value(body, prepared, only[0]) if only is not None else None
            if value is not None and only is not None and only[1](value) is None:
                verdict = ALLOWED
            else:
                verdict = scope.decide(of_execute(body, prepared))
        if verdict is not ALLOWED and self._refuses(verdict, prepared.tables[0]):
            return
        mirror.offer(
            Mutation(
                _EXECUTE,
                body,
                offered=monotonic(),
                tables=prepared.tables,
                rules=rules,
                prepared=(prepared,),
                repeatable=prepared.repeatable,
                in_turn=prepared.in_turn,
                conditional=prepared.conditional,
            )
        )

    def text(self, write: Write) -> None:
        """A QUERY that is a mutation, or a text batch, was applied."""
        if self._mirror is None:
            return
        statement = write.statement
        body = _message(write)
        if statement.kind is Kind.BATCH:
            self._text_batch(statement, body, write.keyspace)
            return
        table = qualified(statement.tables[0], write.keyspace)
        verdict = self._verdict(statement, table, of_query(body, statement))
        if verdict is not ALLOWED and self._refuses(verdict, table):
            return
        self._offer_text(body, (statement,), (table,), write.keyspace)

    def schema(self, write: SchemaChange) -> None:
        """A change of the schema, or a TRUNCATE, was made."""
        statement = write.statement
        self._schema(statement, _message(write), write.keyspace)

    def _schema(self, statement: Statement, body: bytes, keyspace: str | None) -> None:
        mirror = self._mirror
        if mirror is None or not self._schema_changes:
            return
        tables = tuple(qualified(table, keyspace) for table in statement.tables)
        if tables:
            verdict, table = of_schema_change(self.governor, tables)
            if verdict is not ALLOWED and self._refuses(verdict, table):
                return
        needed = keyspace if depends_on_keyspace(statement) else None
        mirror.offer(
            Mutation(
                _QUERY,
                body,
                offered=monotonic(),
                tables=tables,
                rules=self.governor.rules,
                keyspace=needed,
                schema=True,
            )
        )

    def _prepared_other(self, prepared: PreparedStatement, body: bytes) -> None:
        """A prepared text that is not one mutation: copied as the text that it is."""
        statement = prepared.statement
        at = 2 + len(execute_id(body, 0))
        text = len(prepared.text).to_bytes(4, "big") + prepared.text
        if statement.kind is Kind.BATCH:
            self._text_batch(statement, text + body[at:], prepared.keyspace)
        elif statement.kind in (Kind.SCHEMA, Kind.TRUNCATE):
            self._schema(statement, text + with_values_kept(body, at, ()), prepared.keyspace)

    # --- several statements -------------------------------------------------------------------

    def _text_batch(self, statement: Statement, body: bytes, keyspace: str | None) -> None:
        """BEGIN BATCH ... APPLY BATCH: rebuilt from the statements that may be copied."""
        kept: list[int] = []
        tables: dict[TableName, None] = {}
        for index, inner in enumerate(statement.statements):
            table = qualified(inner.tables[0], keyspace)
            verdict = self._verdict(inner, table, of_query(body, statement))
            if verdict is ALLOWED or not self._refuses(verdict, table):
                kept.append(index)
                tables[table] = None
        if not kept:
            return
        if len(kept) < len(statement.statements):
            body = reduced_text_batch(body, statement, kept)
        self._offer_text(body, [statement.statements[index] for index in kept], tuple(tables), keyspace)

    def batch(self, write: BatchWrite) -> None:
        """A BATCH was applied."""
        mirror = self._mirror
        if mirror is None:
            return
        body = _message(write)
        layout = batch(body, 0)
        kept: list[int] = []
        tables: dict[TableName, None] = {}
        for index, (entry, what) in enumerate(zip(layout.entries, write.entries, strict=True)):
            table = self._batch_entry(body, entry, what, write.keyspace)
            if table is not None:
                kept.append(index)
                tables[table] = None
        if not kept:
            return
        if len(kept) < len(layout.entries):
            body = batch_of(body, 0, layout, kept)
        prepared: list[PreparedStatement] = []
        texts: list[Statement] = []
        for index in kept:
            what = write.entries[index]
            if isinstance(what, PreparedStatement):
                prepared.append(what)
            else:
                texts.append(what)
        mirror.offer(
            Mutation(
                _BATCH,
                body,
                offered=monotonic(),
                tables=tuple(tables),
                rules=self.governor.rules,
                keyspace=write.keyspace if any(map(depends_on_keyspace, texts)) else None,
                prepared=prepared,
                repeatable=all(p.repeatable for p in prepared) and all(map(is_repeatable, texts)),
                in_turn=any(p.in_turn for p in prepared) or any(map(is_in_turn, texts)),
                conditional=any(p.conditional for p in prepared) or any(text.conditional for text in texts),
            )
        )

    def _batch_entry(
        self, body: bytes, entry: BatchEntry, what: PreparedStatement | Statement, keyspace: str | None
    ) -> TableName | None:
        """The table of one entry of a BATCH that may be copied; None when it is held back."""
        if isinstance(what, PreparedStatement):
            table = what.tables[0]
            verdict = prepared_scope(self.governor, what).decide(of_batch_entry(body, entry))
        elif what.tables:
            table = qualified(what.tables[0], keyspace)
            verdict = self._verdict(what, table, of_batch_entry(body, entry))
        else:
            self._metrics.count_filtered(UNCLASSIFIED, keyspace, None)
            return None
        if verdict is not ALLOWED and self._refuses(verdict, table):
            return None
        return table

    # --- the governor -------------------------------------------------------------------------

    def _verdict(self, statement: Statement, table: TableName, value_of: BoundValues) -> Verdict:
        scope = scope_of(self.governor, statement, table)
        return scope.verdict or scope.decide(value_of)

    def _refuses(self, verdict: Verdict, table: TableName) -> bool:
        """Whether a write is held back. Counts it, and what would be held back if the rules were enforced."""
        if not verdict.copy:
            self._metrics.count_filtered(verdict.reason, table.keyspace, table.table)
        elif verdict.would_hold:
            self._metrics.count_would_filter(verdict.reason, table.keyspace, table.table)
        return not verdict.copy

    def _offer_text(
        self,
        body: bytes,
        statements: Sequence[Statement],
        tables: tuple[TableName, ...],
        keyspace: str | None,
    ) -> None:
        """Offer a QUERY that consists of ``statements``."""
        assert self._mirror is not None
        self._mirror.offer(
            Mutation(
                _QUERY,
                body,
                offered=monotonic(),
                tables=tables,
                rules=self.governor.rules,
                keyspace=keyspace if any(map(depends_on_keyspace, statements)) else None,
                repeatable=all(map(is_repeatable, statements)),
                in_turn=any(map(is_in_turn, statements)),
                conditional=any(statement.conditional for statement in statements),
            )
        )


def _message(write: Write) -> bytes:
    """The request's body without its custom payload: the shadow is not sent it."""
    return write.body[after_custom_payload(write.body) :] if write.flags & _CUSTOM_PAYLOAD else write.body
