"""Which cluster answers a request, on which connection, and what is rewritten on the way.

A body is changed in three cases only: a mutation without a write time gets one, an EXECUTE whose result
columns have changed since its client learnt them asks for them again, and reads that tell of nodes.
"""

from __future__ import annotations

import logging
from time import monotonic

from cqlproxy.clock import WriteClock
from cqlproxy.cluster.backend import Backend
from cqlproxy.cluster.driver import RawConnection
from cqlproxy.cluster.keyspaces import KeyspaceUnavailableError
from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.cluster.request import NoAnswerError
from cqlproxy.cluster.side import Side
from cqlproxy.metrics import Metrics
from cqlproxy.routing.copies import Copies
from cqlproxy.routing.exchange import (
    BatchWrite,
    Exchange,
    Prepare,
    PreparedRead,
    PreparedSystemRead,
    PreparedWrite,
    Read,
    SchemaChange,
    SystemRead,
    Use,
    Write,
)
from cqlproxy.routing.first_seen import FirstSeen
from cqlproxy.routing.peer import ClientPeer
from cqlproxy.routing.topology_reads import is_topology_read
from cqlproxy.statements import Kind, Statement, StatementCache
from cqlproxy.supervision import Supervisor
from frame_codec import (
    BatchKind,
    ConsistencyLevel,
    ErrorResponse,
    FrameFlag,
    Opcode,
    Prepared,
    ProtocolError,
    QueryFlag,
    SetKeyspace,
    Unavailable,
    Unprepared,
    after_custom_payload,
    batch,
    decode_result,
    execute_id,
    query_span,
    response_start,
    with_timestamp,
    without_flag,
)

log = logging.getLogger(__name__)

_CUSTOM_PAYLOAD = int(FrameFlag.CUSTOM_PAYLOAD)
_PASSED_ON = int(FrameFlag.TRACING | FrameFlag.CUSTOM_PAYLOAD)
_DEFAULT_TIMESTAMP = int(QueryFlag.DEFAULT_TIMESTAMP)
_SKIP_METADATA = int(QueryFlag.SKIP_METADATA)
_RESULT = int(Opcode.RESULT)
_EXECUTE = int(Opcode.EXECUTE)
_QUERY = int(Opcode.QUERY)
_BATCH = int(Opcode.BATCH)
_PREPARE = int(Opcode.PREPARE)


