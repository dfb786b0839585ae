"""One client's connection: frames in, each given to what handles it; answers out, joined once per loop turn.

Every request gets exactly one answer on its own stream. What breaks the protocol is answered with the
error that Cassandra would send, and ends this connection only.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Sequence
from time import monotonic
from typing import cast

from cqlproxy.client.authentication import Authentication
from cqlproxy.client.gate import Identity, UndecidedError
from cqlproxy.client.handshake import Handshake
from cqlproxy.client.limits import HANDSHAKE_FRAME_BYTES, ClientLimits, Ended, Refused
from cqlproxy.client.load import Load
from cqlproxy.client.one_node import Address, OneNode
from cqlproxy.client.patience import Patience
from cqlproxy.cluster.driver import RawConnection
from cqlproxy.metrics import Metrics
from cqlproxy.routing.route import Route
from cqlproxy.routing.router import Router
from cqlproxy.statements import Statement
from frame_codec import (
    EVENT_STREAM,
    HEADER,
    PROTOCOL_V3,
    PROTOCOL_V4,
    REQUEST_VERSIONS,
    RESPONSE_BIT,
    Authenticate,
    AuthResponse,
    ErrorCode,
    Frame,
    FrameDecoder,
    FrameFlag,
    Opcode,
    ProtocolError,
    Register,
    compress,
    decompress,
    error_body,
)

log = logging.getLogger(__name__)

NEWER_VERSIONS = frozenset({5, 6, 65, 66})
"""Versions (v5, v6, and DSE's) whose frames have the same header: refused, with the connection kept."""

COMPRESS_FROM_BYTES = 512
"""Shorter answers are sent as they are: compressing them costs more than it saves."""

MAX_IN_FLIGHT = 1024
"""Requests of one client under way at the same time; what it sends beyond them waits."""

WAITING_BYTES = 1 << 20
"""A client whose waiting requests take as much is read no further until some of them are under way."""

CLIENT_UNSENT_BYTES = 1 << 20
"""A client with more than this many bytes of answers that it has not taken is read no further."""

_FRAME_OVERHEAD = 64
_REFUSABLE = frozenset({Opcode.QUERY, Opcode.PREPARE, Opcode.EXECUTE, Opcode.BATCH})
_WHY_REFUSED = {
    Refused.ALL: "Too many requests are under way to the proxy (listen.max_requests)",
    Refused.CLIENT: "Too many requests of this connection are under way (listen.max_requests_per_client)",
    Refused.WAITED: "The request waited too long for others of this connection (request_timeout_ms)",
    Refused.STOPPING: "The proxy is stopping",
}
_COMPRESSED = int(FrameFlag.COMPRESSED)
_FLAGS_V3 = int(FrameFlag.TRACING)
_FLAGS_V4 = int(FrameFlag.TRACING | FrameFlag.CUSTOM_PAYLOAD)
_pack_header = HEADER.pack


class ClientConnection(asyncio.Protocol):
    """Implements ``routing.peer.ClientPeer``. ``connections`` is the listener's set of open ones.

    ``address`` is that of the client, ``left()`` is called when it has gone.
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
        self.identity: Identity | None = None
        """Who it is, where a cluster asks."""
        self._authentication: Authentication | None = None
        self.registered: frozenset[str] = frozenset()
        self.started = False
        self._router = router
        self._handshake = handshake
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
        self._unread = False
        """Whether the client has left more than CLIENT_UNSENT_BYTES unread."""
        self._leaving = False
        """Whether nothing more is read, since the proxy is stopping."""
        self._transport: asyncio.Transport | None = None
        self._out: list[bytes] = []
        self._flush_scheduled = False
        self._compressed = False
        self._closing = False
        self._holds = 0
        """Reasons outside to read no more: a cluster, or the client itself, does not take what is sent."""
        self._in_flight = 0
        self._backlog: deque[tuple[float, Frame]] = deque()
        """Requests that were read and have to wait until others are answered, or a hold ends; since when."""
        self._backlog_bytes = 0
        self._reading = True
        self._reached = Address("127.0.0.1", 9042)
        self._address = address
        self._early: dict[int, Callable[[int, int, bytes], None]] = {
            Opcode.OPTIONS: self._options,
            Opcode.STARTUP: self._startup,
        }
        self._late: dict[int, Callable[[int, int, bytes], None]] = {
            Opcode.OPTIONS: self._options,
            Opcode.STARTUP: self._startup_again,
            Opcode.REGISTER: self._register,
        }

    # --- the transport ------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's in all but the class.
        self._transport = transport = cast(asyncio.Transport, transport)
        host, port = transport.get_extra_info("sockname")[:2]
        self._reached = Address(host, port)
        transport.set_write_buffer_limits(high=CLIENT_UNSENT_BYTES)
        self._connections.add(self)
        if self._handshake.standing_still:
            self.stand_still()
        self._metrics.client_connections += 1
        self._metrics.client_connections_total += 1

    def connection_lost(self, exc: Exception | None) -> None:
        # Requests under way go on: their answers find no transport, and what they wrote is still copied.
        self._transport = None
        self._out.clear()
        self._backlog.clear()
        self._count()
        self._connections.discard(self)
        self._metrics.client_connections -= 1
        if self._authentication is not None:
            self._authentication.close()
        if self.identity is not None:
            self.identity.leave()
        self._left()

    # --- flow control -------------------------------------------------------------------------

    def pause_writing(self) -> None:
        self._unread = True
        self._hold()

    def resume_writing(self) -> None:
        self._unread = False
        self._release()

    def stand_still(self) -> None:
        """Handle no further request until ``go_on``; what is under way is answered."""
        self._hold()

    def go_on(self) -> None:
        """Handle requests again."""
        self._release()

    def use_route(self) -> None:
        """Serve what comes from now on as the routes in force say."""
        if not self.started:
            return
        route = self._handshake.route(self.version, self.identity)
        if route is None:
            # What it has shown does not count where it would be served now: it is asked when it comes again.
            self.close()
        else:
            self.route = route

    def hold(self, connection: RawConnection) -> None:
        self._hold()
        connection.when_writable(self._release)

    def _hold(self) -> None:
        self._holds += 1
        self._read_or_not()

    def _release(self) -> None:
        self._holds -= 1
        self._go_on()

    def _go_on(self) -> None:
        """Handle what had to wait, as far as that is possible now."""
        backlog = self._backlog
        while backlog and self._in_flight < MAX_IN_FLIGHT and not self._holds and not self._closing:
            turn = [backlog.popleft() for _ in range(min(MAX_IN_FLIGHT - self._in_flight, len(backlog)))]
            left = len(self._handle([frame for _, frame in turn]))
            backlog.extendleft(reversed(turn[len(turn) - left :]))
        self._backlog_bytes = sum(_size(frame) for _, frame in backlog)
        self._count()
        self._read_or_not()

    def _read_or_not(self) -> None:
        wanted = not self._holds and self._backlog_bytes < WAITING_BYTES and not self._leaving
        if wanted is self._reading or self._transport is None or self._closing:
            return
        self._reading = wanted
        if wanted:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    # --- requests -----------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        # Hot path.
        if self._closing:
            return
        frames = self._decoder.feed(data)
        self._asked += len(frames)
        load = self._load
        if load.requests + len(frames) > load.limit:
            frames = self._within_limit(frames)
        left = frames if self._backlog else self._handle(frames)
        if left:
            self._wait(left)
        under_way = self._in_flight + len(self._backlog)
        load.requests += under_way - self._counted
        self._counted = under_way

    def _handle(self, frames: Sequence[Frame]) -> list[Frame]:
        """Returns those that have to wait."""
        # Hot path.
        now = monotonic()
        router = self._router
        if self.started and not self._holds and self._in_flight + len(frames) <= MAX_IN_FLIGHT:
            handle = router.texts if frames and frames[0][3] == 0x07 else router.executes
            handled = handle(self, frames, now)
            self._in_flight += handled
            frames = frames[handled:]
        left = iter(frames)
        for version, flags, stream, opcode, body in left:
            if self._in_flight >= MAX_IN_FLIGHT or self._holds:
                return [(version, flags, stream, opcode, body), *left]
            self._in_flight += 1
            try:
                if flags:
                    flags, body = self._unwrapped(version, flags, body)
                usual = version == self.version and stream >= 0 and self.started
                if not usual and not self._acceptable(version, stream, flags, opcode, body):
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
                    self._other(opcode, stream, flags, body)
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
        if self._backlog and self._in_flight == MAX_IN_FLIGHT // 2:
            self._loop.call_soon(self._go_on)
        if self._compressed or self._transport is None:
            self._send(stream, flags, opcode, body)
            return
        out = self._out
        out.append(_pack_header(self.version | RESPONSE_BIT, flags, stream, opcode, len(body)))
        out.append(body)
        if not self._flush_scheduled:
            self._flush_scheduled = True
            self._loop.call_soon(self._flush)

    def _send(self, stream: int, flags: int, opcode: int, body: bytes) -> None:
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
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_scheduled = False
        if self._out and self._transport is not None and not self._closing:
            self._transport.write(b"".join(self._out))
            self._out.clear()
            if self._unread and self._transport.get_write_buffer_size() > self._limits.max_unread_bytes:
                self._end(Ended.UNREAD_BYTES)
        under_way = self._in_flight + len(self._backlog)
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
        if self._closing:
            return
        self._flush()
        self._closing = True
        self._backlog.clear()
        self._count()
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if transport.can_write_eof():
            transport.write_eof()
            if not self._reading:
                self._reading = True
                transport.resume_reading()
        else:
            transport.close()

    # --- limits, and the end ------------------------------------------------------------------

    def _within_limit(self, frames: Collection[Frame]) -> list[Frame]:
        """Those for which the limit of all clients leaves room; the others are answered here."""
        return self._as_many_as(self._load.limit - self._load.requests, frames, Refused.ALL)

    def _wait(self, frames: Collection[Frame]) -> None:
        """Keep requests until others are answered, or refuse those that are too many."""
        room = self._limits.max_requests_per_client - self._in_flight - len(self._backlog)
        now = monotonic()
        for frame in self._as_many_as(room, frames, Refused.CLIENT):
            self._backlog.append((now, frame))
            self._backlog_bytes += _size(frame)
        self._read_or_not()

    def _as_many_as(self, room: int, frames: Collection[Frame], why: Refused) -> list[Frame]:
        """The first ``room`` of the frames, and those that must not be refused; the others are."""
        kept: list[Frame] = []
        refused: list[Frame] = []
        for frame in frames:
            if len(kept) < room or not self._may_be_refused(frame):
                kept.append(frame)
            else:
                refused.append(frame)
        self._refuse(refused, why)
        return kept

    def _may_be_refused(self, frame: Frame) -> bool:
        """Whether it is a request as any other, and no part of a handshake, no heartbeat, no violation."""
        version, _, stream, opcode, _ = frame
        return self.started and version == self.version and stream >= 0 and opcode in _REFUSABLE

    def _refuse(self, frames: list[Frame], why: Refused) -> None:
        if not frames:
            return
        self._metrics.count_refused_requests(why, len(frames))
        log.warning(f"requests are refused: {_WHY_REFUSED[why]}", extra={"client": self._peer})
        body = error_body(ErrorCode.OVERLOADED, _WHY_REFUSED[why])
        for _, _, stream, _, _ in frames:
            self._send(stream, 0, Opcode.ERROR, body)

    def _count(self) -> None:
        under_way = self._in_flight + len(self._backlog)
        self._load.requests += under_way - self._counted
        self._counted = under_way

    def refuse_waiting(self, before: float, why: Refused) -> None:
        """Answer the requests that have waited since ``before`` or longer; on the clock ``monotonic``."""
        late = []
        while self._backlog and self._backlog[0][0] <= before:
            late.append(self._backlog.popleft()[1])
        self._backlog_bytes -= sum(map(_size, late))
        self._refuse(late, why)
        if late and self._decoder.violation is not None:
            self._end_of_stream(self._decoder.violation)
        self._count()
        self._read_or_not()

    def sweep(self, now: float) -> None:
        """End the connection if its client has used up the patience that there is for it."""
        transport = self._transport
        if transport is None:
            return
        patience, limits = self._patience, self._limits
        if self._closing:
            ended = patience.lingering(now)
        elif self._unread:
            ended = patience.unread(limits, now, transport.get_write_buffer_size())
        elif self._in_flight or self._backlog or not self._reading:
            patience.waits_for_us(now)
            if self._backlog and not self._handshake.standing_still:
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
        self._leaving = True
        self._read_or_not()

    @property
    def has_left(self) -> bool:
        """Whether all that was read is answered, and the connection is closed or on its way to be."""
        if not self._closing and not self._in_flight and not self._backlog:
            self.close()
        return self._closing

    def abort(self) -> None:
        """Close at once, whatever is unsent."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    @property
    def _peer(self) -> object:
        return None if self._transport is None else self._transport.get_extra_info("peername")

    def one_node_view(self, statement: Statement, body: bytes, at: int) -> bytes:
        return self._one_node.view(statement, body, at, self.version, self._reached)

    # --- what is not on the hot path ----------------------------------------------------------

    def _unwrapped(self, version: int, flags: int, body: bytes) -> tuple[int, bytes]:
        """The flags that mean something in this version, and the body as it was before compression."""
        if flags & _COMPRESSED:
            if not self._compressed:
                raise ProtocolError("A compressed frame, but no compression was agreed on in STARTUP")
            body = decompress(body, self._limits.max_frame_bytes)
        return flags & (_FLAGS_V3 if version == PROTOCOL_V3 else _FLAGS_V4), body

    def _acceptable(self, version: int, stream: int, flags: int, opcode: int, body: bytes) -> bool:
        """Whether the request may be handled as the usual ones; if not, it has been answered here."""
        if version in NEWER_VERSIONS:
            # The stream is 0, as from a server: gocql looks there, and other drivers ask on it first.
            message = unsupported_version(version)
            self.reply(0, 0, Opcode.ERROR, error_body(ErrorCode.PROTOCOL_ERROR, message))
            return False
        if stream < 0:
            raise ProtocolError(f"Invalid stream id {stream}: clients use 0 and above")
        if not self.started:
            self.version = version
            handler = self._early.get(opcode)
            if handler is None:
                expected = "STARTUP or OPTIONS" if self._authentication is None else "SASL_RESPONSE"
                raise ProtocolError(f"Unexpected message {_name(opcode)}, expecting {expected}")
            handler(stream, flags, body)
            return False
        if version != self.version:
            raise ProtocolError(
                f"Invalid message version. Got {version}/v{version} but previous messages on this connection "
                f"had version {self.version}/v{self.version}"
            )
        return True

    def _other(self, opcode: int, stream: int, flags: int, body: bytes) -> None:
        handler = self._late.get(opcode)
        if handler is None:
            raise ProtocolError(f"Unexpected message {_name(opcode)}")
        handler(stream, flags, body)

    def _options(self, stream: int, flags: int, body: bytes) -> None:
        self.reply(stream, 0, Opcode.SUPPORTED, self._handshake.supported(self.version))

    def _startup(self, stream: int, flags: int, body: bytes) -> None:
        chosen = self._handshake.startup(body, self.version)
        self._start_when_opened(stream, chosen.lz4)

    def _start_when_opened(self, stream: int, lz4: bool) -> None:
        opening = self._handshake.opened(self.version)
        if opening is None:
            self._start(stream, lz4)
        else:
            opening.add_done_callback(lambda done: self._start_later(stream, done, lz4))

    def _start(self, stream: int, lz4: bool) -> None:
        try:
            authenticator = self._handshake.authenticator()
        except UndecidedError as error:
            self.reply(stream, 0, Opcode.ERROR, error_body(ErrorCode.SERVER_ERROR, str(error)))
            return
        if authenticator is None:
            self._let_in(None)
            self.reply(stream, 0, Opcode.READY, b"")
        else:
            if self._authentication is None:
                self._authentication = self._handshake.authentication(
                    self.version, self._address, self._let_in, self.close
                )
                self._early = {Opcode.AUTH_RESPONSE: self._auth_response}
            self.reply(stream, 0, Opcode.AUTHENTICATE, Authenticate(authenticator).encode(self.version))
        self._compressed = lz4

    def _let_in(self, identity: Identity | None) -> bool:
        """Serve the client from now on; False when it has gone, or must not be served."""
        route = self._handshake.route(self.version, identity)
        if route is None or self._transport is None:
            return False
        self.route = route
        self.identity = identity
        self.started = True
        self._decoder.max_body_length = self._limits.max_frame_bytes
        return True

    def _auth_response(self, stream: int, flags: int, body: bytes) -> None:
        assert self._authentication is not None
        if self._authentication.busy:
            raise ProtocolError("Unexpected message AUTH_RESPONSE: the one before is not answered yet")
        token = AuthResponse.decode(body, self.version).token
        self._authentication.respond(token, lambda opcode, body: self.reply(stream, 0, opcode, body))

    def _start_later(self, stream: int, done: asyncio.Future[None], lz4: bool) -> None:
        error = done.exception()
        if error is None:
            # The mode may have been switched meanwhile, so that another cluster answers.
            self._start_when_opened(stream, lz4)
        else:
            message = f"The cluster cannot be reached in protocol version {self.version}: {error}"
            self.reply(stream, 0, Opcode.ERROR, error_body(ErrorCode.SERVER_ERROR, message))

    def _startup_again(self, stream: int, flags: int, body: bytes) -> None:
        raise ProtocolError("Unexpected message STARTUP: the connection is started already")

    def _register(self, stream: int, flags: int, body: bytes) -> None:
        self.registered = self.registered | self._handshake.register(Register.decode(body, self.version))
        self.reply(stream, 0, Opcode.READY, b"")

    def _end_of_stream(self, violation: ProtocolError) -> None:
        """What follows the last request cannot be read: that is told when no request waits any more."""
        if not self._backlog and not self._closing:
            # It is answered as a request is, which it was going to be.
            self._in_flight += 1
            self._violated(violation, violation.stream)

    def _violated(self, error: ProtocolError, stream: int) -> None:
        """Answer a violation and close: what follows it in the stream cannot be trusted."""
        self._metrics.protocol_errors += 1
        if error.message == _TLS_RECORD:
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
        self.reply(stream, 0, Opcode.ERROR, error_body(error.code, error.message))
        self.close()


def unsupported_version(version: int) -> str:
    """What Cassandra says of a version that it does not speak."""
    return f"Invalid or unsupported protocol version ({version}); supported versions are (3/v3, 4/v4)"


_TLS_RECORD = unsupported_version(0x16)
"""What is found in a TLS handshake (RFC 8446, section 5.1) by those who take it for a frame."""


def _size(frame: Frame) -> int:
    return len(frame[4]) + _FRAME_OVERHEAD


def _name(opcode: int) -> str:
    try:
        return Opcode(opcode).name
    except ValueError:
        return f"0x{opcode:02x}"
