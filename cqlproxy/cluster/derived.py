"""Prepared statements made of others by rewriting their texts, and the requests that execute them.

A client knows only the statement that it prepared. Some requests and copies need another: without its
conditions, with markers for functions that the proxy evaluates, with a marker for the time to live. Each is
made once, kept with the one that it is made of, and prepared on a cluster when it is first needed there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.statements import Statement, analyse
from cqlproxy.statements.rewriting import (
    Added,
    Rewritten,
    aging,
    decided,
    evaluable,
    values_of,
    with_markers,
)
from frame_codec import (
    AddedValue,
    BatchEntry,
    BindMetadata,
    ColumnSpec,
    NativeType,
    Prepared,
    QueryFlag,
    RowsMetadata,
    TypeId,
    execute_id,
    prepared_entry,
    with_values,
)

_VALUES = int(QueryFlag.VALUES)
_NAMED_VALUES = int(QueryFlag.NAMED_VALUES)
_PARTS_OF_KEY = b"\0"

ValueOf = Callable[[Added], bytes]
"""From what was added to a statement to its serialized value."""


class DerivedStatement(PreparedStatement):
    """A prepared statement made of another, its origin.

    ``values`` says what its values are, in order: the number of one of the origin's, or one of its own.
    ``id`` is a key of the proxy's own, which no cluster gave; ``ids`` has theirs.
    """

    __slots__ = ("values",)

    def __init__(
        self, origin: PreparedStatement, rewritten: Rewritten, values: tuple[int | Added, ...]
    ) -> None:
        text = rewritten.text.encode()
        bound = tuple([_column(origin, value) for value in values])
        super().__init__(
            Prepared(
                _key(origin.keyspace, text),
                BindMetadata(bound, _routing_indexes(origin, values)),
                RowsMetadata.of(origin.result_columns),
            ),
            text,
            origin.keyspace,
            analyse(rewritten.text),
            system_table=origin.system_table,
        )
        self.values = values


def decided_of(origin: PreparedStatement) -> DerivedStatement | None:
    """A conditional write as its copy is: without its conditions.

    None when the server describes other variables than its text has, so that no value can be told.
    """
    found = origin.decided
    if not isinstance(found, DerivedStatement):
        origin.decided = found = _derived(origin, decided)
    return found


def evaluated_of(origin: PreparedStatement) -> DerivedStatement | None:
    """A statement with markers for the functions that the proxy evaluates.

    None when there are none that it may evaluate, or one where no marker may stand (then its text with
    constants must be sent instead), or as for `decided_of`.
    """
    found = origin.evaluated
    if not isinstance(found, DerivedStatement):
        origin.evaluated = found = _derived(origin, _evaluated)
    return found


def aging_of(origin: PreparedStatement) -> DerivedStatement | None:
    """An INSERT or UPDATE with a marker of its own for USING TTL, whether or not it had that before.

    None as for `decided_of`, or when it has no room for another marker.
    """
    found = origin.aging
    if not isinstance(found, DerivedStatement):
        origin.aging = found = _derived(origin, aging)
    return found


def execute_of(
    body: bytes, at: int, origin: PreparedStatement, derived: DerivedStatement, value_of: ValueOf
) -> bytes | None:
    """The EXECUTE of ``origin`` at ``at`` as one of ``derived``; what stands before it stays.

    None when it has another number of values than the statement: then a server's answer is the truth.
    """
    parameters_at = at + 2 + len(execute_id(body, at))
    flags = body[parameters_at + 2]
    count = int.from_bytes(body[parameters_at + 3 : parameters_at + 5], "big") if flags & _VALUES else 0
    if count != len(origin.bound) and not (count and flags & _NAMED_VALUES):
        return None
    return b"".join(
        (
            body[:at],
            len(derived.id).to_bytes(2, "big"),
            derived.id,
            with_values(body, parameters_at, _values(derived, value_of)),
        )
    )


def entry_of(
    body: bytes,
    entry: BatchEntry,
    origin: PreparedStatement,
    derived: DerivedStatement,
    value_of: ValueOf,
) -> bytes | None:
    """An entry of a BATCH that executes ``origin`` as one of ``derived``. None as for `execute_of`."""
    if entry.value_count != len(origin.bound):
        return None
    return prepared_entry(derived.id, body, entry, _values(derived, value_of))


def _values(derived: DerivedStatement, value_of: ValueOf) -> list[int | AddedValue]:
    return [
        value if isinstance(value, int) else AddedValue(value.name.encode(), value_of(value))
        for value in derived.values
    ]


def _derived(
    origin: PreparedStatement, rewrite: Callable[[str, Statement], Rewritten | None]
) -> DerivedStatement | None:
    text = origin.text.decode()
    rewritten = rewrite(text, origin.statement)
    if rewritten is None:
        return None
    values = values_of(text, origin.statement, rewritten, len(origin.bound))
    return None if values is None else DerivedStatement(origin, rewritten, values)


def _evaluated(text: str, statement: Statement) -> Rewritten | None:
    calls = evaluable(text, statement)
    return with_markers(text, statement, calls) if calls else None


def _key(keyspace: str | None, text: bytes) -> bytes:
    """As long as an id of a server: the text means another statement in each keyspace."""
    found = hashlib.md5((keyspace or "").encode() + _PARTS_OF_KEY + text, usedforsecurity=False)
    return found.digest()


def _column(origin: PreparedStatement, value: int | Added) -> ColumnSpec:
    if isinstance(value, int):
        return origin.bound[value]
    table = origin.tables[0]
    return ColumnSpec(
        table.keyspace or "", table.table, value.name, NativeType(TypeId[value.cql_type.upper()])
    )


def _routing_indexes(origin: PreparedStatement, values: tuple[int | Added, ...]) -> tuple[int, ...]:
    if not all(index in values for index in origin.routing_indexes):
        return ()
    return tuple(values.index(index) for index in origin.routing_indexes)
