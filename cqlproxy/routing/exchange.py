"""One client request under way to the cluster that answers it, by what becomes of its answer.

An exchange gives its client exactly one answer, whatever happens: the node's own, or the error that a
coordinator would send in its place.
"""

from __future__ import annotations

import logging
from typing import Protocol

from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.cluster.request import Failure, Request
from cqlproxy.routing.peer import ClientPeer
from cqlproxy.routing.use_warning import without_use_warning
from cqlproxy.statements import Statement
from frame_codec import (
    ConsistencyLevel,
    ErrorCode,
    ErrorResponse,
    FrameFlag,
    Opcode,
    PlainError,
    ReadTimeout,
    ResultKind,
    Unavailable,
    WriteTimeout,
    response_start,
    was_applied,
)

log = logging.getLogger(__name__)

_ERROR = int(Opcode.ERROR)
_RESULT = int(Opcode.RESULT)
_WARNING = int(FrameFlag.WARNING)
_UNPREPARED = int(ErrorCode.UNPREPARED).to_bytes(4, "big")


class AppliedWrites(Protocol):
    """Where applied mutations go, after the client has its answer (``routing.copies``)."""

    def text(self, write: Write) -> None: ...

    def prepared(self, write: PreparedWrite) -> None: ...

    def batch(self, write: BatchWrite) -> None: ...

    def schema(self, write: SchemaChange) -> None: ...


class Steps(Protocol):
    """What an exchange asks of the router: further steps towards its answer, and what follows from it."""

    @property
    def copies(self) -> AppliedWrites: ...

    def read_answered(self, started: float, opcode: int) -> None: ...

    def write_answered(self, started: float, opcode: int) -> None: ...

    def consistency_of(self, exchange: Exchange) -> ConsistencyLevel: ...

    def send_again(self, exchange: Exchange) -> None: ...

    def statement_prepared(self, exchange: Prepare, body: bytes, at: int) -> None: ...

    def prepare_again(
        self, exchange: Exchange, candidates: tuple[PreparedStatement, ...], flags: int, body: bytes
    ) -> None: ...

    def answer_when_agreed(self, exchange: SchemaChange, flags: int, body: bytes) -> None: ...


class Exchange(Request):
    """A request that is passed on, and whose answer is passed back.

    ``flags``, ``opcode`` and ``body`` are those sent to the cluster. ``consistency`` is read from the
    body only when an error has to be made up.
    """

    __slots__ = (
        "body",
        "client",
        "flags",
        "opcode",
        "prepared_again",
        "repeated",
        "router",
        "started",
        "stream",
    )

    repeatable = False
    """Whether it may be sent once more to another node when a connection is lost: only reads."""

    def __init__(
        self,
        router: Steps,
        client: ClientPeer,
        stream: int,
        flags: int,
        opcode: int,
        body: bytes,
        started: float,
    ) -> None:
        self.router = router
        self.client = client
        self.stream = stream
        self.flags = flags
        self.opcode = opcode
        self.body = body
        self.started = started
        self.repeated = False
        self.prepared_again = 0

    def answered(self, flags: int, opcode: int, body: bytes) -> None:
        self.give_answer(flags, opcode, body)

    def give_answer(self, flags: int, opcode: int, body: bytes) -> None:
        """Pass the cluster's answer on, and do what follows from it."""
        self.client.reply(self.stream, flags, opcode, body)

    def failed(self, failure: Failure) -> None:
        if failure is Failure.CONNECTION_LOST and self.repeatable and not self.repeated:
            self.repeated = True
            self.router.send_again(self)
            return
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
                    consistency=self.router.consistency_of(self),
                    required=1,
                    alive=0,
                )
            )

    def refuse(self, error: ErrorResponse) -> None:
        """Answer with an error of the proxy's own."""
        self.client.reply(self.stream, 0, _ERROR, error.encode(self.client.version))


class Read(Exchange):
    """A statement that changes nothing."""

    __slots__ = ()

    repeatable = True

    def give_answer(self, flags: int, opcode: int, body: bytes) -> None:
        # Hot path.
        self.client.reply(self.stream, flags, opcode, body)
        self.router.read_answered(self.started, opcode)

    def refuse(self, error: ErrorResponse) -> None:
        super().refuse(error)
        self.router.read_answered(self.started, _ERROR)

    def error_of(self, failure: Failure) -> ErrorResponse:
        return ReadTimeout(
            f"The cluster did not answer this read ({failure.value})",
            consistency=self.router.consistency_of(self),
            received=0,
            block_for=1,
            data_present=False,
        )


class PreparedRead(Read):
    """EXECUTE of a statement that changes nothing."""

    __slots__ = ("prepared",)

    prepared: PreparedStatement

    def answered(self, flags: int, opcode: int, body: bytes) -> None:
        # Hot path.
        if opcode == _ERROR and is_unprepared(flags, body):
            self.router.prepare_again(self, (self.prepared,), flags, body)
            return
        if flags & _WARNING and self.client.keyspace == self.prepared.keyspace:
            flags, body = without_use_warning(flags, body)
        self.give_answer(flags, opcode, body)


class SystemRead(Read):
    """A read of ``system.local`` or ``system.peers``, whose answer shows the proxy as the only node."""

    __slots__ = ("statement",)

    statement: Statement

    def give_answer(self, flags: int, opcode: int, body: bytes) -> None:
        if opcode == _RESULT:
            body = self.client.one_node_view(self.statement, body, response_start(body, flags))
        super().give_answer(flags, opcode, body)


