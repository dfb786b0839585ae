"""The open loop: requests are sent at a fixed rate, and latency counts from when a request was due.

So a stall is seen by all that should have been sent meanwhile. Sends fall on multiples of `TICK`: at a
high rate several connections send at the same moment. The sockets are waited for with select(2), which takes
microseconds, where the clock of an event loop has milliseconds.
"""

from __future__ import annotations

import select
import socket
import time
from array import array
from collections.abc import Sequence
from itertools import cycle
from multiprocessing.connection import Connection
from time import perf_counter
from typing import Final

from benchmarks.client import explain
from benchmarks.errors import BenchmarkError
from benchmarks.plan import COUNT, GO, REPORT, STOP, Load, Plan
from benchmarks.workload import Workload, workload
from frame_codec import (
    HEADER,
    HEADER_LENGTH,
    PROTOCOL_V4,
    Opcode,
    Prepare,
    Request,
    Startup,
    decode_prepared_id,
    response_start,
)

TICK: Final = 0.001
"""Seconds."""

_STREAMS: Final = 4096
"""Requests that one connection may have in flight; further ones wait, and their latency goes on."""
_LATE_SECONDS: Final = 5 * TICK
_ANSWER_SECONDS: Final = 30.0
_READ_BYTES: Final = 1 << 18


class Counted:
    """What was counted since it was made."""

    __slots__ = ("errors", "first_error", "late", "latencies", "started")

    def __init__(self) -> None:
        self.latencies = array("d")
        self.errors = 0
        self.first_error = ""
        self.late = 0
        self.started = time.process_time()

    def load(self) -> Load:
        cpu = time.process_time() - self.started
        return Load(self.latencies, cpu, self.errors, self.first_error, self.late)


class OpenConnection:
    """One connection, blocking until `run`."""

    def __init__(self, host: str, port: int) -> None:
        try:
            self.socket = socket.create_connection((host, port), timeout=_ANSWER_SECONDS)
        except OSError as error:
            raise BenchmarkError(f"cannot connect to {host}, port {port}: {error}") from error
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.free: list[int] = list(range(_STREAMS))
        """Streams without a request in flight."""
        self.unsent = b""
        self._due = array("d", bytes(8 * _STREAMS))
        self._rest = b""
        self._wanted = 0
        self._headers: list[bytes] = []
        self._bodies = cycle((b"",))
        self._out: list[bytes] = []

    def ask(self, request: Request) -> bytes:
        """The body of the answer, waited for. Raises `BenchmarkError` for an ERROR and a lost connection."""
        body = request.encode(PROTOCOL_V4)
        try:
            self.socket.sendall(HEADER.pack(PROTOCOL_V4, 0, 0, request.opcode, len(body)) + body)
            _, flags, _, opcode, length = HEADER.unpack(self._exactly(HEADER_LENGTH))
            answer = self._exactly(length)
        except OSError as error:
            raise BenchmarkError(f"{request.opcode.name} got no answer: {error}") from error
        if opcode == Opcode.ERROR:
            raise BenchmarkError(f"{request.opcode.name} failed: {explain(flags, opcode, answer)}")
        return answer[response_start(answer, flags) :]

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                raise ConnectionResetError("closed by the other side")
            data += piece
        return data

    def run(self, asked: Workload, bodies: Sequence[bytes]) -> None:
        """From now on requests with these bodies in turn, all of the same length."""
        self.socket.setblocking(False)
        self._wanted = int(asked.answer)
        self._headers = [
            HEADER.pack(PROTOCOL_V4, 0, stream, asked.opcode, len(bodies[0])) for stream in range(_STREAMS)
        ]
        self._bodies = cycle(bodies)

    def put(self, due: float) -> None:
        """One more request, sent by `flush`; there must be a `free` stream."""
        stream = self.free.pop()
        self._due[stream] = due
        self._out += self._headers[stream], next(self._bodies)

    def flush(self) -> None:
        """Send what was put, as far as the socket takes it."""
        data = self.unsent + b"".join(self._out)
        self._out.clear()
        try:
            self.unsent = data[self.socket.send(data) :]
        except BlockingIOError:
            self.unsent = data
        except OSError as error:
            raise BenchmarkError(f"a connection under load was lost: {error}") from error

    def read(self, counted: Counted) -> None:
        """Take in the answers that have come."""
        try:
            data = self._rest + self.socket.recv(_READ_BYTES)
        except OSError as error:
            raise BenchmarkError(f"a connection under load was lost: {error}") from error
        if len(data) == len(self._rest):
            raise BenchmarkError("a connection under load was closed by the other side")
        now = perf_counter()
        answered = counted.latencies.append
        free = self.free.append
        due = self._due
        at = 0
        size = len(data)
        while size - at >= HEADER_LENGTH:
            _, flags, stream, opcode, length = HEADER.unpack_from(data, at)
            end = at + HEADER_LENGTH + length
            if end > size:
                break
            if opcode != self._wanted:
                counted.errors += 1
                if not counted.first_error:
                    counted.first_error = explain(flags, opcode, data[at + HEADER_LENGTH : end])
            answered(now - due[stream])
            free(stream)
            at = end
        self._rest = data[at:]

    @property
    def in_flight(self) -> int:
        """Requests that have no answer yet."""
        return _STREAMS - len(self.free)


