"""From a write to its copy: the governor is asked, and what it lets pass is made fit for the other cluster.

A copy carries the body that the answering cluster took, without its custom payload; a batch is copied
without the statements that the governor holds back, a conditional write without its conditions.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from time import monotonic

from cqlproxy.clock import WriteClock
from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.metrics import Metrics
from cqlproxy.mirror.mutation import Mutation
from cqlproxy.routing.bound_values import BoundValues, of_batch_entry, of_execute, of_query
from cqlproxy.routing.decided import decided_batch, decided_execute, decided_query
from cqlproxy.routing.scopes import of_schema_change, prepared_scope, qualified, scope_of
from cqlproxy.routing.text_batch import reduced_text_batch
from cqlproxy.routing.writes import BatchWrite, PreparedWrite, SchemaChange, Write
from cqlproxy.statements import (
    Kind,
    Statement,
    TableName,
    analyse,
    depends_on_keyspace,
    is_in_turn,
    is_repeatable,
)
from filters import ALLOWED, Governor, Verdict
from frame_codec import (
    BatchEntry,
    ConsistencyLevel,
    FrameFlag,
    Opcode,
    after_custom_payload,
    batch,
    batch_of,
    execute_id,
    positional_value,
    query_span,
    with_consistency,
    with_values_kept,
    with_write_time,
)

log = logging.getLogger(__name__)

_CUSTOM_PAYLOAD = int(FrameFlag.CUSTOM_PAYLOAD)
_QUERY = int(Opcode.QUERY)
_EXECUTE = int(Opcode.EXECUTE)
_BATCH = int(Opcode.BATCH)
_MUTATION = Kind.MUTATION

UNCLASSIFIED = "unclassified"
"""The reason for which a statement that is not understood is held back inside a batch."""


class Copies:
    """Decides what is copied: each method returns the copy of a write, None when there is none."""

    def __init__(
        self,
        *,
        governor: Governor,
        metrics: Metrics,
        clock: WriteClock,
        schema_changes: bool,
        consistency: ConsistencyLevel | None,
    ) -> None:
        """``consistency`` is that of all copies; None: each has its client's."""
        self.governor = governor
        self._clock = clock
        self._consistency = consistency
        self._metrics = metrics
        self._schema_changes = schema_changes

    # --- one statement ------------------------------------------------------------------------

    def prepared_together(self, writes: Sequence[PreparedWrite], now: float) -> list[Mutation | None]:
        """Of EXECUTEs that were answered at ``now``: what ``prepared`` gives for each."""
        # Hot path.
        rules = self.governor.rules
        as_it_is = self._consistency is None
        copies: list[Mutation | None] = []
        for write in writes:
            copy: Mutation | None = None
            try:
                prepared = write.prepared
                scope = prepared.scope
                if scope is None or scope.rules is not rules or write.flags or not as_it_is:
                    copy = self.prepared(write)
                elif scope.verdict is ALLOWED or (
                    # The one value that decides is bound by position, and allowed.
                    scope.only is not None
                    and (value := positional_value(write.body, prepared.parameters_at, scope.only[0]))
                    is not None
                    and scope.only[1](value) is None
                ):
                    copy = Mutation(
                        _EXECUTE,
                        write.body,
                        now,
                        prepared.tables,
                        rules,
                        (prepared,),
                        prepared.repeatable,
                        prepared.in_turn,
                        prepared.expires,
                    )
                else:
                    copy = self.prepared(write)
            except Exception:
                log.exception("a bug of the proxy: a write is not copied")
            copies.append(copy)
        return copies

    def prepared(self, write: PreparedWrite) -> Mutation | None:
        """Of an EXECUTE."""
        prepared = write.prepared
        body = _message(write)
        if prepared.statement.kind is not _MUTATION:
            return self._prepared_other(prepared, body)
        scope = prepared_scope(self.governor, prepared)
        verdict = scope.verdict or scope.decide(of_execute(body, prepared))
        if verdict is not ALLOWED and self._refuses(verdict, prepared.tables[0]):
            return None
        if prepared.conditional:
            found = decided_execute(body, prepared)
            if found is None:
                self._not_understood(prepared.tables[0])
                return None
            body, prepared = found
            body = self._stamped(_EXECUTE, body)
        if self._consistency is not None:
            body = with_consistency(body, _EXECUTE, self._consistency)
        return Mutation(
            _EXECUTE,
            body,
            offered=monotonic(),
            tables=prepared.tables,
            rules=scope.rules,
            prepared=(prepared,),
            repeatable=prepared.repeatable,
            in_turn=prepared.in_turn,
            expires=prepared.expires,
        )

    def text(self, write: Write) -> Mutation | None:
        """Of a QUERY that is a mutation, or a text batch."""
        statement = write.statement
        body = _message(write)
        if statement.kind is Kind.BATCH:
            return self._text_batch(statement, body, write.keyspace)
        table = qualified(statement.tables[0], write.keyspace)
        verdict = self._verdict(statement, table, of_query(body, statement))
        if verdict is not ALLOWED and self._refuses(verdict, table):
            return None
        return self._of_text(body, statement, (table,), write.keyspace, statement.conditional)

    def texts_together(self, writes: Sequence[Write], now: float) -> list[Mutation | None]:
        """Of QUERYs that were answered at ``now``, none conditional: what ``text`` gives for each."""
        # Hot path.
        governor = self.governor
        rules = governor.rules
        as_it_is = self._consistency is None
        copies: list[Mutation | None] = []
        for write in writes:
            copy: Mutation | None = None
            try:
                statement = write.statement
                tables = statement.tables
                if (
                    as_it_is
                    and not write.flags
                    and statement.kind is _MUTATION
                    and tables[0].keyspace is not None
                    and scope_of(governor, statement, tables[0]).verdict is ALLOWED
                ):
                    copy = Mutation(
                        _QUERY,
                        write.body,
                        now,
                        tables,
                        rules,
                        (),
                        is_repeatable(statement),
                        is_in_turn(statement),
                        statement.sets_ttl,
                    )
                else:
                    copy = self.text(write)
            except Exception:
                log.exception("a bug of the proxy: a write is not copied")
            copies.append(copy)
        return copies

    def schema(self, write: SchemaChange) -> Mutation | None:
        """Of a change of the schema, or a TRUNCATE."""
        statement = write.statement
        return self._schema(statement, _message(write), write.keyspace)

    def _schema(self, statement: Statement, body: bytes, keyspace: str | None) -> Mutation | None:
        if not self._schema_changes:
            return None
        tables = tuple(qualified(table, keyspace) for table in statement.tables)
        if tables:
            verdict, table = of_schema_change(self.governor, tables)
            if verdict is not ALLOWED and self._refuses(verdict, table):
                return None
        needed = keyspace if depends_on_keyspace(statement) else None
        return Mutation(
            _QUERY,
            body,
            offered=monotonic(),
            tables=tables,
            rules=self.governor.rules,
            keyspace=needed,
            schema=True,
        )

    def _prepared_other(self, prepared: PreparedStatement, body: bytes) -> Mutation | None:
        """A prepared text that is not one mutation: copied as the text that it is."""
        statement = prepared.statement
        at = 2 + len(execute_id(body, 0))
        text = len(prepared.text).to_bytes(4, "big") + prepared.text
        if statement.kind is Kind.BATCH:
            return self._text_batch(statement, text + body[at:], prepared.keyspace)
        if statement.kind in (Kind.SCHEMA, Kind.TRUNCATE):
            return self._schema(statement, text + with_values_kept(body, at, ()), prepared.keyspace)
        return None

    # --- several statements -------------------------------------------------------------------

    def _text_batch(self, statement: Statement, body: bytes, keyspace: str | None) -> Mutation | None:
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
            return None
        conditional = statement.conditional
        if len(kept) < len(statement.statements):
            body = reduced_text_batch(body, statement, kept)
            statement = _analysed(body)
        return self._of_text(body, statement, tuple(tables), keyspace, conditional)

    def batch(self, write: BatchWrite) -> Mutation | None:
        """Of a BATCH."""
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
            return None
        entries = [write.entries[index] for index in kept]
        if len(kept) < len(layout.entries):
            body = batch_of(body, 0, layout, kept)
        if any(what.conditional for what in entries):
            found = decided_batch(body, batch(body, 0), entries, _analyse)
            if found is None:
                self._not_understood(next(iter(tables)))
                return None
            body, entries = found
        if write.is_conditional():
            body = self._stamped(_BATCH, body)
        if self._consistency is not None:
            body = with_consistency(body, _BATCH, self._consistency)
        prepared: list[PreparedStatement] = []
        texts: list[Statement] = []
        for what in entries:
            if isinstance(what, PreparedStatement):
                prepared.append(what)
            else:
                texts.append(what)
        return Mutation(
            _BATCH,
            body,
            offered=monotonic(),
            tables=tuple(tables),
            rules=self.governor.rules,
            keyspace=write.keyspace if any(map(depends_on_keyspace, texts)) else None,
            prepared=prepared,
            repeatable=all(p.repeatable for p in prepared) and all(map(is_repeatable, texts)),
            in_turn=any(p.in_turn for p in prepared) or any(map(is_in_turn, texts)),
            expires=any(p.expires for p in prepared) or any(text.sets_ttl for text in texts),
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

    def _of_text(
        self,
        body: bytes,
        statement: Statement,
        tables: tuple[TableName, ...],
        keyspace: str | None,
        conditional: bool,
    ) -> Mutation | None:
        """The copy of a QUERY that is a mutation or a text batch.

        ``conditional`` tells of the write as the cluster got it, with the statements that are held back.
        """
        if statement.conditional:
            decided = decided_query(body, statement)
            if decided is None:
                self._not_understood(tables[0])
                return None
            body = decided
            statement = _analysed(body)
        if conditional:
            body = self._stamped(_QUERY, body)
        if self._consistency is not None:
            body = with_consistency(body, _QUERY, self._consistency)
        return Mutation(
            _QUERY,
            body,
            offered=monotonic(),
            tables=tables,
            rules=self.governor.rules,
            keyspace=keyspace if depends_on_keyspace(statement) else None,
            repeatable=is_repeatable(statement),
            in_turn=is_in_turn(statement),
            expires=statement.sets_ttl,
        )

    def _stamped(self, opcode: int, body: bytes) -> bytes:
        """A conditional write's copy with a write time: servers give the original their own.

        It is taken when the answer is there, so that whoever writes after it has a later one.
        """
        return with_write_time(body, opcode, self._clock.next())

    def _not_understood(self, table: TableName) -> None:
        """A write that was applied, and whose copy cannot be made: counted, so that it can be looked for."""
        self._metrics.count_filtered(UNCLASSIFIED, table.keyspace, table.table)


def _analyse(text: bytes) -> Statement:
    return analyse(text.decode())


def _analysed(body: bytes) -> Statement:
    """What the text of a QUERY does."""
    start, end = query_span(body, 0)
    return analyse(body[start:end].decode())


def _message(write: Write) -> bytes:
    """The request's body without its custom payload: the shadow is not sent it."""
    return write.body[after_custom_payload(write.body) :] if write.flags & _CUSTOM_PAYLOAD else write.body
