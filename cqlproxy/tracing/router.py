"""A router that takes a sample of the requests down a path of their own, where they are followed.

The others go the usual way, for the price of one subtraction for all that come in one read. What is sampled
is handled by a second router, which is like the first but for where it looks on: requests as they are sent
(``_FollowingSender``), answers as they go back (``_FollowedPeer``), and copies (``_FollowingCopies``).
"""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.trace import Span, SpanContext, Tracer

from cqlproxy.clock import WriteClock
from cqlproxy.cluster.driver import RawConnection
from cqlproxy.cluster.request import Failure
from cqlproxy.cluster.side import Side
from cqlproxy.metrics import Metrics
from cqlproxy.mirror.mutation import Mutation
from cqlproxy.routing.copies import Copies
from cqlproxy.routing.exchange import ERROR, RESULT, Exchange
from cqlproxy.routing.peer import ClientPeer
from cqlproxy.routing.reads import PLAIN_READS, Reads
from cqlproxy.routing.route import Route
from cqlproxy.routing.router import Handle, Router
from cqlproxy.routing.sender import Sender
from cqlproxy.routing.writes import BatchWrite, PreparedWrite, SchemaChange, Write
from cqlproxy.statements import Statement, StatementCache
from cqlproxy.tracing.context import context_of
from cqlproxy.tracing.sampling import Sampler
from cqlproxy.tracing.spans import begin_request, copy_span, end_request
from frame_codec import Frame, FrameFlag, Opcode, response_start

_CUSTOM_PAYLOAD = int(FrameFlag.CUSTOM_PAYLOAD)


class TracingRouter(Router):
    """As ``Router``, of which ``sampler`` chooses what ``tracer`` gets spans of."""

    def __init__(
        self,
        *,
        tracer: Tracer,
        sampler: Sampler,
        statements: StatementCache,
        copies: Copies,
        clock: WriteClock,
        metrics: Metrics,
        reads: Reads = PLAIN_READS,
    ) -> None:
        super().__init__(statements=statements, copies=copies, clock=clock, metrics=metrics, reads=reads)
        self._followed = Router(
            statements=statements,
            copies=_FollowingCopies(copies),
            clock=clock,
            metrics=metrics,
            reads=reads,
            sender=_FollowingSender(metrics),
        )
        self._tracer = tracer
        self._sampler = sampler
        self.executes = self._up_to_the_next(self.executes)
        self.texts = self._up_to_the_next(self.texts)

    def _up_to_the_next(self, handle: Handle) -> Handle:
        """``handle``, which leaves the next request that is sampled to be handled by itself."""
        sampler = self._sampler

        def some(client: ClientPeer, frames: Sequence[Frame], now: float) -> int:
            # Hot path.
            room = sampler.untraced
            handled = handle(client, frames if len(frames) <= room else frames[:room], now) if room else 0
            sampler.untraced -= handled
            return handled

        return some

    def use_reads(self, reads: Reads) -> None:
        super().use_reads(reads)
        self._followed.use_reads(reads)

    def execute(self, client: ClientPeer, stream: int, flags: int, body: bytes, now: float) -> None:
        peer = self._follow(client, Opcode.EXECUTE, flags, body, now)
        if peer is None:
            super().execute(client, stream, flags, body, now)
        else:
            self._followed.execute(peer, stream, flags, body, now)

    def query(self, client: ClientPeer, stream: int, flags: int, body: bytes, now: float) -> None:
        peer = self._follow(client, Opcode.QUERY, flags, body, now)
        if peer is None:
            super().query(client, stream, flags, body, now)
        else:
            self._followed.query(peer, stream, flags, body, now)

    def batch(self, client: ClientPeer, stream: int, flags: int, body: bytes, now: float) -> None:
        peer = self._follow(client, Opcode.BATCH, flags, body, now)
        if peer is None:
            super().batch(client, stream, flags, body, now)
        else:
            self._followed.batch(peer, stream, flags, body, now)

    def prepare(self, client: ClientPeer, stream: int, flags: int, body: bytes, now: float) -> None:
        peer = self._follow(client, Opcode.PREPARE, flags, body, now)
        if peer is None:
            super().prepare(client, stream, flags, body, now)
        else:
            self._followed.prepare(peer, stream, flags, body, now)

    async def stop(self) -> None:
        await super().stop()
        await self._followed.stop()

    def _follow(
        self, client: ClientPeer, opcode: Opcode, flags: int, body: bytes, now: float
    ) -> _FollowedPeer | None:
        """Who stands for the client of a request that is traced; None for one that is not."""
        parent = context_of(body) if flags & _CUSTOM_PAYLOAD else None
        sampler = self._sampler
        chosen = sampler.is_next() if parent is None else parent.trace_flags.sampled
        if not chosen or not sampler.has_room(now):
            return None
        return _FollowedPeer(client, self._tracer, begin_request(self._tracer, opcode, parent, now))


