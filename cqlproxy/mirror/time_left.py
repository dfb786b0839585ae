"""The time to live of copies that are delivered late.

A server counts a time to live from when it gets the write. A copy that comes an hour late would live an
hour longer than its original, so it is written with the time that is left. When none is left it gets one
second and is written all the same: the original hid what the row held before, and until that second is over
the copy hides it too, and then leaves a tombstone with its write time behind as the original did. Left out,
it would uncover on one cluster an older value that the other has lost.

Zero means no time to live, in a text or as a value; so do null and unset. They stay. A time to live that
the table gives (``default_time_to_live``) is not in the write, and not seen here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from cqlproxy.cluster.derived import aging_of, entry_of, execute_of
from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.mirror.mutation import Mutation
from cqlproxy.statements import Literal, LiteralKind, Marker, Statement, Term, analyse
from cqlproxy.statements.rewriting import (
    Rewritten,
    TtlParameter,
    ttl_parameters,
    values_of,
    with_ttls,
)
from frame_codec import (
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


def aged(mutation: Mutation, age: float) -> Aged:
    """The copy as it is to be written ``age`` seconds after its original.

    Best are the seconds that servers count, ``int(now) - int(written_at)``; of others the whole ones count.
    """
    opcode, body, prepared = mutation.opcode, mutation.body, mutation.prepared
    clock = _Clock(int(age))
    if opcode == Opcode.QUERY:
        body = _query(body, clock)
    elif opcode == Opcode.EXECUTE:
        body, statement = _execute(body, prepared[0], clock)
        prepared = (statement,)
    elif opcode == Opcode.BATCH:
        body, prepared = _batch(body, prepared, clock)
    return Aged(body, prepared, clock.expired)


class _Clock:
    """How much time is left, and whether it was over for any."""

    __slots__ = ("_age", "expired")

    def __init__(self, age: int) -> None:
        self._age = age
        self.expired = False

    def left(self, ttl: int) -> int:
        left = ttl - self._age
        if left < SHORTEST:
            self.expired = True
            return SHORTEST
        return left


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


def _ttl(term: Term, text: str, statement: Statement, values: _Values) -> int:
    """The time to live in seconds; 0 for none, or none that a server takes."""
    if isinstance(term, Marker):
        value = values.of(term, text, statement)
        return (
            int.from_bytes(value, "big", signed=True) if isinstance(value, bytes) and len(value) == 4 else 0
        )
    if isinstance(term, Literal) and term.kind is LiteralKind.INTEGER:
        return int(term.text)
    return 0


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
    changed: list[tuple[TtlParameter, int]] = []
    for found in ttl_parameters(statement):
        ttl = _ttl(found.parameter.term, text, statement, values)
        if ttl > 0:
            changed.append((found, clock.left(ttl)))
    if not changed:
        return None
    gone = {found.parameter.term.index for found, _ in changed if isinstance(found.parameter.term, Marker)}
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
    using = prepared.statement.using
    if using is None or using.ttl is None:
        return None
    ttl = _ttl(using.ttl.term, prepared.text.decode(), prepared.statement, values)
    return clock.left(ttl).to_bytes(4, "big") if ttl > 0 else None


def _in_place(prepared: PreparedStatement, values: _Values, left: bytes) -> list[int | AddedValue] | None:
    """The values with another time to live; None when it is a literal, or a value that others may share."""
    using = prepared.statement.using
    term = using.ttl.term if using is not None and using.ttl is not None else None
    if not isinstance(term, Marker) or values.named or values.count != prepared.statement.markers:
        return None
    bound: list[int | AddedValue] = list(range(values.count))
    bound[term.index] = AddedValue(b"", left)
    return bound
