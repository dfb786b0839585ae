"""A mutation to be copied: the body that the answering cluster took, and what delivery must know."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.cluster.request import Failure, Request
from cqlproxy.mirror.attempts import Attempts
from cqlproxy.statements import TableName
from filters import Rules
from frame_codec import (
    PROTOCOL_V4,
    ErrorCode,
    ErrorResponse,
    Opcode,
    PlainError,
    ProtocolError,
    response_start,
)

if TYPE_CHECKING:
    from cqlproxy.journal import Entry

_RESULT = int(Opcode.RESULT)

OVERHEAD_BYTES = 400
"""What a waiting copy costs beside its body, for the bound in bytes."""

Settled = Callable[[ErrorResponse | None], None]
"""Takes what became of a copy that a client waits for: None when all is well, else the error."""


class Carrier(Protocol):
    """Who has sent a copy. Each copy under way is among ``in_flight``, and taken out by ``landed``."""

    in_flight: set[Mutation]
    delivered: Callable[[Mutation], None]
    """The target acknowledged it."""

    delivered_together: Callable[[list[Mutation]], None]
    """The same of many, which have yet to be ``landed``. Hot path."""

    def landed(self, mutation: Mutation) -> None:
        """It is under way no longer."""

    def refused(self, mutation: Mutation, error: ErrorResponse) -> None:
        """The target answered with an error."""

    def unanswered(self, mutation: Mutation, failure: Failure) -> None:
        """No answer came."""


class Mutation(Request):
    """One copy to deliver, and the request that does so: it is under way once at a time.

    ``opcode`` and ``body`` are the request's, without custom payload and with the write time that the
    answering cluster got. ``keyspace`` is the client's, for texts that do not name theirs.
    ``offered`` is ``time.monotonic()`` when the answering cluster had it, in seconds.
    ``tables`` are those that it writes, without repetition.
    ``prepared`` are the prepared statements in it, in the order of their ids in the body.
    ``repeatable`` says whether delivering it twice does no harm; ``in_turn`` that its place among the
    copies of its tables matters; ``schema`` that everything offered before must be settled first, and what
    comes after must wait; ``expires`` that it gives a time to live, which runs while it waits.
    ``rules`` are those that let it pass: when others are in force, they are asked before it is sent. With
    None they are asked in any case.
    """

    __slots__ = (
        "awaited",
        "body",
        "carrier",
        "entry",
        "expires",
        "in_turn",
        "keyspace",
        "offered",
        "opcode",
        "ordered",
        "prepared",
        "repeatable",
        "rules",
        "schema",
        "sent",
        "size",
        "tables",
        "tried",
    )

    def __init__(
        self,
        opcode: int,
        body: bytes,
        offered: float,
        tables: tuple[TableName, ...],
        rules: Rules | None,
        prepared: Sequence[PreparedStatement] = (),
        repeatable: bool = True,
        in_turn: bool = False,
        expires: bool = False,
        keyspace: str | None = None,
        schema: bool = False,
    ) -> None:
        self.opcode = opcode
        self.body = body
        self.offered = offered
        self.tables = tables
        self.rules = rules
        self.keyspace = keyspace
        self.prepared = prepared
        self.repeatable = repeatable
        self.in_turn = in_turn
        self.schema = schema
        self.expires = expires
        self.ordered = in_turn or schema
        """Whether it may have to wait for others, or others for it."""
        self.size = len(body) + OVERHEAD_BYTES
        self.tried: Attempts | None = None
        """None until there is something to tell of them."""
        self.entry: Entry | None = None
        """Its place in the journal, if it has one."""
        self.awaited: Settled | None = None
        """Whom to tell, once, while a client waits for it."""

    carrier: Carrier
    """Set when it is sent, as are ``sent`` and what a request has."""

    sent: float
    """By the carrier's clock, in seconds."""

    def answered(self, flags: int, opcode: int, body: bytes) -> None:
        carrier = self.carrier
        if self not in carrier.in_flight:
            return
        carrier.landed(self)
        if opcode == _RESULT:
            carrier.delivered(self)
        else:
            carrier.refused(self, _error(flags, body))

    @staticmethod
    def answered_together(answered: list[tuple[Mutation, bytes]], now: float) -> None:
        # Hot path: all of one connection, and so sent by the same carrier.
        carrier = answered[0][0].carrier
        under_way = carrier.in_flight
        carrier.delivered_together([mutation for mutation, _ in answered if mutation in under_way])

    def failed(self, failure: Failure) -> None:
        if self in self.carrier.in_flight:
            self.carrier.landed(self)
            self.carrier.unanswered(self, failure)

    @property
    def alone(self) -> bool:
        """Whether nothing else may be under way with it."""
        return self.schema or (self.in_turn and len(self.tables) != 1)

    @property
    def written_at(self) -> float:
        """When the answering cluster had it, in seconds since the epoch."""
        return time.time() - (time.monotonic() - self.offered)


Mutation.told_together = Mutation


def _error(flags: int, body: bytes) -> ErrorResponse:
    try:
        return ErrorResponse.decode(body, PROTOCOL_V4, response_start(body, flags))
    except ProtocolError as damage:
        return PlainError(f"an error that cannot be read: {damage}", ErrorCode.SERVER_ERROR)
