"""Makes of a write in JSON the requests that a driver would send, and sends them the way of any client's.

It is a client to the router, under the proxy's own account: what it sends is timed, governed, copied and
counted like everything else, and held up while the mode is switched.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import Final, NamedTuple
from uuid import uuid4

from cqlproxy.clock import WriteClock
from cqlproxy.cluster.driver import RawConnection
from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.frontend.limits import Refused
from cqlproxy.frontend.load import Load
from cqlproxy.frontend.refusal import WHY
from cqlproxy.json_writes.binding import bound_values
from cqlproxy.json_writes.query import check_query, own_timestamp
from cqlproxy.json_writes.remembered import Remembered, RememberedWrites
from cqlproxy.json_writes.request import JsonWrite, NotServingError, WriteError, Written
from cqlproxy.json_writes.unfit import UnfitError
from cqlproxy.metrics import Metrics
from cqlproxy.routing.route import Route
from cqlproxy.routing.router import Router
from cqlproxy.routing.routes import Routes
from cqlproxy.statements import Statement, StatementCache, depends_on_keyspace, is_repeatable
from frame_codec import (
    PROTOCOL_V4,
    ErrorCode,
    Execute,
    Opcode,
    Prepare,
    Query,
    QueryParameters,
    Value,
    decode_prepared_id,
    error_code_and_message,
    response_start,
    was_applied,
)

QUERIES_KEPT: Final = 1_000
"""Queries whose prepared ids are remembered."""

LONGEST_KEPT: Final = 4_096
"""Characters of a query that is."""

_STANDSTILL_CHECK_SECONDS: Final = 0.005
_ERROR: Final = int(Opcode.ERROR)


class _Answer(NamedTuple):
    flags: int
    opcode: int
    body: bytes

    @property
    def at(self) -> int:
        """Where the message begins."""
        return response_start(self.body, self.flags)


class _Client:
    """Implements ``routing.peer.ClientPeer``, for one request."""

    version = PROTOCOL_V4

    def __init__(self, route: Route, keyspace: str | None) -> None:
        self.route = route
        self.keyspace = keyspace
        self.answer: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()

    def reply(self, stream: int, flags: int, opcode: int, body: bytes) -> None:
        if not self.answer.done():
            self.answer.set_result(_Answer(flags, opcode, body))

    def hold(self, connection: RawConnection) -> None:
        """Nothing: it has asked for one thing, and asks for no more before that is answered."""

    def one_node_view(self, statement: Statement, body: bytes, at: int) -> bytes:
        return body


class _UnpreparableError(Exception):
    """A statement was not prepared; ``error`` says why."""

    def __init__(self, error: WriteError) -> None:
        super().__init__(error.message)
        self.error = error


class JsonWriter:
    """``load`` counts the requests of all clients; ``standing_still`` tells whether they have to wait."""

    def __init__(
        self,
        *,
        router: Router,
        routes: Routes,
        statements: StatementCache,
        clock: WriteClock,
        metrics: Metrics,
        load: Load,
        standing_still: Callable[[], bool],
    ) -> None:
        self._router = router
        self._routes = routes
        self._statements = statements
        self._clock = clock
        self._metrics = metrics
        self._load = load
        self._standing_still = standing_still
        self._remembered = RememberedWrites()
        self._ids: OrderedDict[tuple[str | None, str], bytes] = OrderedDict()
        """Prepared ids by keyspace and query."""
        self._under_way = 0
        self.serving = False
        """Whether clients are served, and so programs."""

    async def stop(self, seconds: float) -> None:
        """Take no more, and wait so long at most for what is under way."""
        self.serving = False
        give_up_at = monotonic() + seconds
        while self._under_way and monotonic() < give_up_at:
            await asyncio.sleep(_STANDSTILL_CHECK_SECONDS)

    async def write(self, wanted: JsonWrite) -> Written:
        """Write it, and tell what became of it.

        Raises ``UnfitError`` for what cannot be sent, ``RepeatedError``, ``NotServingError``.
        """
        if not self.serving:
            raise NotServingError("the proxy is starting or stopping, and serves nobody now")
        started = monotonic()
        try:
            statement = self._statements.analyse(wanted.query.encode())
        except UnicodeEncodeError:
            raise UnfitError("query", "must be text that can be written in UTF-8") from None
        check_query(statement, wanted.keyspace, wanted.table)
        if statement.sets_timestamp and wanted.timestamp is not None:
            raise UnfitError("timestamp", "must be left out: the query has USING TIMESTAMP")
        remembered = self._remembered.find(wanted)
        if remembered is not None and remembered.is_final:
            return await asyncio.shield(remembered.outcome)
        if remembered is None:
            timestamp = self._clock.next() if wanted.timestamp is None else wanted.timestamp
            remembered = self._remembered.begin(wanted, timestamp)
        else:
            remembered.again()
        try:
            written = await self._try(wanted, statement, remembered, started)
        except BaseException:
            self._remembered.forget(wanted)
            remembered.outcome.cancel()
            raise
        remembered.outcome.set_result(written)
        return written

    async def _try(
        self, wanted: JsonWrite, statement: Statement, remembered: Remembered, started: float
    ) -> Written:
        request_id = wanted.request_id or str(uuid4())
        error: WriteError | None
        timestamp: int | None = remembered.timestamp
        if self._load.requests >= self._load.limit:
            self._metrics.count_refused_requests(Refused.ALL, 1)
            error = WriteError.of(ErrorCode.OVERLOADED, WHY[Refused.ALL])
        else:
            self._under_way += 1
            self._load.requests += 1
            try:
                error, timestamp = await self._send(wanted, statement, remembered)
            finally:
                self._under_way -= 1
                self._load.requests -= 1
        latency = (monotonic() - started) * 1000
        return Written(error is None, request_id, timestamp, round(latency, 3), error)

    async def _send(
        self, wanted: JsonWrite, statement: Statement, remembered: Remembered
    ) -> tuple[WriteError | None, int | None]:
        """Returns what went wrong, and the write time."""
        timestamp: int | None = remembered.timestamp
        given = timestamp
        if statement.conditional or statement.sets_timestamp:
            given = timestamp = None
        keyspace = wanted.keyspace if depends_on_keyspace(statement) else None
        if statement.markers == 0:
            bound_values(wanted.values, (), wanted.query)
            remembered.repeatable = is_repeatable(statement)
            parameters = QueryParameters(wanted.consistency, timestamp=given)
            body = Query(wanted.query, parameters).encode(PROTOCOL_V4)
            answer = await self._asked(self._router.query, keyspace, body)
            return _error_of(answer, statement), timestamp or own_timestamp(statement, ())
        values: tuple[Value, ...] = ()
        for _ in range(2):
            try:
                prepared = await self._prepared(wanted.query, keyspace)
            except _UnpreparableError as failed:
                return failed.error, timestamp
            values = bound_values(wanted.values, prepared.bound, wanted.query)
            remembered.repeatable = prepared.repeatable
            parameters = QueryParameters(wanted.consistency, values, timestamp=given)
            body = Execute(prepared.id, parameters).encode(PROTOCOL_V4)
            answer = await self._asked(self._router.execute, keyspace, body)
            if not _is_unprepared(answer):
                break
            # It has fallen out of the registry on the way.
            self._ids.pop((keyspace, wanted.query), None)
        return _error_of(answer, statement), timestamp or own_timestamp(statement, values)

    async def _prepared(self, query: str, keyspace: str | None) -> PreparedStatement:
        """The statement in the registry of all clients. Raises ``_UnpreparableError``."""
        known = self._ids.get((keyspace, query))
        prepared = None if known is None else self._routes.main.prepared.get(known)
        if prepared is not None:
            self._ids.move_to_end((keyspace, query))
            return prepared
        answer = await self._asked(self._router.prepare, keyspace, Prepare(query).encode(PROTOCOL_V4))
        if answer.opcode == _ERROR:
            code, message = error_code_and_message(answer.body, answer.at)
            raise _UnpreparableError(WriteError.of(code, message, sent=False))
        prepared_id = decode_prepared_id(answer.body, answer.at)
        prepared = self._routes.main.prepared.get(prepared_id)
        assert prepared is not None, "the router knows what it has just prepared"
        if len(query) <= LONGEST_KEPT:
            self._ids[keyspace, query] = prepared_id
            if len(self._ids) > QUERIES_KEPT:
                self._ids.popitem(last=False)
        return prepared

    async def _asked(
        self,
        ask: Callable[[_Client, int, int, bytes, float], None],
        keyspace: str | None,
        body: bytes,
    ) -> _Answer:
        while self._standing_still():
            await asyncio.sleep(_STANDSTILL_CHECK_SECONDS)
        client = _Client(self._routes.main, keyspace)
        ask(client, 0, 0, body, monotonic())
        return await client.answer


def _is_unprepared(answer: _Answer) -> bool:
    return answer.opcode == _ERROR and _error(answer)[0] == ErrorCode.UNPREPARED


def _error(answer: _Answer) -> tuple[int, str]:
    return error_code_and_message(answer.body, answer.at)


def _error_of(answer: _Answer, statement: Statement) -> WriteError | None:
    if answer.opcode == _ERROR:
        return WriteError.of(*_error(answer))
    if statement.conditional and not was_applied(answer.body, answer.at):
        return WriteError.not_applied()
    return None
