"""A mutation to be copied: the body that the answering cluster took, and what delivery must know."""

from __future__ import annotations

from collections.abc import Sequence

from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.statements import TableName

OVERHEAD_BYTES = 400
"""What a waiting copy costs beside its body, for the bound in bytes."""


class Mutation:
    """One copy to deliver.

    ``opcode`` and ``body`` are the request's, without custom payload and with the write time that the
    answering cluster got. ``keyspace`` is the client's, for texts that do not name theirs.
    ``prepared`` are the prepared statements in it, in the order of their ids in the body.
    ``repeatable`` says whether delivering it twice does no harm; ``schema`` that what was offered
    before must be delivered first, and what comes after must wait.
    """

    __slots__ = (
        "attempts",
        "body",
        "keyspace",
        "offered",
        "opcode",
        "prepared",
        "repeatable",
        "schema",
        "size",
        "table",
    )

    def __init__(
        self,
        opcode: int,
        body: bytes,
        *,
        offered: float,
        table: TableName,
        keyspace: str | None = None,
        prepared: Sequence[PreparedStatement] = (),
        repeatable: bool = True,
        schema: bool = False,
    ) -> None:
        self.opcode = opcode
        self.body = body
        self.offered = offered
        self.table = table
        self.keyspace = keyspace
        self.prepared = prepared
        self.repeatable = repeatable
        self.schema = schema
        self.attempts = 0
        self.size = len(body) + OVERHEAD_BYTES
