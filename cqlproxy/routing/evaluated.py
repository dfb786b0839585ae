"""Functions evaluated once: now(), uuid() and the current...() functions, in what goes to both clusters.

Each cluster would give them values of its own. So the request that the answering cluster gets has values in
their place already, and its copy has the same. A prepared statement gets bind markers for them, unseen by
the client; a text gets constants.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from cqlproxy.cluster.derived import entry_of, evaluated_of, execute_of
from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.statements import FunctionCall, Statement
from cqlproxy.statements.rewriting import Added, evaluable, with_constants
from frame_codec import (
    BatchEntry,
    BatchLayout,
    Opcode,
    batch_with,
    execute_id,
    query_span,
    replace_query,
    text_entry,
)

_QUERY: Final = int(Opcode.QUERY)
_EXECUTE: Final = int(Opcode.EXECUTE)

_TIMEUUID: Final = struct.Struct(">IHHH6s")
_LONG: Final = struct.Struct(">q")
_DATE: Final = struct.Struct(">I")
_GREGORIAN: Final = 0x01B21DD213814000
"""The Unix epoch in units of 100 ns since the beginning of the Gregorian calendar."""
_SECOND: Final = 1_000_000_000
_DAY: Final = 86_400 * _SECOND
_EPOCH_DAY: Final = 1 << 31
"""The day 1970-01-01 in a serialized date."""


class Evaluator:
    """Gives functions their values, as a coordinator would: each call has one of its own.

    The uuids of now() are of version 1, each later than the one before, with a node of this evaluator's
    own, so that they are unique among all clusters and proxies. ``now_ns`` gives nanoseconds since the
    epoch, ``random`` so many random bytes.
    """

    __slots__ = ("_clock_sequence", "_last", "_node", "_now_ns", "_random")

    def __init__(
        self, now_ns: Callable[[], int] = time.time_ns, random: Callable[[int], bytes] = os.urandom
    ) -> None:
        self._now_ns = now_ns
        self._random = random
        node = bytearray(random(6))
        node[0] |= 1  # the multicast bit, which no network card's address has (RFC 4122, section 4.5)
        self._node = bytes(node)
        self._clock_sequence = 0x8000 | int.from_bytes(random(2), "big") & 0x3FFF
        self._last = 0

    def value(self, function: str) -> bytes:
        """The serialized value of a function by its name in lower case (`FunctionCall.name`)."""
        if function == "uuid":
            found = bytearray(self._random(16))
            found[6] = found[6] & 0x0F | 0x40
            found[8] = found[8] & 0x3F | 0x80
            return bytes(found)
        now = self._now_ns()
        if function in ("now", "currenttimeuuid", "current_timeuuid"):
            ticks = self._last = max(self._last + 1, now // 100 + _GREGORIAN)
            high = ticks >> 48 & 0x0FFF | 0x1000
            return _TIMEUUID.pack(
                ticks & 0xFFFFFFFF, ticks >> 32 & 0xFFFF, high, self._clock_sequence, self._node
            )
        if function in ("currenttimestamp", "current_timestamp"):
            return _LONG.pack(now // 1_000_000)
        if function in ("currentdate", "current_date"):
            return _DATE.pack(_EPOCH_DAY + now // _DAY)
        if function in ("currenttime", "current_time"):
            return _LONG.pack(now % _DAY)
        raise ValueError(f"the function {function} cannot be evaluated here")

    def of_added(self, added: Added) -> bytes:
        """The value of a bind marker that stands in place of a function."""
        if added.function is None:
            raise ValueError(f"the bind marker {added.name} does not stand in place of a function")
        return self.value(added.function)

    def of_calls(self, calls: Sequence[FunctionCall]) -> list[bytes]:
        """The values of calls, in order."""
        return [self.value(call.name) for call in calls]


class Evaluated(NamedTuple):
    """A request in place of an EXECUTE: of a statement with markers, or of its text with constants."""

    opcode: int
    body: bytes
    prepared: PreparedStatement | None
    """The statement that it executes; None when it is a QUERY. It must run in the original's keyspace."""


