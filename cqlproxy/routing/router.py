"""What a client's request is, and so how it is served and what follows from it.

A body is changed in few cases only: a mutation without a write time gets one, functions whose value differs
from call to call are evaluated once for both clusters, an EXECUTE whose result columns have changed since
its client learnt them asks for them again, a paging state is taken to the cluster that gave it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from time import monotonic

from cqlproxy.clock import WriteClock
from cqlproxy.cluster.keyspaces import KeyspaceUnavailableError
from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.logs import EVENT
from cqlproxy.metrics import PROXY, Metrics
from cqlproxy.routing.aftermath import Aftermath
from cqlproxy.routing.copies import Copies
from cqlproxy.routing.evaluated import (
    Evaluated,
    Evaluator,
    evaluated_batch,
    evaluated_execute,
    evaluated_query,
)
from cqlproxy.routing.exchange import Exchange, Prepare, Use
from cqlproxy.routing.first_seen import FirstSeen
from cqlproxy.routing.paging import unmarked_page
from cqlproxy.routing.peer import ClientPeer
from cqlproxy.routing.reads import PLAIN_READS, PreparedRead, PreparedSystemRead, Read, Reads, SystemRead
from cqlproxy.routing.route import Manner, Route
from cqlproxy.routing.sender import Sender
from cqlproxy.routing.topology_reads import is_topology_read
from cqlproxy.routing.usual import UsualExecutes
from cqlproxy.routing.usual_texts import UsualTexts
from cqlproxy.routing.writes import BatchWrite, PreparedWrite, SchemaChange, Together, Write
from cqlproxy.statements import Kind, Statement, StatementCache
from cqlproxy.statements.showing import shown
from frame_codec import (
    BatchKind,
    ConsistencyLevel,
    ErrorCode,
    ErrorResponse,
    Frame,
    FrameFlag,
    Opcode,
    PlainError,
    ProtocolError,
    QueryFlag,
    SetKeyspace,
    Unavailable,
    Unprepared,
    after_custom_payload,
    batch,
    consistency_offset,
    execute_id,
    query_span,
    with_timestamp,
    without_flag,
)

log = logging.getLogger(__name__)

_CUSTOM_PAYLOAD = int(FrameFlag.CUSTOM_PAYLOAD)
_PASSED_ON = int(FrameFlag.TRACING | FrameFlag.CUSTOM_PAYLOAD)
_DEFAULT_TIMESTAMP = int(QueryFlag.DEFAULT_TIMESTAMP)
_SKIP_METADATA = int(QueryFlag.SKIP_METADATA)
_PAGING_STATE = int(QueryFlag.PAGING_STATE)
_BESIDE = Manner.BESIDE
_RESULT = int(Opcode.RESULT)
_EXECUTE = int(Opcode.EXECUTE)
_QUERY = int(Opcode.QUERY)
_BATCH = int(Opcode.BATCH)
_PREPARE = int(Opcode.PREPARE)


Handle = Callable[[ClientPeer, Sequence[Frame], float], int]
"""Handles the first of a client's requests that came together; how many they were."""