class Router:
    """Routes the requests of all clients. ``copies`` is where applied mutations go afterwards."""

    def __init__(
        self,
        *,
        statements: StatementCache,
        copies: Copies,
        clock: WriteClock,
        metrics: Metrics,
        pin_timestamps: bool,
    ) -> None:
        self.copies = copies
        self._statements = statements
        self._clock = clock
        self._metrics = metrics
        self._pin_timestamps = pin_timestamps
        self._unclassified_seen = FirstSeen()
        self._supervisor = Supervisor()

    # --- requests -----------------------------------------------------------------------------

    def execute(self, client: ClientPeer, stream: int, flags: int, body: bytes, now: float) -> None:
        """EXECUTE (spec section 4.1.6)."""
        # Hot path.
        at = after_custom_payload(body) if flags & _CUSTOM_PAYLOAD else 0
        prepared_id = execute_id(body, at)
        prepared = client.backend.prepared.get(prepared_id)
        if prepared is None:
            self._unknown_id(client, stream, prepared_id)
            return
        prepared.used = True
        flags_at = at + len(prepared_id) + 4
        if flags_at >= len(body):
            raise ProtocolError("Truncated message: the body ends before the query flags")
        query_flags = body[flags_at]
        if prepared.metadata_changed[0] and query_flags & _SKIP_METADATA:
            body = without_flag(body, flags_at, _SKIP_METADATA)
        exchange: PreparedWrite | PreparedRead
        if prepared.writes:
            self._metrics.writes_total += 1
            if prepared.stamped and not query_flags & _DEFAULT_TIMESTAMP and self._pin_timestamps:
                body = with_timestamp(body, flags_at, self._clock.next())
            exchange = PreparedWrite(self, client, stream, flags & _PASSED_ON, _EXECUTE, body, now)
            exchange.statement = prepared.statement
            exchange.keyspace = prepared.keyspace
        elif prepared.plain_read:
            self._metrics.reads_total += 1
            exchange = PreparedRead(self, client, stream, flags & _PASSED_ON, _EXECUTE, body, now)
        else:
            self._execute_other(client, stream, flags, body, flags_at, prepared, now)
            return
        exchange.prepared = prepared
        self._send(exchange, client.backend.pick_for(prepared, body, flags_at - 2))

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
            read = PreparedSystemRead(self, client, stream, flags & _PASSED_ON, _EXECUTE, body, now)
            read.prepared = prepared
            self._send(read, client.backend.pick())
            return
        if statement.kind is Kind.UNKNOWN:
            self._unclassified(prepared.text)
        write = PreparedWrite(self, client, stream, flags & _PASSED_ON, _EXECUTE, body, now)
        write.prepared = prepared
        write.statement = statement
        write.keyspace = prepared.keyspace
        self._metrics.writes_total += 1
        # DESCRIBE looks at the keyspace that is in use when it is executed.
        self._send_text(write, client.keyspace)

    def query(self, client: ClientPeer, stream: int, flags: int, body: bytes, now: float) -> None:
        """QUERY (spec section 4.1.4)."""
        at = after_custom_payload(body) if flags & _CUSTOM_PAYLOAD else 0
        start, end = query_span(body, at)
        statement = self._statements.analyse(body[start:end])
        passed_flags = flags & _PASSED_ON
        kind = statement.kind
        exchange: Exchange
        if kind is Kind.MUTATION or kind is Kind.BATCH:
            self._metrics.writes_total += 1
            if not statement.conditional:
                body = self._stamped(body, end + 2)
            write = Write(self, client, stream, passed_flags, _QUERY, body, now)
            write.statement = statement
            write.keyspace = client.keyspace
            exchange = write
        elif kind is Kind.READ:
            self._metrics.reads_total += 1
            if is_topology_read(statement, client.keyspace):
                exchange = SystemRead(self, client, stream, passed_flags, _QUERY, body, now)
                exchange.statement = statement
            else:
                exchange = Read(self, client, stream, passed_flags, _QUERY, body, now)
        elif kind is Kind.SCHEMA or kind is Kind.TRUNCATE:
            self._metrics.writes_total += 1
            change = SchemaChange(self, client, stream, passed_flags, _QUERY, body, now)
            change.statement = statement
            change.keyspace = client.keyspace
            exchange = change
        elif kind is Kind.USE:
            self._use(client, stream, flags, body, statement, now)
            return
        else:
            if kind is Kind.UNKNOWN:
                self._unclassified(body[start:end])
            exchange = Exchange(self, client, stream, passed_flags, _QUERY, body, now)
        self._send_text(exchange, client.keyspace)

    def prepare(self, client: ClientPeer, stream: int, flags: int, body: bytes, now: float) -> None:
        """PREPARE (spec section 4.1.5)."""
        at = after_custom_payload(body) if flags & _CUSTOM_PAYLOAD else 0
        start, end = query_span(body, at)
        exchange = Prepare(self, client, stream, flags & _PASSED_ON, _PREPARE, body, now)
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
                prepared = client.backend.prepared.get(entry.id)
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
        exchange = BatchWrite(self, client, stream, flags & _PASSED_ON, _BATCH, body, now)
        exchange.entries = entries
        exchange.keyspace = client.keyspace
        if not exchange.is_conditional():
            exchange.body = self._stamped(body, layout.flags_offset)
        self._send_text(exchange, client.keyspace)

    def _use(
        self, client: ClientPeer, stream: int, flags: int, body: bytes, statement: Statement, now: float
    ) -> None:
        """USE never reaches a shared connection; the first of a keyspace opens connections in it."""
        keyspace = statement.use_keyspace or ""
        connection = client.backend.keyspaces.pick(keyspace) if body else None
        if connection is None:
            self._supervisor.start(self._open_for_use(client, stream, keyspace), "USE")
            return
        exchange = Use(self, client, stream, flags & _PASSED_ON, _QUERY, body, now)
        exchange.keyspace = keyspace
        self._send(exchange, connection)

    async def _open_for_use(self, client: ClientPeer, stream: int, keyspace: str) -> None:
        try:
            await client.backend.keyspaces.open(keyspace)
        except KeyspaceUnavailableError as unavailable:
            error = Unavailable(str(unavailable), ConsistencyLevel.ONE, 1, 0)
            client.reply(stream, 0, Opcode.ERROR, unavailable.answer or error.encode(client.version))
            return
        client.keyspace = keyspace
        client.reply(stream, 0, Opcode.RESULT, SetKeyspace(keyspace).encode(client.version))

    # --- sending ------------------------------------------------------------------------------

    def _send(self, exchange: Exchange, connection: RawConnection | None) -> None:
        # Hot path.
        client = exchange.client
        backend = client.backend
        deadline = exchange.started + backend.request_timeout
        if connection is not None and connection.send(
            exchange, exchange.flags, exchange.opcode, exchange.body, deadline
        ):
            if connection.congested:
                client.hold(connection)
            return
        self._send_elsewhere(exchange, connection, deadline)

    def _send_elsewhere(self, exchange: Exchange, tried: RawConnection | None, deadline: float) -> None:
        """The chosen connection is closed or has no free stream id: any other will do, once around."""
        backend = exchange.client.backend
        if tried is None or tried.pool is not None:
            for _ in range(backend.width):
                connection = backend.pick()
                if connection is not None and connection.send(
                    exchange, exchange.flags, exchange.opcode, exchange.body, deadline
                ):
                    return
        exchange.unsent(full=backend.ready)

    def _send_text(self, exchange: Exchange, keyspace: str | None) -> None:
        """A text, or a batch of them, must run where its unqualified names mean what the client means."""
        backend = exchange.client.backend
        if keyspace is None:
            self._send(exchange, backend.pick())
            return
        connection = backend.keyspaces.pick(keyspace)
        if connection is None and backend.ready:
            self._supervisor.start(self._open_and_send(exchange, keyspace), "keyspace connection")
            return
        self._send(exchange, connection)

    async def _open_and_send(self, exchange: Exchange, keyspace: str) -> None:
        try:
            connection = await exchange.client.backend.keyspaces.open(keyspace)
        except KeyspaceUnavailableError as unavailable:
            if unavailable.answer is None:
                exchange.unsent(full=False)
            else:
                exchange.refuse(ErrorResponse.decode(unavailable.answer, exchange.client.version))
            return
        self._send(exchange, connection)

    def send_again(self, exchange: Exchange) -> None:
        """The connection was lost under a read: it goes once to the next node."""
        keyspace = exchange.client.keyspace if exchange.opcode != _EXECUTE else None
        if isinstance(exchange, Prepare):
            keyspace = exchange.keyspace
        self._send_text(exchange, keyspace)

    # --- prepared statements ------------------------------------------------------------------

    def _unknown_id(self, client: ClientPeer, stream: int, prepared_id: bytes) -> None:
        """The driver prepares again when it is told so; afterwards the id is known here, too."""
        error = Unprepared(f"Prepared query with ID {prepared_id.hex()} not found", prepared_id)
        client.reply(stream, 0, Opcode.ERROR, error.encode(client.version))

    def statement_prepared(self, exchange: Prepare, body: bytes, at: int) -> None:
        """Remember what a PREPARE of a client was answered with."""
        try:
            prepared = decode_result(body, exchange.client.version, at)
        except ProtocolError as error:
            log.error("the answer to a PREPARE could not be read", extra={"error": error.message})
            return
        if not isinstance(prepared, Prepared):
            return
        registry = exchange.client.backend.prepared
        known = registry.get(prepared.id)
        if known is not None and known.keyspace == exchange.keyspace:
            known.told(prepared)
            return
        registry.put(
            PreparedStatement(
                prepared,
                exchange.text,
                exchange.keyspace,
                exchange.statement,
                system_table=is_topology_read(exchange.statement, exchange.keyspace),
                side=Side.PRIMARY,
            )
        )

    def prepare_again(
        self, exchange: Exchange, candidates: tuple[PreparedStatement, ...], flags: int, body: bytes
    ) -> None:
        """A node does not know a statement: prepare it there and send again, unseen by the client."""
        error = ErrorResponse.decode(body, exchange.client.version, response_start(body, flags))
        known = {prepared.id: prepared for prepared in candidates}
        prepared = known.get(error.id) if isinstance(error, Unprepared) else None
        if prepared is None or exchange.prepared_again > len(candidates):
            exchange.give_answer(flags, Opcode.ERROR, body)
            return
        exchange.prepared_again += 1
        self._supervisor.start(self._prepare_and_send(exchange, prepared, flags, body), "prepare again")

    async def _prepare_and_send(
        self, exchange: Exchange, prepared: PreparedStatement, flags: int, unprepared: bytes
    ) -> None:
        backend = exchange.client.backend
        connection = exchange.connection
        described = await self._prepare_on(backend, prepared, connection)
        if described is None:
            # Whatever is wrong, the driver finds out when it prepares by itself: the server's own error.
            exchange.give_answer(flags, Opcode.ERROR, unprepared)
            return
        self._metrics.reprepared += 1
        prepared.known_on(Side.PRIMARY, described)
        if exchange.opcode == _EXECUTE and prepared.metadata_changed[0]:
            at = after_custom_payload(exchange.body) if exchange.flags & _CUSTOM_PAYLOAD else 0
            exchange.body = without_flag(exchange.body, at + len(prepared.id) + 4, _SKIP_METADATA)
        self._send(exchange, connection if connection.alive else None)

    async def _prepare_on(
        self, backend: Backend, prepared: PreparedStatement, connection: RawConnection
    ) -> Prepared | None:
        try:
            opcode, body = await backend.prepare(prepared.text, prepared.keyspace, connection)
        except (NoAnswerError, KeyspaceUnavailableError) as error:
            log.warning("a statement could not be prepared again", extra={"error": str(error)})
            return None
        if opcode != _RESULT:
            return None
        result = decode_result(body, backend.protocol_version)
        return result if isinstance(result, Prepared) and result.id == prepared.id else None

    def answer_when_agreed(self, exchange: SchemaChange, flags: int, body: bytes) -> None:
        """A schema change was made on a cluster of several nodes."""

        async def wait_and_answer() -> None:
            await exchange.client.backend.schema_agreement()
            exchange.give_agreed_answer(flags, _RESULT, body)

        self._supervisor.start(wait_and_answer(), "schema agreement")

    # --- the rest -----------------------------------------------------------------------------

    def _stamped(self, body: bytes, flags_at: int) -> bytes:
        """The body with a write time of ours, unless the client gave one."""
        if flags_at >= len(body):
            raise ProtocolError("Truncated message: the body ends before the query flags")
        if body[flags_at] & _DEFAULT_TIMESTAMP or not self._pin_timestamps:
            return body
        return with_timestamp(body, flags_at, self._clock.next())

    def _unclassified(self, text: bytes) -> None:
        self._metrics.unclassified_statements += 1
        if self._unclassified_seen.is_first(text, monotonic()):
            shown = text[:200].decode("utf-8", "replace")
            # In the message itself, so that one text does not hide the next (see cqlproxy.logs).
            log.warning(
                f"a statement is not understood, so it goes to the primary and is not copied: {shown}"
            )

    def read_answered(self, started: float, opcode: int) -> None:
        """A read has its answer."""
        self._metrics.read_latency.observe(monotonic() - started)
        if opcode != _RESULT:
            self._metrics.reads_failed += 1

    def write_answered(self, started: float, opcode: int) -> None:
        """A mutation has its answer."""
        metrics = self._metrics
        if opcode == _RESULT:
            metrics.writes_ok += 1
            metrics.primary_latency_ok.observe(monotonic() - started)
        else:
            metrics.writes_failed += 1
            metrics.primary_latency_error.observe(monotonic() - started)

    def consistency_of(self, exchange: Exchange) -> ConsistencyLevel:
        """The consistency level that a request asks for; ONE where it cannot be told."""
        body = exchange.body
        try:
            at = after_custom_payload(body) if exchange.flags & _CUSTOM_PAYLOAD else 0
            if exchange.opcode == _EXECUTE:
                at += 2 + len(execute_id(body, at))
            elif exchange.opcode == _QUERY:
                at = query_span(body, at)[1]
            elif exchange.opcode == _BATCH:
                at = batch(body, at).parameters_offset
            else:
                return ConsistencyLevel.ONE
            return ConsistencyLevel(int.from_bytes(body[at : at + 2], "big"))
        except (ProtocolError, ValueError):
            return ConsistencyLevel.ONE

    async def stop(self) -> None:
        await self._supervisor.stop()
