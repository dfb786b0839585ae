"""One client request under way to the cluster that answers it, by what becomes of its answer.

An exchange gives its client exactly one answer, whatever happens: the node's own, or the error that a
coordinator would send in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from cqlproxy.cluster.own_ids import with_own_ids
from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.cluster.request import Failure, Request
from cqlproxy.cluster.side import Side
from cqlproxy.metrics import PROXY
from cqlproxy.routing.peer import ClientPeer
from cqlproxy.routing.route import Route
from cqlproxy.statements import Statement
from frame_codec import (
    ConsistencyLevel,
    ErrorCode,
    ErrorResponse,
    FrameFlag,
    Opcode,
    PlainError,
    ResultKind,
    Unavailable,
    after_custom_payload,
    response_start,
)

if TYPE_CHECKING:
    from cqlproxy.routing.copies import Copies
    from cqlproxy.routing.writes import SchemaChange

ERROR = int(Opcode.ERROR)
RESULT = int(Opcode.RESULT)
_CUSTOM_PAYLOAD = int(FrameFlag.CUSTOM_PAYLOAD)
_UNPREPARED = int(ErrorCode.UNPREPARED).to_bytes(4, "big")
_OVERLOADED = int(ErrorCode.OVERLOADED).to_bytes(4, "big")
_STOPPING = b"Server is shutting down"
"""What Cassandra says, with OVERLOADED, to what comes while it ends in order, which takes seconds."""


class Steps(Protocol):
    """What an exchange asks of the router: further steps towards its answer, and what follows from it."""

    @property
    def copies(self) -> Copies: ...

    def timed_out(self) -> None: ...

    def error_given(self, source: str, code: int) -> None: ...

    def read_answered(self, started: float, opcode: int) -> None: ...

    def reads_answered(self, times: Sequence[float]) -> None: ...

    def write_answered(self, started: float, opcode: int, side: Side) -> None: ...

    def writes_answered(self, times: Sequence[float], side: Side) -> None: ...

    def one_sided(self) -> None: ...

    def consistency_of(self, exchange: Exchange) -> ConsistencyLevel: ...

    def send_again(self, exchange: Exchange) -> None: ...

    def statement_prepared(self, exchange: Prepare, body: bytes, at: int) -> None: ...

    def prepare_again(self, exchange: Exchange, flags: int, body: bytes) -> None: ...

    def answer_when_agreed(self, exchange: SchemaChange, flags: int, body: bytes) -> None: ...


class Exchange(Request):
    """A request that is passed on, and whose answer is passed back.

    ``flags`` and ``opcode`` are those sent to the cluster, as is ``body``, but for the ids in it, which are
    those that the client holds (see ``wire``). ``route`` is the client's at the time it was sent.
    """

    __slots__ = (
        "body",
        "client",
        "flags",
        "opcode",
        "prepared_again",
        "repeated",
        "route",
        "started",
        "steps",
        "stream",
    )

    repeatable = False
    """Whether it may be sent once more to another node when a connection is lost: only reads."""

    def __init__(
        self,
        steps: Steps,
        client: ClientPeer,
        stream: int,
        flags: int,
        opcode: int,
        body: bytes,
        started: float,
    ) -> None:
        self.steps = steps
        self.client = client
        self.route: Route = client.route
        self.stream = stream
        self.flags = flags
        self.opcode = opcode
        self.body = body
        self.started = started
        # How often it was sent to another node.
        self.repeated = 0
        self.prepared_again = 0

    def statements(self) -> tuple[PreparedStatement, ...]:
        """The prepared statements in it."""
        return ()

    def wire(self) -> bytes:
        """The body as the answering cluster is to get it: with its own prepared ids."""
        statements = self.statements()
        if not statements:
            return self.body
        at = after_custom_payload(self.body) if self.flags & _CUSTOM_PAYLOAD else 0
        return with_own_ids(self.opcode, self.body, statements, self.route.side, at)

    def answered(self, flags: int, opcode: int, body: bytes) -> None:
        self.give_answer(flags, opcode, body)

    def count_error(self, flags: int, body: bytes) -> None:
        """The client is given this error of the cluster."""
        at = response_start(body, flags) if flags else 0
        self.steps.error_given(self.route.side.label, int.from_bytes(body[at : at + 4], "big"))

    def give_answer(self, flags: int, opcode: int, body: bytes) -> None:
        """Pass the cluster's answer on, and do what follows from it."""
        self.client.reply(self.stream, flags, opcode, body)

    def goes_elsewhere(self) -> bool:
        if not self.repeatable or self.repeated:
            return False
        self.repeated = 1
        self.steps.send_again(self)
        return True

    def leaves(self, flags: int, body: bytes) -> bool:
        """Whether it goes to another node since the one that was asked stops, as the body of its ERROR says.

        The node has not begun with it, so a write may do so, too. Three nodes are asked at most.
        """
        at = response_start(body, flags) if flags else 0
        if body[at : at + 4] != _OVERLOADED or _STOPPING not in body:
            return False
        if self.repeated > 1 or len(self.route.backend.nodes) < 2:
            return False
        self.repeated += 1
        self.steps.send_again(self)
        return True

    def failed(self, failure: Failure) -> None:
        if failure is Failure.CONNECTION_LOST and self.goes_elsewhere():
            return
        if failure is Failure.TIMEOUT:
            self.steps.timed_out()
        self.refuse(self.error_of(failure))

    def error_of(self, failure: Failure) -> ErrorResponse:
        """What a coordinator would answer if it lost its replicas as we lost the coordinator."""
        return PlainError(
            f"The cluster gave no answer to this request ({failure.value})", ErrorCode.SERVER_ERROR
        )

    def unsent(self, *, full: bool) -> None:
        """No connection could take the request; ``full`` when there were some, but without a free stream."""
        if full:
            message = "Too many requests are under way to the cluster: all stream ids are in use"
            self.refuse(PlainError(message, ErrorCode.OVERLOADED))
        else:
            self.refuse(
                Unavailable(
                    "Cannot reach any node of the cluster: it is being reconnected to",
                    consistency=self.steps.consistency_of(self),
                    required=1,
                    alive=0,
                )
            )

    def refuse(self, error: ErrorResponse) -> None:
        """Answer with an error of the proxy's own."""
        self.steps.error_given(PROXY, error.code)
        self.client.reply(self.stream, 0, ERROR, error.encode(self.client.version))


