"""A read that was answered, as the question that is put to the other cluster: or why it is not."""

from __future__ import annotations

from typing import Final, NamedTuple

from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.cluster.tables import TableShape
from cqlproxy.routing.bound_values import BoundValues, of_execute, of_query
from cqlproxy.statements import Binding, Operator, ReadClauses, Statement, TableName, read_clauses
from cqlproxy.validation.comparison import ONLY_PRESENCE, Asked
from cqlproxy.validation.skipped import Skipped, SkippedError
from frame_codec import ConsistencyLevel, Opcode, QueryFlag, consistency_offset, parameters, without_flag

_EXECUTE: Final = int(Opcode.EXECUTE)
_PAGING_STATE: Final = int(QueryFlag.PAGING_STATE)
_SKIP_METADATA: Final = int(QueryFlag.SKIP_METADATA)
_SERIAL: Final = (int(ConsistencyLevel.SERIAL), int(ConsistencyLevel.LOCAL_SERIAL))

_VARYING: Final = frozenset(
    {
        *("now", "uuid", "currenttimestamp", "currentdate", "currenttime", "currenttimeuuid"),
        *("current_timestamp", "current_date", "current_time", "current_timeuuid"),
        "mutation_fragments",  # how a node keeps its data
    }
)


class Question(NamedTuple):
    """What is sent, and what is known of it."""

    opcode: int
    body: bytes
    """With the client's prepared id, without custom payload, asking for metadata."""
    parameters_at: int
    """Where its consistency stands."""
    keyspace: str | None
    """In which the text of a QUERY is to be understood."""
    prepared: PreparedStatement | None
    statement: Statement
    table: TableName
    shape: TableShape
    clauses: ReadClauses
    asked: Asked

    @property
    def value_of(self) -> BoundValues:
        """The values that it binds."""
        if self.prepared is not None:
            return of_execute(self.body, self.prepared)
        return of_query(self.body, self.statement)


def question(
    opcode: int,
    body: bytes,
    keyspace: str | None,
    prepared: PreparedStatement | None,
    statement: Statement,
    table: TableName,
    shape: TableShape,
    text: str,
) -> Question:
    """The question that a SELECT of ``table`` is.

    ``body`` is that of its QUERY or EXECUTE, without custom payload. Raises ``SkippedError`` when its answers
    are not to be compared, and ``ProtocolError``.
    """
    at = consistency_offset(body, opcode)
    found = parameters(body, at)
    if found.flags & _PAGING_STATE:
        raise SkippedError(Skipped.CONTINUED_PAGE)
    if found.consistency in _SERIAL:
        raise SkippedError(Skipped.SERIAL)
    clauses = read_clauses(text)
    varies = clauses.approximate or not _VARYING.isdisjoint(clauses.calls)
    if varies or _wraps_what_varies(statement, clauses):
        raise SkippedError(Skipped.VARYING)
    if found.flags & _SKIP_METADATA:
        body = without_flag(body, found.flags_offset, _SKIP_METADATA)
    fixed = {binding.column for binding in statement.bindings if _is_one_value(binding)}
    one_partition = fixed.issuperset(shape.partition_key)
    key = shape.clustering_key if one_partition else (*shape.partition_key, *shape.clustering_key)
    return Question(
        opcode,
        body,
        at,
        keyspace,
        prepared,
        statement,
        table,
        shape,
        clauses,
        Asked(statement.selection, statement.json, ordered=one_partition, key=frozenset(key)),
    )


def _is_one_value(binding: Binding) -> bool:
    return binding.operator is Operator.EQ and len(binding.terms) == 1


def _wraps_what_varies(statement: Statement, clauses: ReadClauses) -> bool:
    """Whether ttl() or writetime() is called anywhere but as a result column of its own."""
    called = sum(name in ONLY_PRESENCE for name in clauses.calls)
    if not called:
        return False
    columns = [selected.function for selected in statement.selection or () if selected.column is not None]
    return called != sum(name in ONLY_PRESENCE for name in columns)
