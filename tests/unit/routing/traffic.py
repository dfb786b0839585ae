"""Requests of every kind, and what nodes answer, for the tests of what is handled together. Pure.

Each request bears a mark that is found again in all that becomes of it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from frame_codec import (
    PROTOCOL_V4,
    UNSET,
    Batch,
    BatchQuery,
    BatchType,
    BindMetadata,
    ColumnSpec,
    ConsistencyLevel,
    ErrorCode,
    Execute,
    FrameFlag,
    NativeType,
    Opcode,
    PlainError,
    Prepared,
    Query,
    QueryParameters,
    Rows,
    RowsMetadata,
    TypeId,
    Unprepared,
    Void,
    WriteTimeout,
    after_custom_payload,
    batch,
    consistency_offset,
    execute_id,
    parameters,
    with_write_time,
)

Message = tuple[int, int, bytes]
"""Flags, opcode, body."""

INSERT: Final = "INSERT INTO bench.by_key (key, payload) VALUES (?, ?)"
CONDITIONAL: Final = f"{INSERT} IF NOT EXISTS"
EXPIRING: Final = f"{INSERT} USING TTL 600"
TIMED: Final = "INSERT INTO bench.timed (key, payload, at) VALUES (?, ?, now())"
COUNTER: Final = "UPDATE bench.counters SET n = n + 1 WHERE key = ?"
SELECT: Final = "SELECT payload FROM bench.by_key WHERE key = ?"
TEXTS: Final = (INSERT, CONDITIONAL, EXPIRING, TIMED, COUNTER, SELECT)

HELD_TENANT: Final = (-1).to_bytes(8, "big", signed=True)
TRACING: Final = int(FrameFlag.TRACING)
WARNING: Final = int(FrameFlag.WARNING)
PAYLOAD: Final = int(FrameFlag.CUSTOM_PAYLOAD)
_MARK: Final = re.compile(rb"#\d{6}#")
_TIMEUUID: Final = re.compile(rb"(?<=\x00\x00\x00\x10).{16}", re.DOTALL)
_PROXYS_TIMES: Final = 10**15
"""Clients of the tests give earlier write times than the proxy."""


def mark(number: int) -> bytes:
    """Eight bytes, so that it can be a key as well."""
    return b"#%06d#" % number


def mark_in(body: bytes) -> bytes:
    found = _MARK.search(body)
    assert found is not None, body
    return found[0]


def id_of(text: str) -> bytes:
    """What every node calls a statement."""
    return hashlib.md5(text.encode(), usedforsecurity=False).digest()


# --- requests ---------------------------------------------------------------------------------


def _execute(text: str, parameters: QueryParameters) -> bytes:
    return Execute(id_of(text), parameters).encode(PROTOCOL_V4)


def _row(marked: bytes) -> QueryParameters:
    return QueryParameters(values=(marked, b"payload"))


def _literals(marked: bytes) -> str:
    return f"INSERT INTO bench.texts (key, note) VALUES (1, '{marked.decode()}')"


def _text_batch(marked: bytes) -> str:
    return f"BEGIN BATCH {_literals(marked)}; {_literals(marked)}; APPLY BATCH"


def _batch(marked: bytes, *keys: bytes) -> bytes:
    entries = [BatchQuery(id_of(INSERT), (key, marked)) for key in keys]
    entries.append(BatchQuery(_literals(marked)))
    return Batch(BatchType.LOGGED, tuple(entries)).encode(PROTOCOL_V4)


_EXECUTE = int(Opcode.EXECUTE)
_QUERY = int(Opcode.QUERY)
_WITH_PAYLOAD: Final = bytes.fromhex("0001 0001 61 00000002 6262")

REQUESTS: Final[Mapping[str, Callable[[bytes], Message]]] = {
    "insert": lambda m: (0, _EXECUTE, _execute(INSERT, _row(m))),
    "longer insert": lambda m: (0, _EXECUTE, _execute(INSERT, replace(_row(m), values=(m, bytes(300))))),
    "client's time": lambda m: (0, _EXECUTE, _execute(INSERT, replace(_row(m), timestamp=1000))),
    "named values": lambda m: (0, _EXECUTE, _execute(INSERT, replace(_row(m), names=("key", "payload")))),
    "conditional": lambda m: (0, _EXECUTE, _execute(CONDITIONAL, _row(m))),
    "held": lambda m: (0, _EXECUTE, _execute(INSERT, QueryParameters(values=(HELD_TENANT, m)))),
    "null tenant": lambda m: (0, _EXECUTE, _execute(INSERT, QueryParameters(values=(None, m)))),
    "unset tenant": lambda m: (0, _EXECUTE, _execute(INSERT, QueryParameters(values=(UNSET, m)))),
    "expiring": lambda m: (0, _EXECUTE, _execute(EXPIRING, _row(m))),
    "now()": lambda m: (0, _EXECUTE, _execute(TIMED, _row(m))),
    "counter": lambda m: (0, _EXECUTE, _execute(COUNTER, QueryParameters(values=(m,)))),
    "traced": lambda m: (TRACING, _EXECUTE, _execute(INSERT, _row(m))),
    "with payload": lambda m: (PAYLOAD, _EXECUTE, _WITH_PAYLOAD + _execute(INSERT, _row(m))),
    "unknown id": lambda m: (0, _EXECUTE, Execute(bytes(16), _row(m)).encode(PROTOCOL_V4)),
    "select": lambda m: (0, _EXECUTE, _execute(SELECT, QueryParameters(values=(m,)))),
    "next page": lambda m: (0, _EXECUTE, _execute(SELECT, QueryParameters(values=(m,), paging_state=b"p"))),
    "text": lambda m: (0, _QUERY, Query(_literals(m)).encode(PROTOCOL_V4)),
    "conditional text": lambda m: (0, _QUERY, Query(_literals(m) + " IF NOT EXISTS").encode(PROTOCOL_V4)),
    "text in turn": lambda m: (
        0,
        _QUERY,
        Query(f"UPDATE bench.lists SET items = items + ['{m.decode()}'] WHERE key = 1").encode(PROTOCOL_V4),
    ),
    "text batch": lambda m: (0, _QUERY, Query(_text_batch(m)).encode(PROTOCOL_V4)),
    "text select": lambda m: (
        0,
        _QUERY,
        Query(f"SELECT note FROM bench.texts WHERE note = '{m.decode()}'").encode(PROTOCOL_V4),
    ),
    "batch": lambda m: (0, int(Opcode.BATCH), _batch(m, bytes(8))),
    "batch, some held": lambda m: (0, int(Opcode.BATCH), _batch(m, HELD_TENANT, bytes(8))),
}
USUAL: Final = ("insert", "longer insert", "client's time", "select")
COPIED_AS_IT_IS: Final = frozenset(REQUESTS) - {"conditional", "conditional text", "batch, some held"}


# --- answers ----------------------------------------------------------------------------------

_KEY: Final = ColumnSpec("bench", "by_key", "key", NativeType(TypeId.BIGINT))
_BLOB: Final = ColumnSpec("bench", "by_key", "payload", NativeType(TypeId.BLOB))
_AT: Final = ColumnSpec("bench", "timed", "at", NativeType(TypeId.TIMEUUID))
_APPLIED: Final = ColumnSpec("bench", "by_key", "[applied]", NativeType(TypeId.BOOLEAN))
_ONE_WARNING: Final = bytes.fromhex("0001 0004") + b"slow"


def prepared(text: str) -> bytes:
    """The answer to a PREPARE."""
    bound = BindMetadata((_KEY, _BLOB, _AT)[: text.count("?")], (0,))
    columns = (_BLOB,) if text.startswith("SELECT") else ()
    return Prepared(id_of(text), bound, RowsMetadata.of(columns)).encode(PROTOCOL_V4)


def _result(request: bytes, applied: bytes) -> bytes:
    if b"SELECT" in request or id_of(SELECT) in request:
        return Rows(RowsMetadata.of((_BLOB,), b"more"), [(b"row",)]).encode(PROTOCOL_V4)
    if b"IF NOT" in request or id_of(CONDITIONAL) in request:
        return Rows(RowsMetadata.of((_APPLIED,)), [(applied,)]).encode(PROTOCOL_V4)
    return Void().encode(PROTOCOL_V4)


def _unprepared(request: bytes) -> bytes:
    known = [id_of(text) for text in TEXTS if id_of(text) in request]
    return Unprepared("not known", (known or [execute_id(request, 0)])[0]).encode(PROTOCOL_V4)


ERRORS: Final = {
    "invalid": PlainError("no", ErrorCode.INVALID),
    "overloaded": PlainError("not now", ErrorCode.OVERLOADED),
    "timeout": WriteTimeout("late", ConsistencyLevel.ONE, 0, 1, "SIMPLE"),
}
ANSWERS: Final = ("done", "done, with a warning", "not applied", *ERRORS, "unprepared", "none")


def answer_to(name: str, flags: int, request: bytes) -> Message | None:
    """What a node answers to a request; None for nothing."""
    if name == "none":
        return None
    if name in ERRORS:
        answer: Message = (0, Opcode.ERROR, ERRORS[name].encode(PROTOCOL_V4))
    elif name == "unprepared":
        answer = (0, Opcode.ERROR, _unprepared(request))
    elif name == "done, with a warning":
        answer = (WARNING, Opcode.RESULT, _ONE_WARNING + _result(request, b"\x01"))
    else:
        answer = (0, Opcode.RESULT, _result(request, b"\x00" if name == "not applied" else b"\x01"))
    if flags & TRACING:
        answer = (answer[0] | TRACING, answer[1], bytes(16) + answer[2])
    return answer


# --- what came of them ------------------------------------------------------------------------


def without_payload(flags: int, body: bytes) -> bytes:
    return body[after_custom_payload(body) :] if flags & PAYLOAD else body


def write_time(opcode: int, body: bytes) -> int | None:
    """The write time of a request without a custom payload, in microseconds; None when it has none."""
    if opcode == Opcode.BATCH:
        return batch(body, 0).timestamp
    return parameters(body, consistency_offset(body, opcode)).timestamp


def timeless(opcode: int, body: bytes) -> bytes:
    """The same for every run: without the write time of the proxy's, and the value of now()."""
    given = write_time(opcode, body)
    if given is not None and given >= _PROXYS_TIMES:
        body = with_write_time(body, opcode, 0)
    return _TIMEUUID.sub(bytes(16), body) if opcode == Opcode.EXECUTE else body


def is_proxys(given: int | None) -> bool:
    """Whether a write time is one of the proxy's."""
    return given is not None and given >= _PROXYS_TIMES