class Use(Exchange):
    """USE, on a connection that stands in that keyspace: asked so that the server says whether it exists."""

    __slots__ = ("keyspace",)

    keyspace: str

    def give_answer(self, flags: int, opcode: int, body: bytes) -> None:
        if opcode == RESULT and is_kind(flags, body, ResultKind.SET_KEYSPACE):
            self.client.keyspace = self.keyspace
        elif opcode == ERROR:
            self.count_error(flags, body)
        self.client.reply(self.stream, flags, opcode, body)


class Prepare(Exchange):
    """PREPARE: the answer is remembered, so that an EXECUTE of its id is understood."""

    __slots__ = ("keyspace", "statement", "text")

    repeatable = True

    statement: Statement
    text: bytes
    keyspace: str | None

    def give_answer(self, flags: int, opcode: int, body: bytes) -> None:
        if opcode == RESULT:
            self.steps.statement_prepared(self, body, response_start(body, flags))
        elif self.leaves(flags, body):
            return
        elif opcode == ERROR:
            self.count_error(flags, body)
        self.client.reply(self.stream, flags, opcode, body)


def is_unprepared(flags: int, body: bytes) -> bool:
    """Whether an ERROR body says UNPREPARED."""
    at = response_start(body, flags) if flags else 0
    return body[at : at + 4] == _UNPREPARED


def is_kind(flags: int, body: bytes, kind: ResultKind) -> bool:
    """Whether a RESULT body is of ``kind``."""
    at = response_start(body, flags) if flags else 0
    return int.from_bytes(body[at : at + 4], "big") == kind