class Router:
    """Handles the requests of all clients.

    ``copies`` says what is to be copied of a write, ``reads`` makes the reads. ``sender`` sends them
    all; None: one of its own does.
    """

    def __init__(
        self,
        *,
        statements: StatementCache,
        copies: Copies,
        clock: WriteClock,
        metrics: Metrics,
        reads: Reads = PLAIN_READS,
        sender: Sender | None = None,
    ) -> None:
        self._text_read, self._prepared_read = reads
        self._statements = statements
        self._clock = clock
        self._metrics = metrics
        self._evaluator = Evaluator()
        self._unclassified_seen = FirstSeen()
        self._sender = Sender(metrics) if sender is None else sender
        self._send = self._sender.send
        self._send_text = self._sender.send_text
        self._steps = Aftermath(copies=copies, sender=self._sender, metrics=metrics)
        self._usual_executes = UsualExecutes(
            steps=self._steps, sender=self._sender, reads=reads, clock=clock, metrics=metrics
        )
        self.executes: Handle = self._usual_executes.handle
        self._usual_texts = UsualTexts(
            statements=statements, steps=self._steps, sender=self._sender, clock=clock, metrics=metrics
        )
        self.texts: Handle = self._usual_texts.handle

    def use_reads(self, reads: Reads) -> None:
        """Make reads with these from now on; those under way end as they began."""
        self._text_read, self._prepared_read = reads
        self._usual_executes.use_reads(reads)

    # --- requests -----------------------------------------------------------------------------

    def execute(self, client: ClientPeer, stream: int, flags: int, body: bytes, now: float) -> None:
        """EXECUTE (spec section 4.1.6)."""
        at = after_custom_payload(body) if flags & _CUSTOM_PAYLOAD else 0
        prepared_id = execute_id(body, at)
        route = client.route
        prepared = route.prepared.get(prepared_id)
        if prepared is None:
            self._unknown_id(client, stream, prepared_id)
            return
        prepared.used = True
        side = route.side
        flags_at = at + len(prepared_id) + 4
        if flags_at >= len(body):
            raise ProtocolError("Truncated message: the body ends before the query flags")
        query_flags = body[flags_at]
        if prepared.metadata_changed[side] and query_flags & _SKIP_METADATA:
            if prepared.outdated(side):
                route.prepared.withdraw(prepared)
                self._unknown_id(client, stream, prepared_id)
                return
            body = without_flag(body, flags_at, _SKIP_METADATA)
        exchange: PreparedWrite | PreparedRead
        if prepared.writes:
            self._metrics.writes_total += 1
            if prepared.has_functions and route.mirror is not None:
                evaluated = evaluated_execute(body, at, prepared, self._evaluator)
                if evaluated is not None:
                    self._execute_evaluated(client, stream, flags, evaluated, prepared, now)
                    return
            if prepared.stamped and not query_flags & _DEFAULT_TIMESTAMP and route.stamps:
                body = with_timestamp(body, flags_at, self._clock.next())
            exchange = PreparedWrite(self._steps, client, stream, flags & _PASSED_ON, _EXECUTE, body, now)
        elif prepared.plain_read:
            self._metrics.reads_total += 1
            if query_flags & _PAGING_STATE and route.marks_pages:
                self._next_page(client, stream, flags, body, flags_at, prepared, now)
                return
            exchange = self._prepared_read(
                self._steps, client, stream, flags & _PASSED_ON, _EXECUTE, body, now
            )
        else:
            self._execute_other(client, stream, flags, body, flags_at, prepared, now)
            return
        exchange.prepared = prepared
        self._execute_further(exchange, flags_at - 2)

    def _execute_further(self, exchange: PreparedWrite | PreparedRead, parameters_at: int) -> None:
        """EXECUTE with what is not there most of the time: another id, another cluster at the same time."""
        route = exchange.route
        prepared = exchange.prepared
        if isinstance(exchange, PreparedWrite):
            self._write_beside(exchange)
        if prepared.ids[route.side] is None:
            self._sender.prepare_and_send(exchange)
            return
        connection = route.backend.pick_for(prepared, exchange.body, parameters_at)
        self._send(exchange, connection, exchange.wire())

    def _execute_evaluated(
        self,
        client: ClientPeer,
        stream: int,
        flags: int,
        evaluated: Evaluated,
        original: PreparedStatement,
        now: float,
    ) -> None:
        """EXECUTE with values for the functions in it: of another statement, or as the text that it is."""
        body, prepared = evaluated.body, evaluated.prepared
        start = after_custom_payload(body) if flags & _CUSTOM_PAYLOAD else 0
        at = consistency_offset(body, evaluated.opcode, start)
        if not original.conditional:
            body = self._stamped(client.route, body, at + 2)
        if prepared is not None:
            execute = PreparedWrite(self._steps, client, stream, flags & _PASSED_ON, _EXECUTE, body, now)
            execute.prepared = prepared
            self._execute_further(execute, at)
            return
        write = Write(self._steps, client, stream, flags & _PASSED_ON, _QUERY, body, now)
        text_start, text_end = query_span(body, start)
        write.statement = self._statements.analyse(body[text_start:text_end])
        write.keyspace = original.keyspace
        self._write_beside(write)
        self._send_text(write, original.stands_in)

    def _next_page(
        self,
        client: ClientPeer,
        stream: int,
        flags: int,
        body: bytes,
        flags_at: int,
        prepared: PreparedStatement,
        now: float,
    ) -> None:
        """A read goes on where it began, whatever the mode is by now."""
        route = client.route
        body, began_on = unmarked_page(body, flags_at - 2)
        read = self._prepared_read(self._steps, client, stream, flags & _PASSED_ON, _EXECUTE, body, now)
        read.prepared = prepared
        if began_on is not None and began_on is not route.side:
            if route.elsewhere is None:
                read.unsent(full=False)
                return
            read.route = route.elsewhere
            if prepared.metadata_changed[began_on]:
                read.body = without_flag(body, flags_at, _SKIP_METADATA)
        self._execute_further(read, flags_at - 2)

    def _execute_other(
        self,
        client: ClientPeer,
        stream: int,
        flags: int,
        body: bytes,
        flags_at: int,
        prepared: PreparedStatement,
        now: float,
    ) -> None:
        """EXECUTE of what is neither a mutation nor a read of the application's tables."""
        statement = prepared.statement
        if statement.kind is Kind.USE:
            self._use(client, stream, flags, b"", statement, now)
            return
        if prepared.system_table:
            self._metrics.reads_total += 1
            if body[flags_at] & _SKIP_METADATA:
                body = without_flag(body, flags_at, _SKIP_METADATA)
            read = PreparedSystemRead(self._steps, client, stream, flags & _PASSED_ON, _EXECUTE, body, now)
            read.prepared = prepared
            self._send_text(read, None)
            return
        if statement.kind is Kind.UNKNOWN:
            self._unclassified(prepared.text)
        write = PreparedWrite(self._steps, client, stream, flags & _PASSED_ON, _EXECUTE, body, now)
        write.prepared = prepared
        self._metrics.writes_total += 1
        self._write_beside(write)
        # DESCRIBE looks at the keyspace that is in use when it is executed.
        self._send_text(write, client.keyspace)

    def query(self, client: ClientPeer, stream: int, flags: int, body: bytes, now: float) -> None:
        """QUERY (spec section 4.1.4)."""
        at = after_custom_payload(body) if flags & _CUSTOM_PAYLOAD else 0
        start, end = query_span(body, at)
        text = body[start:end]
        analysed, statement = self._usual_texts.left
        if text != analysed:
            statement = self._statements.analyse(text)
        passed_flags = flags & _PASSED_ON
        kind = statement.kind
        exchange: Exchange
        if kind is Kind.MUTATION or kind is Kind.BATCH:
            self._metrics.writes_total += 1
            if statement.functions and client.route.mirror is not None:
                evaluated = evaluated_query(body, at, statement, self._evaluator)
                if evaluated is not None:
                    body = evaluated
                    start, end = query_span(body, at)
                    statement = self._statements.analyse(body[start:end])
            if not statement.conditional:
                body = self._stamped(client.route, body, end + 2)
            write = Write(self._steps, client, stream, passed_flags, _QUERY, body, now)
            write.statement = statement
            write.keyspace = client.keyspace
            self._write_beside(write)
            exchange = write
        elif kind is Kind.READ:
            self._metrics.reads_total += 1
            if is_topology_read(statement, client.keyspace):
                exchange = SystemRead(self._steps, client, stream, passed_flags, _QUERY, body, now)
                exchange.statement = statement
            else:
                exchange = self._read(client, stream, passed_flags, body, end, now)
        elif kind is Kind.SCHEMA or kind is Kind.TRUNCATE:
            self._metrics.writes_total += 1
            change = SchemaChange(self._steps, client, stream, passed_flags, _QUERY, body, now)
            change.statement = statement
            change.keyspace = client.keyspace
            change.together = None
            exchange = change
        elif kind is Kind.USE:
            self._use(client, stream, flags, body, statement, now)
            return
        else:
            if kind is Kind.UNKNOWN:
                self._unclassified(body[start:end])
            exchange = Exchange(self._steps, client, stream, passed_flags, _QUERY, body, now)
        self._send_text(exchange, client.keyspace)

    def _read(
        self, client: ClientPeer, stream: int, flags: int, body: bytes, parameters_at: int, now: float
    ) -> Read:
        route = client.route
        began_on = None
        if route.marks_pages and parameters_at + 2 < len(body) and body[parameters_at + 2] & _PAGING_STATE:
            body, began_on = unmarked_page(body, parameters_at)
        read = self._text_read(self._steps, client, stream, flags, _QUERY, body, now)
        if began_on is not None and began_on is not route.side and route.elsewhere is not None:
            read.route = route.elsewhere
        return read

    def prepare(self, client: ClientPeer, stream: int, flags: int, body: bytes, now: float) -> None:
        """PREPARE (spec section 4.1.5)."""
        at = after_custom_payload(body) if flags & _CUSTOM_PAYLOAD else 0
        start, end = query_span(body, at)
        exchange = Prepare(self._steps, client, stream, flags & _PASSED_ON, _PREPARE, body, now)
        exchange.text = body[start:end]
        exchange.statement = self._statements.analyse(exchange.text)
        exchange.keyspace = client.keyspace
        if exchange.statement.kind is Kind.UNKNOWN:
            self._unclassified(exchange.text)
        self._send_text(exchange, client.keyspace)

    def batch(self, client: ClientPeer, stream: int, flags: int, body: bytes, now: float) -> None:
        """BATCH (spec section 4.1.7)."""
        at = after_custom_payload(body) if flags & _CUSTOM_PAYLOAD else 0
        layout = batch(body, at)
        entries: list[PreparedStatement | Statement] = []
        for entry in layout.entries:
            if entry.kind == BatchKind.PREPARED:
                prepared = client.route.prepared.get(entry.id)
                if prepared is None:
                    self._unknown_id(client, stream, entry.id)
                    return
                prepared.used = True
                entries.append(prepared)
            else:
                start, end = entry.text
                statement = self._statements.analyse(body[start:end])
                if statement.kind is Kind.UNKNOWN:
                    self._unclassified(body[start:end])
                entries.append(statement)
        self._metrics.writes_total += 1
        if client.route.mirror is not None and any(map(_has_functions, entries)):
            evaluated = evaluated_batch(
                body, at, layout, entries, client.keyspace, self._statements.analyse, self._evaluator
            )
            if evaluated is not None:
                body, entries = evaluated
                layout = batch(body, at)
        exchange = BatchWrite(self._steps, client, stream, flags & _PASSED_ON, _BATCH, body, now)
        exchange.entries = entries
        exchange.keyspace = client.keyspace
        if not exchange.is_conditional():
            exchange.body = self._stamped(client.route, body, layout.flags_offset)
        self._write_beside(exchange)
        self._send_text(exchange, client.keyspace)

    def _use(
        self, client: ClientPeer, stream: int, flags: int, body: bytes, statement: Statement, now: float
    ) -> None:
        """USE never reaches a shared connection; the first of a keyspace opens connections in it."""
        keyspace = statement.use_keyspace or ""
        connection = client.route.backend.keyspaces.pick(keyspace) if body else None
        if connection is None:
            self._sender.supervisor.start(self._open_for_use(client, stream, keyspace), "USE")
            return
        exchange = Use(self._steps, client, stream, flags & _PASSED_ON, _QUERY, body, now)
        exchange.keyspace = keyspace
        self._send(exchange, connection, body)

    async def _open_for_use(self, client: ClientPeer, stream: int, keyspace: str) -> None:
        try:
            await client.route.backend.keyspaces.open(keyspace)
        except KeyspaceUnavailableError as unavailable:
            error: ErrorResponse = Unavailable(str(unavailable), ConsistencyLevel.ONE, 1, 0)
            if unavailable.too_many:
                self._metrics.keyspaces_refused += 1
                error = PlainError(str(unavailable), ErrorCode.OVERLOADED)
            if unavailable.answer is None:
                self._steps.error_given(PROXY, error.code)
            client.reply(stream, 0, Opcode.ERROR, unavailable.answer or error.encode(client.version))
            return
        client.keyspace = keyspace
        client.reply(stream, 0, Opcode.RESULT, SetKeyspace(keyspace).encode(client.version))

    # --- prepared statements ------------------------------------------------------------------

    def _unknown_id(self, client: ClientPeer, stream: int, prepared_id: bytes) -> None:
        """The driver prepares again when it is told so; afterwards the id is known here, too."""
        error = Unprepared(f"Prepared query with ID {prepared_id.hex()} not found", prepared_id)
        self._steps.error_given(PROXY, error.code)
        client.reply(stream, 0, Opcode.ERROR, error.encode(client.version))

    def _write_beside(self, write: Write) -> None:
        """In a mode that waits for both clusters: send the copy now, unless it depends on this one's word."""
        if write.route.manner is not _BESIDE:
            return
        write.together = None
        if write.goes_alone():
            return
        mutation = write.mutation()
        if mutation is not None:
            write.together = Together(write)
            assert write.route.mirror is not None
            write.route.mirror.deliver(mutation, write.together.copied)

    # --- the rest -----------------------------------------------------------------------------

    def _stamped(self, route: Route, body: bytes, flags_at: int) -> bytes:
        """The body with a write time of ours, unless the client gave one."""
        if flags_at >= len(body):
            raise ProtocolError("Truncated message: the body ends before the query flags")
        if body[flags_at] & _DEFAULT_TIMESTAMP or not route.stamps:
            return body
        return with_timestamp(body, flags_at, self._clock.next())

    def _unclassified(self, text: bytes) -> None:
        self._metrics.unclassified_statements += 1
        if self._unclassified_seen.is_first(text, monotonic()):
            # In the message itself, so that one text does not hide the next (see cqlproxy.logs).
            log.warning(
                f"a statement is not understood, so it goes to the primary and is not copied:"
                f" {shown(text.decode('utf-8', 'replace'), 200)}",
                extra={EVENT: "a statement is not understood, so it is not copied; the log has its text"},
            )

    async def stop(self) -> None:
        await self._sender.stop()


def _has_functions(what: PreparedStatement | Statement) -> bool:
    return bool((what.statement if isinstance(what, PreparedStatement) else what).functions)
