"""What an operator reads of a copy that was given up: its statements and values, and why."""

from __future__ import annotations

from collections.abc import Sequence

from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.cluster.side import Side
from cqlproxy.journal import DeadLetter, Json, Reason
from cqlproxy.mirror.mutation import Mutation
from cqlproxy.mirror.readable_values import readable, readable_named
from frame_codec import (
    BatchKind,
    ColumnSpec,
    ConsistencyLevel,
    Opcode,
    ProtocolError,
    batch,
    parameters,
    query_span,
)


def dead_letter(mutation: Mutation, side: Side, reason: Reason, error: str) -> DeadLetter:
    """The letter of a copy for ``side``."""
    try:
        statement, values, consistency = _told(mutation)
    except (ProtocolError, UnicodeDecodeError) as damage:
        # A client's body that its cluster took all the same: the letter is worth more than its niceness.
        statement, values, consistency = f"(unreadable: {damage})", "0x" + mutation.body.hex(), ""
    tables = mutation.tables
    tried = mutation.tried
    return DeadLetter(
        target=side,
        keyspace=tables[0].keyspace if tables and tables[0].keyspace is not None else mutation.keyspace,
        tables=tuple(
            f"{table.keyspace}.{table.table}" if table.keyspace else table.table for table in tables
        ),
        statement=statement,
        values=values,
        consistency=consistency,
        reason=reason,
        error=error,
        written_at=mutation.written_at,
        attempts=0 if tried is None else tried.failures,
        first_attempt=None if tried is None else tried.first,
        last_attempt=None if tried is None else tried.last,
    )


def unusable_letter(record: bytes, side: Side, error: str) -> DeadLetter:
    """The letter of a record that cannot be made into a copy."""
    return DeadLetter(
        target=side,
        keyspace=None,
        tables=(),
        statement="",
        values="0x" + record.hex(),
        consistency="",
        reason=Reason.UNREADABLE,
        error=error,
        written_at=0.0,
    )


def _told(mutation: Mutation) -> tuple[str, Json, str]:
    """Text, values and consistency level."""
    body = mutation.body
    if mutation.opcode == Opcode.BATCH:
        return _batch(body, mutation.prepared)
    if mutation.opcode == Opcode.EXECUTE:
        prepared = mutation.prepared[0]
        text, columns, at = prepared.text.decode(), prepared.bound, 2 + len(prepared.id)
    else:
        start, at = query_span(body, 0)
        text, columns = body[start:at].decode(), ()
    found = parameters(body, at)
    values: Json
    if found.named:
        values = readable_named(body, found.values_offset, found.value_count, columns)
    else:
        values = list(readable(body, found.values_offset, found.value_count, columns))
    return text, values, _level(found.consistency)


def _batch(body: bytes, statements: Sequence[PreparedStatement]) -> tuple[str, Json, str]:
    layout = batch(body, 0)
    prepared = iter(statements)
    texts: list[str] = []
    values: list[Json] = []
    for entry in layout.entries:
        columns: tuple[ColumnSpec, ...] = ()
        if entry.kind == BatchKind.PREPARED:
            statement = next(prepared)
            text, columns = statement.text.decode(), statement.bound
        else:
            text = body[slice(*entry.text)].decode()
        texts.append(text.rstrip().removesuffix(";") + ";\n")
        values.append(list(readable(body, entry.values_offset, entry.value_count, columns)))
    return "".join(texts), values, _level(layout.consistency)


def _level(consistency: int) -> str:
    try:
        return ConsistencyLevel(consistency).name
    except ValueError:
        return str(consistency)