class _FollowedPeer:
    """Implements ``routing.peer.ClientPeer`` for one request; its answer ends the span."""

    def __init__(self, client: ClientPeer, tracer: Tracer, span: Span) -> None:
        self._client = client
        self._span = span
        self.tracer = tracer
        self.exchange: Exchange | None = None
        """As it was sent last; None before that, and when it is answered."""
        # A route of its own, by which its answer is told apart from those that come with it (``writes``).
        own = client.route
        self.route: Route = own.as_user(own.backend, own.elsewhere)
        self.version = client.version

    @property
    def context(self) -> SpanContext:
        """What copies of the request are under."""
        return self._span.get_span_context()

    @property
    def keyspace(self) -> str | None:
        return self._client.keyspace

    @keyspace.setter
    def keyspace(self, name: str | None) -> None:
        self._client.keyspace = name

    def reply(self, stream: int, flags: int, opcode: int, body: bytes) -> None:
        self._client.reply(stream, flags, opcode, body)
        exchange, self.exchange = self.exchange, None
        error = None
        if opcode == ERROR:
            at = response_start(body, flags) if flags else 0
            error = int.from_bytes(body[at : at + 4], "big")
        end_request(self._span, exchange, error)

    def hold(self, connection: RawConnection) -> None:
        self._client.hold(connection)

    def one_node_view(self, statement: Statement, body: bytes, at: int) -> bytes:
        return self._client.one_node_view(statement, body, at)


class _FollowingSender(Sender):
    """Tells the peers of requests what is sent."""

    def send(self, exchange: Exchange, connection: RawConnection | None, body: bytes) -> None:
        peer = exchange.client
        if isinstance(peer, _FollowedPeer):
            peer.exchange = exchange
        super().send(exchange, connection, body)


class _FollowingCopies(Copies):
    """As the others decide, and with what tells of each attempt to deliver the copy."""

    def __init__(self, copies: Copies) -> None:
        self._copies = copies

    def prepared(self, write: PreparedWrite) -> Mutation | None:
        return _followed(write, self._copies.prepared(write))

    def text(self, write: Write) -> Mutation | None:
        return _followed(write, self._copies.text(write))

    def batch(self, write: BatchWrite) -> Mutation | None:
        return _followed(write, self._copies.batch(write))

    def schema(self, write: SchemaChange) -> Mutation | None:
        return _followed(write, self._copies.schema(write))

    def prepared_together(self, writes: Sequence[PreparedWrite], now: float) -> list[Mutation | None]:
        return [self.prepared(write) for write in writes]

    def texts_together(self, writes: Sequence[Write], now: float) -> list[Mutation | None]:
        return [self.text(write) for write in writes]


def _followed(write: Write, mutation: Mutation | None) -> Mutation | None:
    peer = write.client
    if mutation is None or not isinstance(peer, _FollowedPeer):
        return mutation
    return _FollowedCopy(mutation, peer.tracer, peer.context, write.route.side.other)


class _FollowedCopy(Mutation):
    """A copy with a span for each attempt to deliver it, as long as it is in memory."""

    __slots__ = ("_parent", "_side", "_tracer")

    def __init__(self, copied: Mutation, tracer: Tracer, parent: SpanContext, side: Side) -> None:
        super().__init__(
            copied.opcode,
            copied.body,
            copied.offered,
            copied.tables,
            copied.rules,
            copied.prepared,
            copied.repeatable,
            copied.in_turn,
            copied.expires,
            copied.keyspace,
            copied.schema,
        )
        self._tracer = tracer
        self._parent = parent
        self._side = side

    def answered(self, flags: int, opcode: int, body: bytes) -> None:
        # Else it is late: the attempt has failed already.
        if self in self.carrier.in_flight:
            error = None
            if opcode != RESULT:
                at = response_start(body, flags) if flags else 0
                error = int.from_bytes(body[at : at + 4], "big")
            copy_span(self._tracer, self._parent, self, error, self._side)
        super().answered(flags, opcode, body)

    def failed(self, failure: Failure) -> None:
        if self in self.carrier.in_flight:
            copy_span(self._tracer, self._parent, self, failure, self._side)
        super().failed(failure)