def evaluated_text(text: bytes, statement: Statement, evaluator: Evaluator) -> bytes | None:
    """The text with constants for its functions; None when there are none that may be evaluated here."""
    if not statement.functions:
        return None
    decoded = text.decode()
    calls = evaluable(decoded, statement)
    if not calls:
        return None
    return with_constants(decoded, calls, evaluator.of_calls(calls)).encode()


def evaluated_query(body: bytes, at: int, statement: Statement, evaluator: Evaluator) -> bytes | None:
    """The QUERY at ``at`` with constants for its functions; None as for `evaluated_text`."""
    start, end = query_span(body, at)
    text = evaluated_text(body[start:end], statement, evaluator)
    return None if text is None else replace_query(body, at, text, None)


def evaluated_execute(
    body: bytes, at: int, prepared: PreparedStatement, evaluator: Evaluator
) -> Evaluated | None:
    """The EXECUTE at ``at`` with values for its functions; None when it is to be sent as it is.

    That is when there are no functions that may be evaluated here, or when it has another number of values
    than the statement has variables, to which a server will say what is to be said.
    """
    if not prepared.statement.functions:
        return None
    derived = evaluated_of(prepared)
    if derived is not None:
        found = execute_of(body, at, prepared, derived, evaluator.of_added)
        return None if found is None else Evaluated(_EXECUTE, found, derived)
    text = evaluated_text(prepared.text, prepared.statement, evaluator)
    if text is None:
        return None
    rest = body[at + 2 + len(execute_id(body, at)) :]
    return Evaluated(_QUERY, b"".join((body[:at], len(text).to_bytes(4, "big"), text, rest)), None)


def evaluated_batch(
    body: bytes,
    at: int,
    layout: BatchLayout,
    entries: Sequence[PreparedStatement | Statement],
    keyspace: str | None,
    analyse: Callable[[bytes], Statement],
    evaluator: Evaluator,
) -> tuple[bytes, list[PreparedStatement | Statement]] | None:
    """The BATCH at ``at`` with values for its functions, and what its entries are then.

    ``entries`` are what they are now, ``keyspace`` is where the batch runs. None when it is to be sent as
    it is. Its layout changes with it.
    """
    changed: dict[int, bytes] = {}
    after = list(entries)
    for number, (entry, what) in enumerate(zip(layout.entries, entries, strict=True)):
        found: tuple[bytes, PreparedStatement | Statement] | None
        if isinstance(what, PreparedStatement):
            found = _prepared_entry(body, entry, what, keyspace, analyse, evaluator)
        else:
            start, end = entry.text
            found = _text_entry(body, entry, body[start:end], what, analyse, evaluator)
        if found is not None:
            changed[number], after[number] = found
    return (batch_with(body, at, layout, changed), after) if changed else None


def _text_entry(
    body: bytes,
    entry: BatchEntry,
    text: bytes,
    statement: Statement,
    analyse: Callable[[bytes], Statement],
    evaluator: Evaluator,
) -> tuple[bytes, Statement] | None:
    evaluated = evaluated_text(text, statement, evaluator)
    return None if evaluated is None else (text_entry(evaluated, body, entry, None), analyse(evaluated))


def _prepared_entry(
    body: bytes,
    entry: BatchEntry,
    prepared: PreparedStatement,
    keyspace: str | None,
    analyse: Callable[[bytes], Statement],
    evaluator: Evaluator,
) -> tuple[bytes, PreparedStatement | Statement] | None:
    if not prepared.statement.functions:
        return None
    derived = evaluated_of(prepared)
    if derived is not None:
        found = entry_of(body, entry, prepared, derived, evaluator.of_added)
        return None if found is None else (found, derived)
    if prepared.stands_in not in (None, keyspace):
        return None  # as a text it would mean a table of another keyspace
    return _text_entry(body, entry, prepared.text, prepared.statement, analyse, evaluator)
