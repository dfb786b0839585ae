"""One connection of the load generator: a client of protocol v4 that keeps a window of requests in flight.

Far cheaper than what it measures: the frames are built beforehand, answers are not decoded beyond their
header, and one read is followed by one write.
"""

import asyncio
from array import array
from collections.abc import Sequence
from itertools import cycle
from time import perf_counter
from typing import cast

from benchmarks.errors import BenchmarkError
from benchmarks.workload import Workload
from frame_codec import (
    HEADER,
    HEADER_LENGTH,
    PROTOCOL_V4,
    Opcode,
    ProtocolError,
    Query,
    Request,
    Startup,
    decode_result,
    error_code_and_message,
    response_start,
)

_unpack_header = HEADER.unpack_from
_ANSWER_SECONDS = 30.0
"""How long one answer may take before and after the measurement, when there is no other load."""


class LoadClient(asyncio.Protocol):
    """First `ask`, one request at a time; then `run`, the closed loop, and `drain`, as often as one likes."""

    def __init__(self) -> None:
        self.errors = 0
        """Answers other than what was asked for, since `reset`."""
        self.first_error = ""
        self.latencies = array("d")
        """Seconds from a request's write to the read of its answer, for each answer since `reset`."""
        self._transport: asyncio.Transport | None = None
        self._lost: Exception | None = None
        self._rest = b""
        self._asked: asyncio.Future[tuple[int, int, bytes]] | None = None
        self._finished: asyncio.Future[None] | None = None
        self._in_flight = 0
        self._wanted = 0
        self._headers: list[bytes] = []
        self._bodies = cycle((b"",))
        self._sent = array("d")

    # --- the transport ------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's in all but the class.
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._lost = exc or ConnectionResetError("closed by the other side")
        for waiting in (self._asked, self._finished):
            if waiting is not None and not waiting.done():
                waiting.set_exception(self._lost)

    def data_received(self, data: bytes) -> None:
        # Hot path: its cost is part of every latency that is measured.
        now = perf_counter()
        if self._rest:
            data = self._rest + data
        if self._asked is not None:
            self._answer_received(data)
            return
        unpack_header = _unpack_header
        answered = self.latencies.append
        sent = self._sent
        wanted = self._wanted
        headers = self._headers
        bodies = self._bodies
        out: list[bytes] = []
        put = out.append
        size = len(data)
        at = 0
        while size - at >= HEADER_LENGTH:
            _, flags, stream, opcode, length = unpack_header(data, at)
            end = at + HEADER_LENGTH + length
            if end > size:
                break
            if opcode != wanted:
                self._error_received(flags, opcode, data[at + HEADER_LENGTH : end])
            answered(now - sent[stream])
            sent[stream] = now
            put(headers[stream])
            put(next(bodies))
            at = end
        self._rest = data[at:]
        if self._finished is not None:
            self._in_flight -= len(out) // 2
            if not self._in_flight and not self._finished.done():
                self._finished.set_result(None)
        elif self._transport is not None:
            self._transport.write(b"".join(out))

    def _answer_received(self, data: bytes) -> None:
        self._rest = data
        if len(data) < HEADER_LENGTH:
            return
        _, flags, _, opcode, length = _unpack_header(data, 0)
        if len(data) < HEADER_LENGTH + length:
            return
        self._rest = b""
        if self._asked is not None and not self._asked.done():
            self._asked.set_result((flags, opcode, data[HEADER_LENGTH:]))

    def _error_received(self, flags: int, opcode: int, body: bytes) -> None:
        self.errors += 1
        if not self.first_error:
            self.first_error = explain(flags, opcode, body)

    # --- before the measurement ---------------------------------------------------------------

    async def start(self) -> None:
        """The handshake. Raises `BenchmarkError`."""
        opcode, _ = await self.ask(Startup({"CQL_VERSION": "3.0.0"}))
        if opcode != Opcode.READY:
            raise BenchmarkError(
                f"the handshake was answered with {_name(opcode)}: the load generator knows no "
                "authentication, so give it a cluster that asks for none"
            )

    async def ask(self, request: Request) -> tuple[int, bytes]:
        """Opcode and body of the answer, without tracing id and warnings.

        Raises `BenchmarkError` for an ERROR, a lost connection, and after 30 s without an answer.
        """
        body = request.encode(PROTOCOL_V4)
        self._asked = asyncio.get_running_loop().create_future()
        self._write(HEADER.pack(PROTOCOL_V4, 0, 0, request.opcode, len(body)) + body)
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                flags, opcode, answer = await self._asked
        except (TimeoutError, OSError) as error:
            raise BenchmarkError(
                f"{_name(request.opcode)} got no answer: {error or 'none within 30 s'}"
            ) from error
        finally:
            self._asked = None
        if opcode == Opcode.ERROR:
            raise BenchmarkError(f"{_name(request.opcode)} failed: {explain(flags, opcode, answer)}")
        return opcode, answer[response_start(answer, flags) :]

    async def query(self, text: str) -> object:
        """The decoded RESULT of a text. Raises as `ask` does."""
        _, body = await self.ask(Query(text))
        return decode_result(body, PROTOCOL_V4)

    # --- the closed loop ----------------------------------------------------------------------

    def run(self, asked: Workload, bodies: Sequence[bytes], window: int) -> None:
        """Send requests from now on, `window` of them in flight, one for each answer.

        bodies: used in turn, all of the same length.
        """
        length = len(bodies[0])
        self._wanted = int(asked.answer)
        self._headers = [
            HEADER.pack(PROTOCOL_V4, 0, stream, asked.opcode, length) for stream in range(window)
        ]
        self._bodies = cycle(bodies)
        self._in_flight = window
        self._sent = array("d", [perf_counter()] * window)
        self._finished = None
        self._write(b"".join(header + next(self._bodies) for header in self._headers))

    def reset(self) -> None:
        """Forget what was counted: the measurement begins."""
        self.latencies = array("d")
        self.errors = 0
        self.first_error = ""

    def drain(self) -> None:
        """Send nothing more."""
        self._finished = asyncio.get_running_loop().create_future()
        if self._lost is not None:
            self._finished.set_exception(self._lost)

    async def drained(self) -> None:
        """Await the answers that are still to come after `drain`.

        Raises `BenchmarkError` when the connection is or was lost, and after 30 s.
        """
        assert self._finished is not None
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._finished
        except (TimeoutError, OSError) as error:
            raise BenchmarkError(
                f"a connection under load was lost, or its answers stopped: {error or 'none within 30 s'}"
            ) from error

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _write(self, data: bytes) -> None:
        if self._transport is None:
            raise BenchmarkError(f"the connection was lost: {self._lost}")
        self._transport.write(data)


async def connect(host: str, port: int) -> LoadClient:
    """A connection, ready for requests. Raises `BenchmarkError`."""
    try:
        _, client = await asyncio.get_running_loop().create_connection(LoadClient, host, port)
    except OSError as error:
        raise BenchmarkError(f"cannot connect to {host}, port {port}: {error}") from error
    await client.start()
    return client


def _name(opcode: int) -> str:
    try:
        return Opcode(opcode).name
    except ValueError:
        return f"opcode {opcode:#04x}"


def explain(flags: int, opcode: int, body: bytes) -> str:
    """An answer that was not asked for, in words."""
    if opcode != Opcode.ERROR:
        return f"an answer of {_name(opcode)}"
    try:
        code, message = error_code_and_message(body, response_start(body, flags))
    except ProtocolError as error:
        return f"an ERROR that cannot be read: {error.message}"
    return f"{code:#06x} {message}"
