"""Conditional writes as they were decided: the copy of one that was applied has no conditions.

The other cluster must not decide again: its rows may differ, and then it would decide otherwise. The body of
a copy must get a write time of the proxy's afterwards (`frame_codec.with_write_time`), in place of the
client's if there is one: servers pay no heed to a default timestamp with a condition, and write with the
time of the round that decided.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cqlproxy.cluster.derived import decided_of, entry_of, execute_of
from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.statements import Statement
from cqlproxy.statements.rewriting import Added, decided, values_of
from frame_codec import (
    AddedValue,
    BatchEntry,
    BatchLayout,
    QueryFlag,
    batch_with,
    query_span,
    text_entry,
    with_values,
)

_VALUES = int(QueryFlag.VALUES)
_NAMED_VALUES = int(QueryFlag.NAMED_VALUES)


def decided_query(body: bytes, statement: Statement) -> bytes | None:
    """The QUERY, a conditional write or a text batch with one inside, without its conditions.

    None when its values cannot be told apart, because it has another number of them than markers.
    """
    start, end = query_span(body, 0)
    flags = body[end + 2]
    count = int.from_bytes(body[end + 3 : end + 5], "big") if flags & _VALUES else 0
    named = bool(count and flags & _NAMED_VALUES)
    found = _decided_text(body[start:end], statement, statement.markers if named else count)
    if found is None:
        return None
    text, values = found
    return b"".join((len(text).to_bytes(4, "big"), text, with_values(body, end, values)))


def decided_execute(body: bytes, prepared: PreparedStatement) -> tuple[bytes, PreparedStatement] | None:
    """The EXECUTE of a conditional write without its conditions, and the statement that it executes.

    None as for `decided_query`.
    """
    derived = decided_of(prepared)
    if derived is None:
        return None
    found = execute_of(body, 0, prepared, derived, _nothing_added)
    return None if found is None else (found, derived)


def decided_batch(
    body: bytes,
    layout: BatchLayout,
    entries: Sequence[PreparedStatement | Statement],
    analyse: Callable[[bytes], Statement],
) -> tuple[bytes, list[PreparedStatement | Statement]] | None:
    """The BATCH without the conditions in it, and what its entries are then; its layout changes with it.

    ``entries`` are what they are now. None as for `decided_query`.
    """
    changed: dict[int, bytes] = {}
    after = list(entries)
    for number, (entry, what) in enumerate(zip(layout.entries, entries, strict=True)):
        if not what.conditional:
            continue
        found: tuple[bytes, PreparedStatement | Statement] | None
        if isinstance(what, PreparedStatement):
            found = _prepared_entry(body, entry, what)
        else:
            found = _text_entry(body, entry, what, analyse)
        if found is None:
            return None
        changed[number], after[number] = found
    return batch_with(body, 0, layout, changed), after


def _prepared_entry(
    body: bytes, entry: BatchEntry, prepared: PreparedStatement
) -> tuple[bytes, PreparedStatement | Statement] | None:
    derived = decided_of(prepared)
    if derived is None:
        return None
    found = entry_of(body, entry, prepared, derived, _nothing_added)
    return None if found is None else (found, derived)


def _text_entry(
    body: bytes, entry: BatchEntry, statement: Statement, analyse: Callable[[bytes], Statement]
) -> tuple[bytes, PreparedStatement | Statement] | None:
    start, end = entry.text
    found = _decided_text(body[start:end], statement, entry.value_count)
    if found is None:
        return None
    text, values = found
    return text_entry(text, body, entry, values), analyse(text)


def _decided_text(
    text: bytes, statement: Statement, count: int
) -> tuple[bytes, list[int | AddedValue]] | None:
    decoded = text.decode()
    rewritten = decided(decoded, statement)
    values = values_of(decoded, statement, rewritten, count)
    if values is None:
        return None
    return rewritten.text.encode(), [value for value in values if isinstance(value, int)]


def _nothing_added(added: Added) -> bytes:
    raise ValueError(f"a decided write has no value for {added.name}")