class PreparedSystemRead(PreparedRead):
    """EXECUTE of such a read."""

    __slots__ = ()

    def give_answer(self, flags: int, opcode: int, body: bytes) -> None:
        if opcode == _RESULT:
            body = self.client.one_node_view(self.prepared.statement, body, response_start(body, flags))
        super().give_answer(flags, opcode, body)


class Write(Exchange):
    """A mutation as text. ``keyspace`` is the client's at the time it was sent."""

    __slots__ = ("keyspace", "statement")

    statement: Statement
    keyspace: str | None

    def give_answer(self, flags: int, opcode: int, body: bytes) -> None:
        """The client has its answer first; then it is counted, and what was applied is copied."""
        # Hot path.
        self.client.reply(self.stream, flags, opcode, body)
        self.router.write_answered(self.started, opcode)
        if opcode == _RESULT and (
            not self.is_conditional() or was_applied(body, response_start(body, flags))
        ):
            self.copy()

    def is_conditional(self) -> bool:
        return self.statement.conditional

    def copy(self) -> None:
        self.router.copies.text(self)

    def refuse(self, error: ErrorResponse) -> None:
        super().refuse(error)
        self.router.write_answered(self.started, _ERROR)

    def error_of(self, failure: Failure) -> ErrorResponse:
        # Its outcome is unknown, and so it must not look like an error after which a driver may repeat it.
        return WriteTimeout(
            f"The cluster did not answer this write ({failure.value}): it may have been applied",
            consistency=self.router.consistency_of(self),
            received=0,
            block_for=1,
            write_type="SIMPLE",
        )


class PreparedWrite(Write):
    """EXECUTE of a mutation."""

    __slots__ = ("prepared",)

    prepared: PreparedStatement

    def answered(self, flags: int, opcode: int, body: bytes) -> None:
        # Hot path.
        if opcode == _RESULT and not flags and not self.prepared.conditional:
            router = self.router
            self.client.reply(self.stream, flags, opcode, body)
            router.write_answered(self.started, opcode)
            router.copies.prepared(self)
            return
        if opcode == _ERROR and is_unprepared(flags, body):
            self.router.prepare_again(self, (self.prepared,), flags, body)
            return
        if flags & _WARNING and self.client.keyspace == self.prepared.keyspace:
            flags, body = without_use_warning(flags, body)
        self.give_answer(flags, opcode, body)

    def is_conditional(self) -> bool:
        return self.prepared.conditional

    def copy(self) -> None:
        self.router.copies.prepared(self)


class BatchWrite(Write):
    """BATCH: texts and prepared statements. ``entries`` says what each of them does."""

    __slots__ = ("entries",)

    entries: list[PreparedStatement | Statement]

    def answered(self, flags: int, opcode: int, body: bytes) -> None:
        if opcode == _ERROR and is_unprepared(flags, body):
            prepared = tuple(entry for entry in self.entries if isinstance(entry, PreparedStatement))
            self.router.prepare_again(self, prepared, flags, body)
        else:
            self.give_answer(flags, opcode, body)

    def is_conditional(self) -> bool:
        return any(entry.conditional for entry in self.entries)

    def copy(self) -> None:
        self.router.copies.batch(self)

    def error_of(self, failure: Failure) -> ErrorResponse:
        return WriteTimeout(
            f"The cluster did not answer this batch ({failure.value}): it may have been applied",
            consistency=self.router.consistency_of(self),
            received=0,
            block_for=1,
            write_type="BATCH",
        )


class SchemaChange(Write):
    """A text that changes the schema, or TRUNCATE: copied in its order.

    The client has its answer when the nodes agree on the schema, since its next request may meet any of them.
    """

    __slots__ = ()

    def give_answer(self, flags: int, opcode: int, body: bytes) -> None:
        if opcode == _RESULT and self.client.backend.may_disagree:
            self.router.answer_when_agreed(self, flags, body)
        else:
            self.give_agreed_answer(flags, opcode, body)

    def give_agreed_answer(self, flags: int, opcode: int, body: bytes) -> None:
        super().give_answer(flags, opcode, body)

    def copy(self) -> None:
        self.router.copies.schema(self)


class Use(Exchange):
    """USE, on a connection that stands in that keyspace: asked so that the server says whether it exists."""

    __slots__ = ("keyspace",)

    keyspace: str

    def give_answer(self, flags: int, opcode: int, body: bytes) -> None:
        if opcode == _RESULT and is_kind(flags, body, ResultKind.SET_KEYSPACE):
            self.client.keyspace = self.keyspace
        self.client.reply(self.stream, flags, opcode, body)


class Prepare(Exchange):
    """PREPARE: the answer is remembered, so that an EXECUTE of its id is understood."""

    __slots__ = ("keyspace", "statement", "text")

    repeatable = True

    statement: Statement
    text: bytes
    keyspace: str | None

    def give_answer(self, flags: int, opcode: int, body: bytes) -> None:
        if opcode == _RESULT:
            self.router.statement_prepared(self, body, response_start(body, flags))
        self.client.reply(self.stream, flags, opcode, body)


def is_unprepared(flags: int, body: bytes) -> bool:
    """Whether an ERROR body says UNPREPARED."""
    at = response_start(body, flags) if flags else 0
    return body[at : at + 4] == _UNPREPARED


def is_kind(flags: int, body: bytes, kind: ResultKind) -> bool:
    """Whether a RESULT body is of ``kind``."""
    at = response_start(body, flags) if flags else 0
    return int.from_bytes(body[at : at + 4], "big") == kind
