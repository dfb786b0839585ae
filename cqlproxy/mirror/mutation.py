"""A mutation to be copied: the body that the answering cluster took, and what delivery must know."""

from __future__ import annotations

from collections.abc import Sequence

from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.statements import TableName
from filters import Rules

OVERHEAD_BYTES = 400
"""What a waiting copy costs beside its body, for the bound in bytes."""


class Mutation:
    """One copy to deliver.

    ``opcode`` and ``body`` are the request's, without custom payload and with the write time that the
    answering cluster got. ``keyspace`` is the client's, for texts that do not name theirs.
    ``tables`` are those that it writes, without repetition.
    ``prepared`` are the prepared statements in it, in the order of their ids in the body.
    ``repeatable`` says whether delivering it twice does no harm; ``in_turn`` that its place among the
    copies of its tables matters; ``conditional`` that the shadow may answer it with ``[applied]`` false;
    ``schema`` that everything offered before must be settled first, and what comes after must wait.
    ``rules`` are those that let it pass: when others are in force, they are asked before it is sent.
    """

    __slots__ = (
        "admitted",
        "alone",
        "attempts",
        "body",
        "conditional",
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
    )

    def __init__(
        self,
        opcode: int,
        body: bytes,
        *,
        offered: float,
        tables: tuple[TableName, ...],
        rules: Rules,
        keyspace: str | None = None,
        prepared: Sequence[PreparedStatement] = (),
        repeatable: bool = True,
        in_turn: bool = False,
        conditional: bool = False,
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
        self.conditional = conditional
        self.schema = schema
        self.alone = schema or (in_turn and len(tables) != 1)
        """Whether nothing else may be under way with it."""
        self.admitted = False
        """Whether its turn has come: later attempts of it wait for nothing more."""
        self.attempts = 0
        self.size = len(body) + OVERHEAD_BYTES
