"""Two clusters that answer as a test says, with the table ``ks.t (k int, c int, owner int, v int)``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

from cqlproxy.cluster.keyspaces import KeyspaceUnavailableError
from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.cluster.request import Answer, NoAnswerError
from cqlproxy.cluster.side import Side
from cqlproxy.cluster.tables import TableShape
from cqlproxy.cluster.versions import VersionedCluster
from cqlproxy.statements import TableName, analyse
from cqlproxy.validation.question import Question, question
from frame_codec import (
    BindMetadata,
    ColumnSpec,
    ErrorResponse,
    Execute,
    NativeType,
    Opcode,
    Prepared,
    Query,
    QueryParameters,
    Rows,
    RowsMetadata,
    TypeId,
)

INT = NativeType(TypeId.INT)
PLAIN = QueryParameters()
TABLE = TableName("ks", "t")
SHAPE = TableShape(("k",), ("c",), frozenset({"k", "c", "owner", "v"}))
COLUMNS = tuple(ColumnSpec("ks", "t", name, INT) for name in ("k", "c", "owner", "v"))


def number(value: int) -> bytes:
    return value.to_bytes(4, "big", signed=True)


def rows(*values: Sequence[int], names: Sequence[str] = ("k", "c", "v"), more: bool = False) -> Rows:
    """Rows of ints."""
    columns = tuple(ColumnSpec("ks", "t", name, INT) for name in names)
    metadata = RowsMetadata.of(columns, b"state" if more else None)
    return Rows(metadata, [tuple(map(number, row)) for row in values])


def statement(text: str, *bound: str, result: Sequence[str] = ("k", "c", "v")) -> PreparedStatement:
    """Prepared with an id that no cluster has."""
    columns = {column.name: column for column in COLUMNS}
    described = Prepared(
        b"client id",
        BindMetadata(tuple(columns[name] for name in bound)),
        RowsMetadata.of(tuple(columns[name] for name in result)),
    )
    return PreparedStatement(described, text.encode(), "ks", analyse(text))


def asked(
    text: str,
    parameters: QueryParameters = PLAIN,
    *,
    prepared: PreparedStatement | None = None,
    shape: TableShape = SHAPE,
) -> Question:
    """The question that a QUERY is, or an EXECUTE of ``prepared``."""
    request = Query(text, parameters) if prepared is None else Execute(prepared.id, parameters)
    return question(request.opcode, request.encode(4), "ks", prepared, analyse(text), TABLE, shape, text)


class Cluster:
    """``backend.Backend`` and its only connection; ``answers`` are given in turn, the last one for ever."""

    request_timeout = 1.0
    protocol_version = 4

    def __init__(self, side: Side) -> None:
        self.side = side
        self.ready = True
        self.shapes: dict[tuple[str, str], TableShape] = {("ks", "t"): SHAPE}
        self.answers: list[Rows | ErrorResponse | Exception | bytes] = [rows((1, 1, 5))]
        self.asked: list[tuple[int, bytes]] = []
        self.prepared: list[tuple[bytes, str | None]] = []
        self.prepare_answer: Prepared | ErrorResponse = Prepared(
            f"id on the {side.label}".encode(), BindMetadata(COLUMNS[:1]), RowsMetadata.of(COLUMNS)
        )
        self.open_error: KeyspaceUnavailableError | None = None
        self.hold = asyncio.Event()
        self.hold.set()

    @property
    def main(self) -> Cluster:
        return self

    @property
    def keyspaces(self) -> Cluster:
        return self

    def table(self, keyspace: str, table: str) -> TableShape | None:
        return self.shapes.get((keyspace, table))

    def pick(self) -> Cluster | None:
        return self if self.ready else None

    def pick_for(self, prepared: PreparedStatement, body: bytes, parameters_at: int) -> Cluster | None:
        return self.pick()

    async def open(self, keyspace: str) -> Cluster:
        if self.open_error is not None:
            raise self.open_error
        return self

    async def prepare(self, text: bytes, keyspace: str | None, near: object) -> Answer:
        self.prepared.append((text, keyspace))
        return Answer(self.prepare_answer.opcode, self.prepare_answer.encode(4))

    async def ask(self, opcode: int, body: bytes, timeout: float) -> Answer:
        self.asked.append((opcode, body))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        await self.hold.wait()
        if isinstance(answer, NoAnswerError):
            raise answer
        assert not isinstance(answer, Exception)
        if isinstance(answer, bytes):
            return Answer(Opcode.RESULT, answer)
        return Answer(answer.opcode, answer.encode(4))


def as_clusters(primary: Cluster, shadow: Cluster) -> tuple[VersionedCluster, VersionedCluster]:
    return cast(VersionedCluster, primary), cast(VersionedCluster, shadow)


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until ``condition`` holds."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)
