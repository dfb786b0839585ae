"""The statement of a write: what it must be, and which write time it has. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from cqlproxy.json_writes.unfit import UnfitError
from cqlproxy.statements import Kind, Literal, LiteralKind, Marker, Statement
from frame_codec import Value


def check_query(statement: Statement, keyspace: str, table: str) -> None:
    """Raise ``UnfitError`` unless it writes this table and no other."""
    if statement.kind is Kind.UNKNOWN:
        raise UnfitError("query", "is not a statement that is understood here")
    if statement.kind not in (Kind.MUTATION, Kind.BATCH):
        raise UnfitError("query", "must be an INSERT, UPDATE or DELETE, or a batch of them")
    for written in statement.tables:
        if (written.keyspace or keyspace) != keyspace:
            raise UnfitError("keyspace", f"is not that of the query, which writes {written.keyspace}")
        if written.table != table:
            raise UnfitError("table", f"is not that of the query, which writes {written.table}")


def own_timestamp(statement: Statement, values: Sequence[Value]) -> int | None:
    """The write time that the text gives with USING TIMESTAMP; None when it has none, or several."""
    parameter = None if statement.using is None else statement.using.timestamp
    term = None if parameter is None else parameter.term
    if isinstance(term, Literal) and term.kind is LiteralKind.INTEGER:
        return int(term.text)
    if isinstance(term, Marker) and isinstance(value := values[term.index], bytes):
        return int.from_bytes(value, "big", signed=True)
    return None
