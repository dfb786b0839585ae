"""The time to live of copies that are delivered late.

A server counts a time to live from when it gets the write. A copy that comes an hour late would live an
hour longer than its original, so it is written with the time that is left. When none is left it gets one
second and is written all the same: the original hid what the row held before, and until that second is over
the copy hides it too, and then leaves a tombstone with its write time behind as the original did. Left out,
it would uncover on one cluster an older value that the other has lost.

A write that gives no time to live has that of its table (``default_time_to_live``), and so has one that binds
unset: its copy is written with what is left of that, as a time to live of its own. Zero means none, in a text
or as a value, whatever the table gives; so does null. They stay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from cqlproxy.cluster.derived import aging_of, entry_of, execute_of
from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.mirror.mutation import Mutation
from cqlproxy.statements import Literal, LiteralKind, Marker, Statement, TableName, Term, analyse
from cqlproxy.statements.rewriting import Rewritten, expirable, values_of, with_ttls
from frame_codec import (
    UNSET,
    AddedValue,
    BatchEntry,
    BatchKind,
    Opcode,
    Parameters,
    Value,
    batch,
    batch_with,
    execute_id,
    named_value,
    parameters,
    prepared_entry,
    query_span,
    text_entry,
    value_at,
    with_values,
)

DefaultTtl = Callable[[str, str], int]
"""From keyspace and table to the time to live in seconds that the table gives writes; 0 for none."""

SHORTEST: Final = 1
"""Seconds that a copy lives when its time is over."""

_SERVERS_NAME: Final = "[ttl]"
"""What servers call the variable of a ``USING TTL ?``, for values that are bound by name."""


class Aged(NamedTuple):
    """What is to be sent for a copy that is late; the mutation stays as it is."""

    body: bytes
    prepared: Sequence[PreparedStatement]
    """The statements that the body executes, in the order of their ids: a time to live that a prepared text
    gives as a literal needs another statement, which may have to be prepared first."""
    expired: bool
    """Whether for something in it no time was left."""


def expires(mutation: Mutation, default_ttl: DefaultTtl) -> bool:
    """Whether a copy may have a time to live: its own, or that of a table which it writes."""
    # Hot path while the mirror lags: once for every copy that is late.
    found = mutation.expires
    for keyspace, table in mutation.tables:
        found = found or default_ttl(keyspace or mutation.keyspace or "", table) > 0
    return found


def aged(mutation: Mutation, age: float, default_ttl: DefaultTtl) -> Aged:
    """The copy as it is to be written ``age`` seconds after its original.

    Best are the seconds that servers count, ``int(now) - int(written_at)``; of others the whole ones count.
    ``default_ttl`` tells of the tables of the cluster that the copy goes to.
    """
    opcode, body, prepared = mutation.opcode, mutation.body, mutation.prepared
    # Not below 0, which would be a clock that has stepped back: nothing lives longer for that.
    clock = _Clock(max(0, int(age)), mutation.keyspace or "", default_ttl)
    if opcode == Opcode.QUERY:
        body = _query(body, clock)
    elif opcode == Opcode.EXECUTE:
        body, statement = _execute(body, prepared[0], clock)
        prepared = (statement,)
    elif opcode == Opcode.BATCH:
        body, prepared = _batch(body, prepared, clock)
    return Aged(body, prepared, clock.expired)


class _Values:
    """The values of a request: how many, whether they have names, and which a bind marker takes."""

    __slots__ = ("_body", "_offset", "count", "named")

    def __init__(self, body: bytes, offset: int, count: int, named: bool) -> None:
        self._body = body
        self._offset = offset
        self.count = count
        self.named = named

    @classmethod
    def of_parameters(cls, body: bytes, found: Parameters) -> _Values:
        return cls(body, found.values_offset, found.value_count, found.named and found.value_count > 0)

    @classmethod
    def of_entry(cls, body: bytes, entry: BatchEntry) -> _Values:
        return cls(body, entry.values_offset, entry.value_count, False)

    def of(self, marker: Marker, text: str, statement: Statement) -> Value:
        if self.named:
            return named_value(self._body, self._offset, self.count, (marker.name or _SERVERS_NAME).encode())
        found = values_of(text, statement, Rewritten(text, (marker.index,)), self.count)
        if found is None or not isinstance(found[0], int):
            return None
        return value_at(self._body, self._offset, found[0])


class _Clock:
    """How much time is left, and whether it was over for any.

    ``keyspace`` is that of tables without one.
    """

    __slots__ = ("_age", "_default_ttl", "_keyspace", "expired")

    def __init__(self, age: int, keyspace: str, default_ttl: DefaultTtl) -> None:
        self._age = age
        self._keyspace = keyspace
        self._default_ttl = default_ttl
        self.expired = False

    def left(self, statement: Statement, table: TableName, text: str, values: _Values) -> int | None:
        """What is left to an INSERT or UPDATE; None when it has no time to live, or none that is valid."""
        term = _ttl_term(statement)
        ttl = 0
        if isinstance(term, Marker):
            value = values.of(term, text, statement)
            if value is UNSET:
                term = None
            elif isinstance(value, bytes) and len(value) == 4:
                ttl = int.from_bytes(value, "big", signed=True)
        elif isinstance(term, Literal) and term.kind is LiteralKind.INTEGER:
            ttl = int(term.text)
        if term is None:
            ttl = self._default_ttl(table.keyspace or self._keyspace, table.table)
        if ttl <= 0:
            return None
        left = ttl - self._age
        if left < SHORTEST:
            self.expired = True
            return SHORTEST
        return left


def _ttl_term(statement: Statement) -> Term | None:
    return (
        statement.using.ttl.term if statement.using is not None and statement.using.ttl is not None else None
    )


def _query(body: bytes, clock: _Clock) -> bytes:
    start, end = query_span(body, 0)
    values = _Values.of_parameters(body, parameters(body, end))
    found = _text(body[start:end], values, clock)
    if found is None:
        return body
    text, kept = found
    return b"".join((len(text).to_bytes(4, "big"), text, with_values(body, end, kept)))


def _text(encoded: bytes, values: _Values, clock: _Clock) -> tuple[bytes, list[int | AddedValue]] | None:
    """The text with literals for what is left, and the numbers of the values that it still takes."""
    text = encoded.decode()
    statement = analyse(text)
    changed: list[tuple[Statement, int]] = []
    for one in expirable(statement):
        left = clock.left(one, one.tables[0], text, values)
        if left is not None:
            changed.append((one, left))
    if not changed:
        return None
    terms = [_ttl_term(one) for one, _ in changed]
    gone = {term.index for term in terms if isinstance(term, Marker)}
    markers = tuple(marker for marker in range(statement.markers) if marker not in gone)
    without = Rewritten(with_ttls(text, changed), markers)
    kept = values_of(text, statement, without, statement.markers if values.named else values.count)
    if kept is None:
        return None
    return without.text.encode(), [value for value in kept if isinstance(value, int)]


def _execute(body: bytes, prepared: PreparedStatement, clock: _Clock) -> tuple[bytes, PreparedStatement]:
    at = 2 + len(execute_id(body, 0))
    values = _Values.of_parameters(body, parameters(body, at))
    left = _prepared_left(prepared, values, clock)
    if left is None:
        return body, prepared
    bound = _in_place(prepared, values, left)
    if bound is not None:
        return body[:at] + with_values(body, at, bound), prepared
    derived = aging_of(prepared)
    found = None if derived is None else execute_of(body, 0, prepared, derived, lambda _: left)
    return (body, prepared) if found is None or derived is None else (found, derived)


def _batch(
    body: bytes, prepared: Sequence[PreparedStatement], clock: _Clock
) -> tuple[bytes, list[PreparedStatement]]:
    layout = batch(body, 0)
    changed: dict[int, bytes] = {}
    after: list[PreparedStatement] = []
    of_ids = iter(prepared)
    for number, entry in enumerate(layout.entries):
        if entry.kind == BatchKind.PREPARED:
            found, statement = _prepared_entry(body, entry, next(of_ids), clock)
            after.append(statement)
        else:
            found = _text_entry(body, entry, clock)
        if found is not None:
            changed[number] = found
    return batch_with(body, 0, layout, changed), after


def _text_entry(body: bytes, entry: BatchEntry, clock: _Clock) -> bytes | None:
    start, end = entry.text
    found = _text(body[start:end], _Values.of_entry(body, entry), clock)
    return None if found is None else text_entry(found[0], body, entry, found[1])


def _prepared_entry(
    body: bytes, entry: BatchEntry, prepared: PreparedStatement, clock: _Clock
) -> tuple[bytes | None, PreparedStatement]:
    values = _Values.of_entry(body, entry)
    left = _prepared_left(prepared, values, clock)
    if left is None:
        return None, prepared
    bound = _in_place(prepared, values, left)
    if bound is not None:
        return prepared_entry(entry.id, body, entry, bound), prepared
    derived = aging_of(prepared)
    found = None if derived is None else entry_of(body, entry, prepared, derived, lambda _: left)
    return (None, prepared) if found is None or derived is None else (found, derived)


def _prepared_left(prepared: PreparedStatement, values: _Values, clock: _Clock) -> bytes | None:
    """The serialized time that is left to a prepared INSERT or UPDATE; None when it has no time to live."""
    if not expirable(prepared.statement):
        return None
    left = clock.left(prepared.statement, prepared.tables[0], prepared.text.decode(), values)
    return None if left is None else left.to_bytes(4, "big")


def _in_place(prepared: PreparedStatement, values: _Values, left: bytes) -> list[int | AddedValue] | None:
    """The values with another time to live; None when it is no value, or one that others may share."""
    term = _ttl_term(prepared.statement)
    if not isinstance(term, Marker) or values.named or values.count != prepared.statement.markers:
        return None
    bound: list[int | AddedValue] = list(range(values.count))
    bound[term.index] = AddedValue(b"", left)
    return bound
