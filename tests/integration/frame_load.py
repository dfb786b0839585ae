"""Prepared INSERTs at a steady rate on raw frames: most of a load, for a hundredth of what a driver takes.

The schedule does not wait for answers: what is asked for is sent, on a busy machine a little later.
"""

from __future__ import annotations

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from frame_codec import (
    PROTOCOL_V4,
    Execute,
    Opcode,
    Prepare,
    QueryParameters,
    decode_prepared_id,
    encode_frame,
)
from tests.integration.raw_client import RawClient
from tests.integration.tenant_load import TABLES, Row, Written
from tests.nodes import ProxyProcess

WAY = "frames"

_FIRST_NUMBER = 1 << 50
"""Far from the numbers of other writers."""
_STREAMS = 1 << 15
_TICK = 0.01
_ANSWER_SECONDS = 60.0


class FrameLoad:
    """Writes rows of all tenants in turn to both tables of `keyspace`, which exist, until `end`."""

    def __init__(self, proxy: ProxyProcess, keyspace: str, tenants: tuple[str, ...], *, rate: int) -> None:
        self._client = RawClient(proxy).start()
        self._rows = itertools.cycle(itertools.product(TABLES, tenants))
        self._ids = {table: self._prepared(f"{keyspace}.{table}") for table in TABLES}
        self._rate = rate
        self._stop = threading.Event()
        self._pending: dict[int, tuple[Row, float]] = {}
        self._written: list[Written] = []
        self._executor = ThreadPoolExecutor(1)
        self._running = self._executor.submit(self._run)

    def end(self) -> list[Written]:
        """Stop it, and wait for the last answers; what it wrote. All requests must have succeeded."""
        self._stop.set()
        with self._client, self._executor:
            self._running.result()
        return self._written

    def _prepared(self, table: str) -> bytes:
        self._client.request(Prepare(f"INSERT INTO {table} (tenant, id, v) VALUES (?, ?, ?)"))
        return decode_prepared_id(self._client.expect(Opcode.RESULT, stream=1))

    def _run(self) -> None:
        begin = time.monotonic()
        sent = 0
        while not self._stop.wait(0):
            due = int((time.monotonic() - begin) * self._rate)
            self._client.send(b"".join(self._frame(number) for number in range(sent, due)))
            sent = due
            self._take_answers(_TICK)
        deadline = time.monotonic() + _ANSWER_SECONDS
        while self._pending:
            assert time.monotonic() < deadline, f"{len(self._pending)} requests were not answered"
            self._take_answers(1.0)

    def _frame(self, number: int) -> bytes:
        table, tenant = next(self._rows)
        row = Row(table, tenant, _FIRST_NUMBER + number)
        values = (UUID(tenant).bytes, row.id.to_bytes(8, "big"), WAY.encode())
        stream = number % _STREAMS
        assert stream not in self._pending
        self._pending[stream] = row, time.time()
        body = Execute(self._ids[table], QueryParameters(values=values)).encode(PROTOCOL_V4)
        return encode_frame(PROTOCOL_V4, 0, stream, Opcode.EXECUTE, body)

    def _take_answers(self, seconds: float) -> None:
        """Those that come within so many seconds."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if not self._client.readable(left):
                return
            for _, _, stream, opcode, body in self._client.frames():
                assert opcode == Opcode.RESULT, body
                row, sent = self._pending.pop(stream)
                self._written.append(Written(row, WAY, sent, time.time()))
