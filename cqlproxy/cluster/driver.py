"""All that touches scylla-driver's internals: its ``Connection``, carried by the proxy's event loop.

The driver discovers, authenticates, watches and reconnects; it believes that it owns the connections.
The proxy sends its raw frames over the same sockets. Three rules keep the two apart:

* Stream ids below ``DRIVER_STREAMS`` are the driver's own (it is told that a connection holds no
  more) but for the last, of the proxy's heartbeats; those from there on are for the proxy's requests. So
  neither needs the other's lock.
* The socket belongs to the event loop. The driver's threads reach it by ``call_soon_threadsafe``.
* The driver's own answers are decoded on a thread of their own, never on the event loop: a schema
  of a thousand tables takes the driver a while to read.

Pinned to the driver's minor version; ``tests/unit/cluster/test_driver_contract.py`` fails clearly
when something that is relied on here moves.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import ssl
import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, ClassVar, NamedTuple, Protocol, cast

from cassandra.connection import Connection, ConnectionShutdown
from cassandra.protocol import AuthenticateMessage, ReadyMessage

from cqlproxy.cluster.heartbeat import BUSY_SECONDS, Beat, Heartbeat
from cqlproxy.cluster.node_tls import NodeTls
from cqlproxy.cluster.request import Answer, AwaitedRequest, Failure, NoAnswerError, Request
from cqlproxy.cork import CORK
from frame_codec import HEADER, Frame, FrameDecoder

log = logging.getLogger(__name__)

_FEW = 2
"""So many answers in one read, or fewer, are told one by one: what they share is not worth finding out."""

DRIVER_STREAMS = 1024
"""Stream ids below are not for requests: they are the driver's, and that of the proxy's heartbeats."""

HEARTBEAT_STREAM = DRIVER_STREAMS - 1
"""Always free for a question whether anybody is there, and nothing that hot paths need to know of."""

LAST_STREAM = 32767
"""The highest stream id of protocol v3 and v4 (spec section 2.3)."""

UNSENT_BYTES = 4 << 20
"""A connection with more than this many bytes that the node has not taken yet is congested."""

MAX_ANSWER_BYTES = 1 << 30
"""A node's answer is trusted up to here; Cassandra itself stops at 256 MiB by default."""

_OPCODE_OPTIONS = 0x05
_OPCODE_RESULT = 0x08
_OPCODE_EVENT = 0x0C
_pack_header = HEADER.pack


class Owner(Protocol):
    """Whose connections these are: told on the event loop what happens to them."""

    protocol_version: int

    def connection_ready(self, connection: RawConnection) -> None: ...

    def connection_closed(self, connection: RawConnection) -> None: ...

    def supported_received(self, options: dict[str, list[str]]) -> None: ...

    def authenticator_told(self, authenticator: str | None) -> None: ...

    def event_received(self, body: bytes) -> None: ...


class _DriverFrame(NamedTuple):
    """The header fields that ``Connection.process_msg`` reads."""

    version: int
    flags: int
    stream: int
    opcode: int


class _Inbox:
    """The thread that runs the driver's own callbacks, so that the event loop never does."""

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def put(self, work: Callable[[], object]) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="driver-inbox", daemon=True)
            self._thread.start()
        self._work.put(work)

    def _run(self) -> None:
        while True:
            work = self._work.get()
            try:
                work()
            except Exception:
                log.exception("the driver failed on an answer of its own; it goes on")


class _Timer:
    """A timer as the driver's ``Connection.create_timer`` must return it: it can be cancelled."""

    def __init__(self, loop: asyncio.AbstractEventLoop, timeout: float, callback: Callable[[], None]) -> None:
        self._loop = loop
        self._cancelled = False
        self._handle: asyncio.TimerHandle | None = None
        loop.call_soon_threadsafe(self._arm, timeout, callback)

    def _arm(self, timeout: float, callback: Callable[[], None]) -> None:
        if not self._cancelled:
            self._handle = self._loop.call_later(timeout, RawConnection.inbox.put, callback)

    def _disarm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()

    def cancel(self) -> None:
        self._cancelled = True
        self._loop.call_soon_threadsafe(self._disarm)


