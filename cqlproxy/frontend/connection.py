"""One client's connection: frames in, each given to what handles it; answers out, those of a read together.

Every request gets exactly one answer on its own stream. What breaks the protocol is answered with the
error that Cassandra would send, and ends this connection only.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from time import monotonic
from typing import cast

from cqlproxy.cluster.driver import RawConnection
from cqlproxy.cork import CORK
from cqlproxy.frontend.backlog import Backlog
from cqlproxy.frontend.flow_control import FlowControl
from cqlproxy.frontend.gate import Identity
from cqlproxy.frontend.handshake import Handshake
from cqlproxy.frontend.limits import HANDSHAKE_FRAME_BYTES, ClientLimits, Ended, Refused
from cqlproxy.frontend.load import Load
from cqlproxy.frontend.negotiation import Negotiation
from cqlproxy.frontend.one_node import Address, OneNode
from cqlproxy.frontend.patience import Patience
from cqlproxy.frontend.refusal import WHY, as_many_as
from cqlproxy.frontend.violations import (
    NEWER_VERSIONS,
    check_header,
    is_tls,
    unsupported_version,
    unwrapped,
)
from cqlproxy.metrics import Metrics
from cqlproxy.routing.route import Route
from cqlproxy.routing.router import Router
from cqlproxy.statements import Statement
from frame_codec import (
    EVENT_STREAM,
    HEADER,
    PROTOCOL_V4,
    REQUEST_VERSIONS,
    RESPONSE_BIT,
    ErrorCode,
    Frame,
    FrameDecoder,
    FrameFlag,
    Opcode,
    OversizedError,
    ProtocolError,
    compress,
    error_body,
)

log = logging.getLogger(__name__)

COMPRESS_FROM_BYTES = 512
"""Shorter answers are sent as they are: compressing them costs more than it saves."""

MAX_IN_FLIGHT = 1024
"""Requests of one client under way at the same time; what it sends beyond them waits."""

_COMPRESSED = int(FrameFlag.COMPRESSED)
_pack_header = HEADER.pack


class ClientConnection(asyncio.Protocol):
    """Implements ``routing.peer.ClientPeer`` and ``negotiation.Negotiator``.

    ``connections`` is the listener's set of open ones, ``address`` that of the client;
    ``left()`` is called when it has gone.
    """

    def __init__(
        self,
        *,
        router: Router,
        handshake: Handshake,
        one_node: OneNode,
        metrics: Metrics,
        connections: set[ClientConnection],
        limits: ClientLimits,
        load: Load,
        address: str,
        left: Callable[[], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.keyspace: str | None = None
        self.version = PROTOCOL_V4
        self.route: Route
        """Set when the client is let in, which ``started`` tells."""
        self.started = False
        self._router = router
        self._handshake = handshake
        self._negotiation = Negotiation(self, handshake, address)
        self._one_node = one_node
        self._metrics = metrics
        self._connections = connections
        self._limits = limits
        self._load = load
        self._counted = 0
        """What of ``load`` is ours."""
        self._left = left
        self._loop = loop
        self._decoder = FrameDecoder(
            max_body_length=min(limits.max_frame_bytes, HANDSHAKE_FRAME_BYTES),
            versions=REQUEST_VERSIONS,
            refused=NEWER_VERSIONS,
        )
        self._asked = 0
        """Frames that have come."""
        self._patience = Patience(monotonic())
        self._transport: asyncio.Transport | None = None
        self._out: list[bytes] = []
        self._flush_scheduled = False
        self._compressed = False
        self._closing = False
        self._last_words: tuple[int, bytes] | None = None
        """Stream and body of the ERROR that ends the connection, when all that came before is answered."""
        self._in_flight = 0
        self._backlog = Backlog()
        self._flow: FlowControl
        """Set when there is a transport."""
        self._reached = Address("127.0.0.1", 9042)

    # --- the transport ------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's in all but the class.
        self._transport = transport = cast(asyncio.Transport, transport)
        host, port = transport.get_extra_info("sockname")[:2]
        self._reached = Address(host, port)
        self._flow = FlowControl(transport, self._backlog)
        self._connections.add(self)
        if self._handshake.standing_still:
            self.stand_still()
        self._metrics.client_connections += 1
        self._metrics.client_connections_total += 1

    def connection_lost(self, exc: Exception | None) -> None:
        # Requests under way go on: their answers find no transport, and what they wrote is still copied.
        self._transport = self._last_words = None
        self._flow.end()
        self._out.clear()
        self._backlog.clear()
        self._count()
        self._connections.discard(self)
        self._metrics.client_connections -= 1
        self._negotiation.close()
        self._left()

    # --- flow control -------------------------------------------------------------------------

    def pause_writing(self) -> None:
        self._flow.unread = True
        self._flow.hold()

    def resume_writing(self) -> None:
        self._flow.unread = False
        self._release()

    def stand_still(self) -> None:
        """Handle no further request until ``go_on``; what is under way is answered."""
        self._flow.hold()

    def go_on(self) -> None:
        """Handle requests again."""
        self._release()

    def use_route(self) -> None:
        """Serve what comes from now on as the routes in force say."""
        if not self.started:
            return
        route = self._negotiation.route()
        if route is None:
            # What it has shown does not count where it would be served now: it is asked when it comes again.
            self.close()
        else:
            self.route = route

    def hold(self, connection: RawConnection) -> None:
        self._flow.hold()
        connection.when_writable(self._release)

    def _release(self) -> None:
        self._flow.release()
        self._go_on()

    def _go_on(self) -> None:
        """Handle what had to wait, as far as that is possible now."""
        backlog, flow = self._backlog, self._flow
        while backlog.count and self._in_flight < MAX_IN_FLIGHT and not flow.holds and not self._closing:
            turn = backlog.take(MAX_IN_FLIGHT - self._in_flight)
            left = len(self._handle([frame for _, frame in turn]))
            backlog.put_back(turn[len(turn) - left :])
        self._count()
        flow.update()

    # --- requests -----------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        # Hot path.
        if self._closing:
            return
        frames: Sequence[Frame] = self._decoder.feed(data)
        self._asked += len(frames)
        load = self._load
        if load.requests + len(frames) > load.limit:
            frames = self._within_load(frames)
        left = frames if self._backlog.count else self._handle(frames)
        if left:
            self._wait(left)
        under_way = self._in_flight + self._backlog.count
        load.requests += under_way - self._counted
        self._counted = under_way

    def _handle(self, frames: Sequence[Frame]) -> Sequence[Frame]:
        """Returns those that have to wait."""
        # Hot path.
        now = monotonic()
        router = self._router
        room = MAX_IN_FLIGHT - self._in_flight
        if self.started and not self._flow.holds and 0 < len(frames) <= room:
            handle = router.texts if frames[0][3] == 0x07 else router.executes
            handled = handle(self, frames, now)
            self._in_flight += handled
            frames = frames[handled:]
        left = iter(frames)
        for version, flags, stream, opcode, body in left:
            if self._in_flight >= MAX_IN_FLIGHT or self._flow.holds:
                return [(version, flags, stream, opcode, body), *left]
            self._in_flight += 1
            try:
                if flags:
                    lz4 = self._compressed
                    flags, body = unwrapped(version, flags, body, lz4=lz4, most=self._limits.max_frame_bytes)
                usual = version == self.version and stream >= 0 and self.started
                if not usual:
                    started = self.started
                    if not self._acceptable(version, stream, opcode, body):
                        if self.started is not started:
                            return self._handle(self._within_load(list(left)))
                        continue
                if opcode == 0x0A:
                    router.execute(self, stream, flags, body, now)
                elif opcode == 0x07:
                    router.query(self, stream, flags, body, now)
                elif opcode == 0x0D:
                    router.batch(self, stream, flags, body, now)
                elif opcode == 0x09:
                    router.prepare(self, stream, flags, body, now)
                else:
                    self._negotiation.handle(opcode, stream, body)
            except ProtocolError as error:
                self._violated(error, stream)
                return []
            except Exception:
                self._metrics.unhandled_errors += 1
                log.exception("a bug of the proxy: a request could not be handled")
                self.reply(
                    stream, 0, Opcode.ERROR, error_body(ErrorCode.SERVER_ERROR, "Internal error of the proxy")
                )
        if self._decoder.violation is not None:
            self._end_of_stream(self._decoder.violation)
        return []

    # --- answers ------------------------------------------------------------------------------

    def reply(self, stream: int, flags: int, opcode: int, body: bytes) -> None:
        # Hot path.
        self._in_flight -= 1
        if self._backlog.count and self._in_flight == MAX_IN_FLIGHT // 2:
            self._loop.call_soon(self._go_on)
        if self._transport is None:
            self._count()
            return
        if self._compressed and len(body) >= COMPRESS_FROM_BYTES:
            body = compress(body)
            flags |= _COMPRESSED
        out = self._out
        out.append(_pack_header(self.version | RESPONSE_BIT, flags, stream, opcode, len(body)))
        out.append(body)
        if not self._flush_scheduled:
            self._flush_scheduled = True
            CORK.flush(self._flush)

    def _send(self, stream: int, flags: int, opcode: int, body: bytes) -> None:
        """Send what answers no request that is under way."""
        self._in_flight += 1
        self.reply(stream, flags, opcode, body)

    def _flush(self) -> None:
        self._flush_scheduled = False
        if self._out and self._transport is not None and not self._closing:
            self._write(self._transport)
        elif self._last_words is not None:
            self._flush_last()
        under_way = self._in_flight + self._backlog.count
        self._load.requests += under_way - self._counted
        self._counted = under_way

    def send_event(self, body: bytes) -> None:
        """Send an EVENT body as the cluster sent it."""
        self._send(EVENT_STREAM, 0, Opcode.EVENT, body)

    def close(self) -> None:
        """Send what is answered, then close.

        The client may be sending still, and a socket that is closed with bytes unread destroys the answers
        that are on their way. So our end is closed first, and the other when the client closes, or the sweep.
        """
        if self._last_words is not None:
            self._say_last_words()
        if self._closing:
            return
        self._flush()
        self._closing = True
        self._backlog.clear()
        self._count()
        self._shut()

    def _shut(self) -> None:
        self._flow.end()
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if transport.can_write_eof():
            transport.write_eof()
            self._flow.drain()
        else:
            transport.close()

    # --- what is agreed on --------------------------------------------------------------------

    @property
    def identity(self) -> Identity | None:
        """Who it is, where a cluster asks."""
        return self._negotiation.identity

    @property
    def registered(self) -> frozenset[str]:
        """The types of events that it gets."""
        return self._negotiation.registered

    def compress(self, lz4: bool) -> None:
        self._compressed = lz4

    def let_in(self, route: Route) -> bool:
        if self._transport is None:
            return False
        self.route = route
        self.started = True
        self._decoder.max_body_length = self._limits.max_frame_bytes
        return True

    # --- limits, and the end ------------------------------------------------------------------

    def _wait(self, frames: Sequence[Frame]) -> None:
        """Keep requests until others are answered, or refuse those that are too many."""
        room = self._limits.max_requests_per_client - self._in_flight - self._backlog.count
        self._backlog.add(self._as_many_as(room, frames, Refused.CLIENT), monotonic())
        self._flow.update()

    def _within_load(self, frames: Sequence[Frame]) -> Sequence[Frame]:
        """Those that are not too many with those of all clients.

        Before STARTUP nothing is refused; what came with it, in one read, is looked at when it is handled.
        """
        self._count()
        return self._as_many_as(self._load.limit - self._load.requests, frames, Refused.ALL)

    def _as_many_as(self, room: int, frames: Sequence[Frame], why: Refused) -> Sequence[Frame]:
        """Those for which there is room, and those that must not be refused; the others are."""
        if not self.started:
            return frames
        kept, refused = as_many_as(room, frames, self.version)
        self._refuse(refused, why)
        return kept

    def _refuse(self, frames: list[Frame], why: Refused) -> None:
        if not frames:
            return
        self._metrics.count_refused_requests(why, len(frames))
        log.warning(f"requests are refused: {WHY[why]}", extra={"client": self._peer})
        body = error_body(ErrorCode.OVERLOADED, WHY[why])
        for _, _, stream, _, _ in frames:
            self._send(stream, 0, Opcode.ERROR, body)

    def _count(self) -> None:
        under_way = self._in_flight + self._backlog.count
        self._load.requests += under_way - self._counted
        self._counted = under_way

    def refuse_waiting(self, before: float, why: Refused) -> None:
        """Answer the requests that have waited since ``before`` or longer; on the clock ``monotonic``."""
        late = self._backlog.take_late(before)
        self._refuse(late, why)
        if late and self._decoder.violation is not None:
            self._end_of_stream(self._decoder.violation)
        self._count()
        self._flow.update()

    def sweep(self, now: float) -> None:
        """End the connection if its client has used up the patience that there is for it."""
        transport = self._transport
        if transport is None:
            return
        patience, limits = self._patience, self._limits
        if self._last_words is not None:
            if patience.overdue(limits, now):
                self._say_last_words()
            return
        if self._closing:
            ended = patience.lingering(now)
        elif self._flow.unread:
            ended = patience.unread(limits, now, transport.get_write_buffer_size())
        elif self._in_flight or self._backlog.count or not self._flow.reading:
            patience.waits_for_us(now)
            if self._backlog.count and not self._handshake.standing_still:
                self.refuse_waiting(now - limits.waiting_seconds, Refused.WAITED)
            return
        else:
            ended = patience.receiving(
                limits, now, started=self.started, asked=self._asked, part=self._decoder.part
            )
        if ended is not None:
            self._end(ended)

    def _end(self, why: Ended) -> None:
        """The client has gone beyond a limit of time, or of bytes that it does not take."""
        assert self._transport is not None
        self._metrics.count_ended_client(why)
        log.warning(f"a client is disconnected: beyond {why}", extra={"client": self._peer})
        if why in (Ended.HANDSHAKE, Ended.FRAME, Ended.IDLE):
            header = self._decoder.part_header
            if header is not None:
                version, stream = header
                if not self.started and version in REQUEST_VERSIONS:
                    self.version = version
                message = f"The request took too long to arrive (listen.{why})"
                self._send(stream, 0, Opcode.ERROR, error_body(ErrorCode.PROTOCOL_ERROR, message))
            self.close()
        else:
            self.abort()

    def leave(self) -> None:
        """Read no more. What was read is answered; see ``has_left``."""
        self._flow.leave()

    @property
    def has_left(self) -> bool:
        """Whether all that was read is answered, and the connection is closed or on its way to be."""
        if not self._closing and not self._in_flight and not self._backlog.count:
            self.close()
        return self._closing and self._last_words is None

    def abort(self) -> None:
        """Close at once, whatever is unsent."""
        self._closing = True
        self._last_words = None
        self._flow.end()
        if self._transport is not None:
            self._transport.abort()

    @property
    def _peer(self) -> object:
        return None if self._transport is None else self._transport.get_extra_info("peername")

    def one_node_view(self, statement: Statement, body: bytes, at: int) -> bytes:
        return self._one_node.view(statement, body, at, self.version, self._reached)

    # --- what is not on the hot path ----------------------------------------------------------

    def _acceptable(self, version: int, stream: int, opcode: int, body: bytes) -> bool:
        """Whether the request may be handled as the usual ones; if not, it has been answered here."""
        if version in NEWER_VERSIONS:
            # The stream is 0, as from a server: gocql looks there, and other drivers ask on it first.
            message = unsupported_version(version)
            self.reply(0, 0, Opcode.ERROR, error_body(ErrorCode.PROTOCOL_ERROR, message))
            return False
        check_header(version, stream, self.version if self.started else None)
        if not self.started:
            self.version = version
            self._negotiation.handle(opcode, stream, body)
            return False
        return True

    def _end_of_stream(self, violation: ProtocolError) -> None:
        """What follows the last request cannot be read: that is told when no request waits any more."""
        if not self._backlog.count and not self._closing:
            # It is answered as a request is, which it was going to be.
            self._in_flight += 1
            self._violated(violation, violation.stream)

    def _violated(self, error: ProtocolError, stream: int) -> None:
        """Answer a violation and close: what follows it in the stream cannot be trusted.

        What came before it is answered first, since drivers close a connection as soon as they are told.
        """
        self._metrics.protocol_errors += 1
        if isinstance(error, OversizedError):
            self._metrics.count_ended_client(Ended.FRAME_BYTES)
        if is_tls(error):
            log.warning(
                "a client's connection is closed: it spoke TLS to a port without it; turn TLS off in its"
                " driver, or set listen.tls",
                extra={"client": self._peer},
            )
        else:
            log.warning(
                "a client broke the protocol: its connection is closed",
                extra={"client": self._peer, "error": error.message},
            )
        self._in_flight -= 1
        self._last_words = stream, error_body(error.code, error.message)
        self._closing = True
        self._backlog.clear()
        self._flow.leave()
        self._flush_last()

    def _flush_last(self) -> None:
        transport = self._transport
        if transport is None:
            return
        if not self._in_flight:
            self._say_last_words()
        elif self._out:
            self._write(transport)

    def _write(self, transport: asyncio.Transport) -> None:
        # Hot path.
        transport.write(b"".join(self._out))
        self._out.clear()
        if self._flow.unread and transport.get_write_buffer_size() > self._limits.max_unread_bytes:
            self._end(Ended.UNREAD_BYTES)

    def _say_last_words(self) -> None:
        transport, words = self._transport, self._last_words
        assert transport is not None
        assert words is not None
        self._last_words = None
        stream, body = words
        self._send(stream, 0, Opcode.ERROR, body)
        transport.write(b"".join(self._out))
        self._out.clear()
        self._shut()
