"""Prepared reads and writes at a steady rate on raw frames, each noted: when, how long, what came of it.

The schedule does not wait for answers, and a request's time counts from when it was due: an application that
is kept waiting would ask all the same. Several connections, as a driver's pools have them.
"""

from __future__ import annotations

import itertools
import random
import select
import statistics
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple, Self

from frame_codec import (
    PROTOCOL_V4,
    ConsistencyLevel,
    ErrorResponse,
    Execute,
    Opcode,
    Prepare,
    QueryParameters,
    decode_prepared_id,
    encode_frame,
    response_start,
)
from tests.integration.raw_client import RawClient
from tests.nodes import ProxyProcess

_STREAMS: Final = 1 << 15
_TICK: Final = 0.002
_ANSWER_SECONDS: Final = 30.0
_READ, _WRITE = "read", "write"


class Asked(NamedTuple):
    """One request; times are of ``time.monotonic()``."""

    kind: str
    due: float
    sent: float
    answered: float
    error: ErrorResponse | None

    @property
    def seconds(self) -> float:
        """How long the application waited."""
        return self.answered - self.due


class PacedLoad:
    """Reads rows 0 to `rows` of `table`, and writes others, in turn, at consistency QUORUM, until `end`.

    The table has the columns ``id`` (bigint, the key) and ``v`` (text).
    """

    def __init__(
        self, proxy: ProxyProcess, table: str, *, rows: int, rate: int, connections: int = 4
    ) -> None:
        self._rows = rows
        self._rate = rate
        self._clients = [RawClient(proxy).start() for _ in range(connections)]
        self._insert = self._prepared(f"INSERT INTO {table} (id, v) VALUES (?, ?)")
        self._select = self._prepared(f"SELECT v FROM {table} WHERE id = ?")
        self._next_row = itertools.count(rows)
        self._random = random.Random(7)
        self._pending: list[dict[int, tuple[str, float, float]]] = [{} for _ in self._clients]
        self._asked: list[Asked] = []
        self._stop = threading.Event()
        self._executor = ThreadPoolExecutor(1)
        self._running = self._executor.submit(self._run)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._executor.shutdown()
        for client in self._clients:
            client.close()

    def end(self) -> list[Asked]:
        """Stop it, and wait for the last answers: all requests, each answered once."""
        self._stop.set()
        self._running.result()
        return self._asked

    def check(self) -> None:
        """Raise what has stopped it before its time."""
        if self._running.done():
            self._running.result()

    def _prepared(self, text: str) -> bytes:
        self._clients[0].request(Prepare(text))
        return decode_prepared_id(self._clients[0].expect(Opcode.RESULT, stream=1))

    def _run(self) -> None:
        begin = time.monotonic()
        sent = 0
        while not self._stop.is_set():
            now = time.monotonic()
            due = int((now - begin) * self._rate)
            frames: list[list[bytes]] = [[] for _ in self._clients]
            for number in range(sent, due):
                at = number % len(self._clients)
                frames[at].append(self._frame(at, number, begin + number / self._rate, now))
            for client, of_client in zip(self._clients, frames, strict=True):
                if of_client:
                    client.send(b"".join(of_client))
            sent = due
            self._take_answers(_TICK)
        deadline = time.monotonic() + _ANSWER_SECONDS
        while left := sum(map(len, self._pending)):
            assert time.monotonic() < deadline, f"{left} requests were not answered"
            self._take_answers(_TICK)

    def _frame(self, at: int, number: int, due: float, now: float) -> bytes:
        stream = number // len(self._clients) % _STREAMS
        assert stream not in self._pending[at], "a request is older than all those that were sent since"
        # Both kinds on each connection.
        if (number // len(self._clients)) % 2:
            kind, prepared = _WRITE, self._insert
            values: tuple[bytes, ...] = (next(self._next_row).to_bytes(8, "big"), b"written")
        else:
            kind, prepared = _READ, self._select
            values = (self._random.randrange(self._rows).to_bytes(8, "big"),)
        self._pending[at][stream] = kind, due, now
        parameters = QueryParameters(ConsistencyLevel.QUORUM, values=values)
        body = Execute(prepared, parameters).encode(PROTOCOL_V4)
        return encode_frame(PROTOCOL_V4, 0, stream, Opcode.EXECUTE, body)

    def _take_answers(self, seconds: float) -> None:
        """Those that come within so many seconds."""
        until = time.monotonic() + seconds
        while True:
            readable, _, _ = select.select(self._clients, [], [], max(0.0, until - time.monotonic()))
            for client in readable:
                pending = self._pending[self._clients.index(client)]
                frames = client.frames()
                now = time.monotonic()
                for _, flags, stream, opcode, body in frames:
                    # A second answer to a request has nothing to belong to.
                    kind, due, sent = pending.pop(stream)
                    error = None
                    if opcode != Opcode.RESULT:
                        error = ErrorResponse.decode(body, PROTOCOL_V4, response_start(body, flags))
                    self._asked.append(Asked(kind, due, sent, now, error))
            if time.monotonic() >= until:
                return


def errors(asked: Iterable[Asked]) -> list[Asked]:
    """Those that ended in an error."""
    return [request for request in asked if request.error is not None]


def acknowledged(asked: Iterable[Asked]) -> int:
    """How many writes succeeded."""
    return sum(request.kind == _WRITE and request.error is None for request in asked)


def p99(asked: Iterable[Asked]) -> float:
    """The time that 99 % did not exceed, in milliseconds."""
    return statistics.quantiles((request.seconds for request in asked), n=100)[98] * 1000


def in_words(request: Asked, since: float) -> str:
    """What happened to a request, for the message of a failed test."""
    sent, seconds = request.sent - since, request.answered - request.sent
    said = "RESULT" if request.error is None else f"{type(request.error).__name__}: {request.error.message}"
    return f"{request.kind} sent at {sent:+.3f} s, answered {seconds:.3f} s later: {said}"