class Schedule:
    """When requests are due: number `n` at `begin` + n / `rate`, rounded down to a multiple of `TICK`."""

    def __init__(self, rate: float, begin: float) -> None:
        self._rate = rate
        self._begin = begin
        self._sent = 0

    @property
    def next_due(self) -> float:
        """When the next request is to be sent."""
        return self._begin + int(self._sent / self._rate / TICK) * TICK

    def advance(self) -> None:
        """The next request has been sent."""
        self._sent += 1


def follow(control: Connection, plan: Plan, rate: float, number: int) -> None:
    """The life of generator process `number`, until `control` is closed (EOFError). `rate`: of all processes.

    Raises `BenchmarkError`.
    """
    asked = workload(plan.workload, plan.size)
    places = plan.connections_of(number)
    connections = [OpenConnection(plan.host, plan.port) for _ in places]
    for connection in connections:
        connection.ask(Startup({"CQL_VERSION": "3.0.0"}))
    ids = [decode_prepared_id(connections[0].ask(Prepare(text))) for text in asked.statements]
    bodies = asked.bodies(ids)
    for place, connection in zip(places, connections, strict=True):
        connection.run(asked, plan.share(bodies, place))
    control.send(Load())

    rate /= plan.processes
    counted = Counted()
    schedule: Schedule | None = None
    by_file = {connection.socket.fileno(): connection for connection in connections}
    told_by = control.fileno()
    readers = [told_by, *by_file]
    turn = cycle(connections)
    while True:
        timeout = None if schedule is None else max(0.0, schedule.next_due - perf_counter())
        writers = [file for file, connection in by_file.items() if connection.unsent]
        readable, writable, _ = select.select(readers, writers, (), timeout)
        for source in readable:
            if source != told_by:
                by_file[source].read(counted)
        for source in writable:
            by_file[source].flush()
        if schedule is not None:
            _send_due(schedule, turn, len(connections), counted)
        if told_by not in readable:
            continue
        told = control.recv()
        if told == GO:
            schedule = Schedule(rate, perf_counter() + number * TICK / plan.processes)
            continue
        if told in (REPORT, STOP):
            load = counted.load()
            if told == STOP:
                schedule = None
                _drain(connections)
            control.send(load)
        if told in (COUNT, REPORT, STOP):
            counted = Counted()


def _send_due(schedule: Schedule, turn: cycle[OpenConnection], most: int, counted: Counted) -> None:
    now = perf_counter()
    used: dict[OpenConnection, None] = {}
    full = 0
    while full < most and (due := schedule.next_due) <= now:
        connection = next(turn)
        if not connection.free:
            full += 1
            continue
        full = 0
        if now - due > _LATE_SECONDS:
            counted.late += 1
        connection.put(due)
        used[connection] = None
        schedule.advance()
    for connection in used:
        connection.flush()


def _drain(connections: list[OpenConnection]) -> None:
    """Until all is answered. Raises `BenchmarkError` when that takes more than 30 s."""
    ignored = Counted()
    deadline = perf_counter() + _ANSWER_SECONDS
    while waiting := [connection for connection in connections if connection.in_flight]:
        if perf_counter() > deadline:
            raise BenchmarkError("answers stopped: none within 30 s")
        by_socket = {connection.socket: connection for connection in waiting}
        unsent = [connection.socket for connection in waiting if connection.unsent]
        readable, writable, _ = select.select(by_socket, unsent, (), 1.0)
        for source in readable:
            by_socket[source].read(ignored)
        for source in writable:
            by_socket[source].flush()
