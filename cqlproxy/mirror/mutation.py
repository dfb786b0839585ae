"""A mutation to be copied: the body that the answering cluster took, and what delivery must know."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.mirror.attempts import Attempts
from cqlproxy.statements import TableName
from filters import Rules
from frame_codec import ErrorResponse

if TYPE_CHECKING:
    from cqlproxy.journal import Entry

OVERHEAD_BYTES = 400
"""What a waiting copy costs beside its body, for the bound in bytes."""

Settled = Callable[[ErrorResponse | None], None]
"""Takes what became of a copy that a client waits for: None when all is well, else the error."""


class Mutation:
    """One copy to deliver.

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
        "alone",
        "awaited",
        "body",
        "entry",
        "expires",
        "in_turn",
        "keyspace",
        "offered",
        "opcode",
        "prepared",
        "repeatable",
        "rules",
        "schema",
        "size",
        "tables",
        "tried",
    )

    def __init__(
        self,
        opcode: int,
        body: bytes,
        *,
        offered: float,
        tables: tuple[TableName, ...],
        rules: Rules | None,
        keyspace: str | None = None,
        prepared: Sequence[PreparedStatement] = (),
        repeatable: bool = True,
        in_turn: bool = False,
        schema: bool = False,
        expires: bool = False,
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
        self.alone = schema or (in_turn and len(tables) != 1)
        """Whether nothing else may be under way with it."""
        self.size = len(body) + OVERHEAD_BYTES
        self.tried: Attempts | None = None
        """None until there is something to tell of them."""
        self.entry: Entry | None = None
        """Its place in the journal, if it has one."""
        self.awaited: Settled | None = None
        """Whom to tell, once, while a client waits for it."""

    @property
    def written_at(self) -> float:
        """When the answering cluster had it, in seconds since the epoch."""
        return time.time() - (time.monotonic() - self.offered)