class _Wire(asyncio.Protocol):
    """The socket of one connection on the event loop."""

    def __init__(self, connection: RawConnection) -> None:
        self._connection = connection
        version = connection.protocol_version
        # A node that does not speak our version answers in one that it does, with the error that says so.
        self.decoder = FrameDecoder(
            max_body_length=MAX_ANSWER_BYTES,
            versions=frozenset({0x80 | version, 0x83, 0x84, 0x85, 0x86}),
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's in all but the class.
        self._connection._wire_made(cast(asyncio.Transport, transport))

    def data_received(self, data: bytes) -> None:
        self._connection._data_received(self.decoder, data)

    def pause_writing(self) -> None:
        self._connection.congested = True

    def resume_writing(self) -> None:
        self._connection._writable_again()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection._wire_lost(exc)


class RawConnection(Connection):
    """A connection of the driver that also carries raw frames of the proxy.

    ``send`` and all attributes that start a line below belong to the event loop's thread.
    """

    loop: ClassVar[asyncio.AbstractEventLoop]
    owner: ClassVar[Owner]
    tls: ClassVar[NodeTls | None]
    inbox: ClassVar[_Inbox] = _Inbox()

    is_closed: bool

    keyspace: str | None
    """In which it stands, where texts without a keyspace mean that one; None of most."""

    max_in_flight = HEARTBEAT_STREAM

    # The driver's cache of TLS sessions is for sockets that it has wrapped itself.
    supports_tls_session_resumption = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # The pool passes a method of its own; it is the only trace of which pool this will belong to.
        released = kwargs.get("on_orphaned_stream_released")
        self.pool: Any = getattr(released, "__self__", None)
        self.congested = False
        self.alive = False
        self.read_at = 0.0
        """``time.monotonic()`` when bytes were read last: the time of the answers that are being handled."""
        self.has_answered = False
        """Whether a request was answered in time since somebody last set this to False."""
        self._heartbeat = Heartbeat()
        self._seen_by_driver_at = 0.0
        self._writable_callbacks: list[Callable[[], None]] = []
        self._pending: dict[int, Request] = {}
        self._orphaned: set[int] = set()
        self._free_streams: list[int] = []
        self._next_stream = DRIVER_STREAMS
        self._out: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        # With a context the driver would wrap the socket, and block its thread in each handshake.
        kwargs.pop("ssl_context", None)
        super().__init__(*args, **kwargs)
        self._version = int(self.protocol_version)
        if self.tls is None:
            self._attach(None, None)
        else:
            self._attach_by_tls(self.tls)
        self._send_options_message()

    def _attach(self, context: ssl.SSLContext | None, name: str | None) -> None:
        """Connect, and give the socket to the event loop; with a context, once the handshake is done."""
        self._connect_socket()
        self._socket.setblocking(False)
        attach = self.loop.create_connection(
            lambda: _Wire(self),
            sock=self._socket,
            ssl=context,
            server_hostname=name,
            ssl_handshake_timeout=None if context is None else self.connect_timeout,
        )
        # We are on a thread of the driver, and the constructor must not return before the socket is read.
        # The time-out of a handshake says more than ours would: it goes first.
        limit = self.connect_timeout + (0 if context is None else 1)
        asyncio.run_coroutine_threadsafe(attach, self.loop).result(limit)

    def _attach_by_tls(self, tls: NodeTls) -> None:
        """The same, under the first name of the node that its certificate is for."""
        address = self.endpoint.address
        *others, last = tls.names_for(address)
        for name in others:
            try:
                self._attach(tls.context, name)
            except ssl.SSLCertVerificationError as error:
                if not tls.is_of_another_name(error):
                    raise
            else:
                tls.proved(address, name)
                return
        self._attach(tls.context, last)
        tls.proved(address, last)

    # --- the proxy's side: event loop only ----------------------------------------------------

    def send(self, request: Request, flags: int, opcode: int, body: bytes, deadline: float) -> bool:
        """Send a frame; ``request`` is told the answer.

        Returns False, with nothing sent, when the connection is closed or has no free stream id.
        """
        # Hot path: once for every request and once for every copy.
        if not self.alive:
            return False
        try:
            stream = self._free_streams.pop()
        except IndexError:
            stream = self._next_stream
            if stream > LAST_STREAM:
                return False
            self._next_stream = stream + 1
        request.deadline = deadline
        request.connection = self
        self._pending[stream] = request
        out = self._out
        if not out:
            self.loop.call_soon(self._flush)
        out.append(_pack_header(self._version, flags, stream, opcode, len(body)))
        out.append(body)
        return True

    def send_together(self, requests: Sequence[Request], opcode: int, deadline: float) -> int:
        """As ``send`` for each of these, which have no flags; returns how many of the first were sent."""
        # Hot path.
        if not self.alive:
            return 0
        pending, take, out = self._pending, self._free_streams.pop, self._out
        version = self._version
        if not out:
            self.loop.call_soon(self._flush)
        sent = 0
        for request in requests:
            try:
                stream = take()
            except IndexError:
                stream = self._next_stream
                if stream > LAST_STREAM:
                    break
                self._next_stream = stream + 1
            request.deadline = deadline
            request.connection = self
            pending[stream] = request
            body = request.body
            out.append(_pack_header(version, 0, stream, opcode, len(body)))
            out.append(body)
            sent += 1
        return sent

    async def ask(self, opcode: int, body: bytes, timeout: float) -> Answer:
        """Send a request of the proxy's own and await its answer, ``timeout`` seconds at most.

        Raises ``NoAnswerError``.
        """
        request = AwaitedRequest()
        if not self.send(request, 0, opcode, body, monotonic() + timeout):
            raise NoAnswerError(f"the connection to {self.endpoint} is closed or full")
        return await request.answer()

    @property
    def pending(self) -> int:
        """Requests of the proxy that wait for an answer."""
        return len(self._pending)

    def expire(self, now: float) -> int:
        """Give up what is past its deadline; a stream id stays out of use until its late answer comes.

        Returns how many requests were given up.
        """
        late = [stream for stream, request in self._pending.items() if request.deadline <= now]
        for stream in late:
            request = self._pending.pop(stream)
            self._orphaned.add(stream)
            _tell_failure(request, Failure.TIMEOUT)
        return len(late)

    @property
    def silent(self) -> bool:
        """Whether it has left a heartbeat unanswered for so long that requests should take another one."""
        return self._heartbeat.silent

    def look_after(self, now: float, idle_seconds: float) -> bool:
        """Ask it whether it is alive, or give it up, when it is time to.

        ``now`` is ``time.monotonic()``; what the node has sent before must have been read. One on which no
        request waits is asked when it was silent for ``idle_seconds``. Returns whether ``silent`` changed.
        """
        was_silent = self._heartbeat.silent
        beat = self._heartbeat.look(now, self.read_at, BUSY_SECONDS if self._pending else idle_seconds)
        if beat is Beat.ASK:
            self._write(_pack_header(self._version, 0, HEARTBEAT_STREAM, _OPCODE_OPTIONS, 0))
        elif beat is Beat.GIVE_UP:
            silence = f"the node said nothing for {now - self.read_at:.1f} s, and left a heartbeat unanswered"
            self._abort(ConnectionShutdown(silence))
        return was_silent is not self._heartbeat.silent

    def when_writable(self, callback: Callable[[], None]) -> None:
        """Call back once, when the connection is no longer congested, or is closed."""
        self._writable_callbacks.append(callback)

    def _writable_again(self) -> None:
        self.congested = False
        self.let_go()

    def hand_over(self) -> None:
        """The node is passed over: what may go elsewhere does so now."""
        if not self.alive:
            return
        for stream, request in list(self._pending.items()):
            # Anything may have been told of a connection in the meantime.
            if self._pending.get(stream) is request and request.goes_elsewhere():
                del self._pending[stream]
                self._orphaned.add(stream)

    def let_go(self) -> None:
        """Call back now those who wait until it is writable: other connections take their requests."""
        callbacks, self._writable_callbacks = self._writable_callbacks, []
        for callback in callbacks:
            callback()

    def _flush(self) -> None:
        # Scheduled by whoever puts the first frame there.
        if self._out and self._transport is not None:
            self._transport.write(b"".join(self._out))
            self._out.clear()

    def _wire_made(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        transport.set_write_buffer_limits(high=UNSENT_BYTES)
        self._flush()

    def _data_received(self, decoder: FrameDecoder, data: bytes) -> None:
        # Hot path.
        CORK.held = True
        try:
            self._handle(decoder.feed(data))
        finally:
            CORK.release()
        if decoder.violation is not None:
            self._abort(decoder.violation)

    def _handle(self, frames: list[Frame]) -> None:
        # Hot path.
        self.read_at = now = monotonic()
        many = len(frames) > _FEW
        take = self._pending.pop
        free = self._free_streams.append
        kind: type[Request] = Request
        together: list[tuple[Request, bytes]] = []
        for version, flags, stream, opcode, body in frames:
            request = take(stream, None)
            if request is not None:
                free(stream)
                if (
                    many
                    and opcode == _OPCODE_RESULT
                    and not flags
                    and request.__class__ is request.told_together
                ):
                    if request.__class__ is not kind:
                        if together:
                            _tell_together(kind, together, now)
                            together = []
                        kind = request.__class__
                    together.append((request, body))
                    continue
                if together:
                    _tell_together(kind, together, now)
                    together = []
                self.has_answered = True
                try:
                    request.answered(flags, opcode, body)
                except Exception:
                    log.exception("a bug of the proxy: an answer could not be handled")
            elif stream >= DRIVER_STREAMS:
                self._late_answer(stream)
            else:
                self._driver_frame(version, flags, stream, opcode, body)
        if together:
            self.has_answered = True
            _tell_together(kind, together, now)

    def _late_answer(self, stream: int) -> None:
        if stream in self._orphaned:
            self._orphaned.remove(stream)
            self._free_streams.append(stream)
        else:
            self._abort(ConnectionShutdown(f"the node answered on stream {stream}, which nobody uses"))

    def _driver_frame(self, version: int, flags: int, stream: int, opcode: int, body: bytes) -> None:
        if stream == HEARTBEAT_STREAM:
            return
        if opcode == _OPCODE_EVENT and stream < 0:
            self.owner.event_received(body)
        frame = _DriverFrame(version & 0x7F, flags, stream, opcode)
        self.inbox.put(lambda: self.process_msg(frame, body))

    def _abort(self, error: Exception) -> None:
        log.warning("connection to %s is closed: %s", self.endpoint, error)
        if self._transport is not None:
            self._transport.abort()

    def _wire_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._out.clear()
        was_alive, self.alive = self.alive, False
        self._writable_again()
        # First out of the routing tables, so that a request told of its failure finds another node.
        if was_alive:
            self.owner.connection_closed(self)
        pending, self._pending = self._pending, {}
        for request in pending.values():
            _tell_failure(request, Failure.CONNECTION_LOST)
        error = exc or ConnectionShutdown(f"connection to {self.endpoint} was closed by the node")
        self.inbox.put(lambda: self._report_loss(error))

    # --- the driver's side: its own threads ---------------------------------------------------

    def _report_loss(self, error: Exception) -> None:
        was_closed: bool = self.is_closed
        self.defunct(error)
        if self.pool is not None and not was_closed:
            # The pool notices a lost connection only when it is given back; True leaves its count of
            # requests alone. This marks the host down and starts the reconnection at once.
            self.pool.return_connection(self, True)

    def _handle_options_response(self, options_response: Any) -> None:
        options = getattr(options_response, "options", None)
        if options is not None:
            supported = {key: list(values) for key, values in options.items()}
            supported["CQL_VERSION"] = list(options_response.cql_versions)
            self.loop.call_soon_threadsafe(self.owner.supported_received, supported)
        super()._handle_options_response(options_response)

    def _handle_startup_response(self, startup_response: Any, did_authenticate: bool = False) -> None:
        if isinstance(startup_response, AuthenticateMessage):
            self.loop.call_soon_threadsafe(self.owner.authenticator_told, startup_response.authenticator)
        elif isinstance(startup_response, ReadyMessage):
            self.loop.call_soon_threadsafe(self.owner.authenticator_told, None)
        super()._handle_startup_response(startup_response, did_authenticate)
        self._announce_if_ready()

    def _handle_auth_response(self, auth_response: Any) -> None:
        super()._handle_auth_response(auth_response)
        self._announce_if_ready()

    def _announce_if_ready(self) -> None:
        if self.connected_event.is_set() and not (self.is_defunct or self.is_closed or self.last_error):
            self.loop.call_soon_threadsafe(self._ready)

    def _ready(self) -> None:
        if self._transport is not None and not self.alive and not self.is_control_connection:
            self.alive = True
            self.owner.connection_ready(self)

    @property
    def is_idle(self) -> bool:
        """Whether the driver is to ask it: only its control connection, ``look_after`` asks the others."""
        return self.is_control_connection and self.read_at <= self._seen_by_driver_at

    def reset_idle(self) -> None:
        """The driver has seen that it is alive."""
        self._seen_by_driver_at = monotonic()

    @classmethod
    def create_timer(cls, timeout: float, callback: Callable[[], None]) -> _Timer:
        return _Timer(cls.loop, timeout, callback)

    def push(self, data: bytes) -> None:
        """The driver sends a frame of its own, from any thread."""
        self.loop.call_soon_threadsafe(self._write, data)

    def _write(self, data: bytes) -> None:
        if not self._out:
            self.loop.call_soon(self._flush)
        self._out.append(data)

    def close(self) -> None:
        """The driver closes the connection, from any thread."""
        with self.lock:
            if self.is_closed:
                return
            self.is_closed = True
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._close_transport)
        if not self.is_defunct:
            self.error_all_requests(ConnectionShutdown(f"connection to {self.endpoint} was closed"))
            self.connected_event.set()

    def _close_transport(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def _tell_together(kind: type[Request], answered: list[tuple[Request, bytes]], now: float) -> None:
    try:
        kind.answered_together(answered, now)
    except Exception:
        log.exception("a bug of the proxy: answers could not be handled")


def _tell_failure(request: Request, failure: Failure) -> None:
    try:
        request.failed(failure)
    except Exception:
        log.exception("a bug of the proxy: a failure could not be handled")


def connection_class(
    loop: asyncio.AbstractEventLoop, owner: Owner, tls: NodeTls | None = None
) -> type[RawConnection]:
    """The class for the driver's ``Cluster(connection_class=...)``, for the connections of one owner."""
    return type("RawConnection", (RawConnection,), {"loop": loop, "owner": owner, "tls": tls})


def open_as(cluster: Any, made: type[RawConnection], endpoint: Any, authenticator: object) -> RawConnection:
    """Open a connection with the settings of the driver's ``cluster``, but for another account.

    Blocks: not for the event loop. Raises what the driver likes, among it ``AuthenticationFailed``.
    """
    settings = cluster._make_connection_kwargs(endpoint, {"authenticator": authenticator})
    connection: RawConnection = made.factory(endpoint, cluster.connect_timeout, None, **settings)
    return connection
