"""A copy as the journal keeps it: bytes, and the mutation again from them.

A record holds all that delivery needs. Prepared statements are named by number (``statement_numbers``);
tables are written out only where no prepared statement tells them. It begins with

    format [byte], flags [byte], opcode [byte], written at [double, seconds],
    count of statements [short], their numbers [int]...

and then come, where they are needed, the keyspace and the tables; the request's body is the rest.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Sequence
from typing import Final

from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.mirror.mutation import Mutation
from cqlproxy.statements import TableName
from frame_codec import Opcode

FORMAT: Final = 1

_REPEATABLE: Final = 0x01
_IN_TURN: Final = 0x02
_SCHEMA: Final = 0x04
_EXPIRES: Final = 0x08
_KEYSPACE: Final = 0x10

_START: Final = struct.Struct(">BBBdH")
_EXECUTE_START: Final = struct.Struct(">BBBdHI")
_SHORT: Final = struct.Struct(">H")
_NULL: Final = 0xFFFF
_EXECUTE: Final = int(Opcode.EXECUTE)


class RecordError(Exception):
    """Bytes that are not a record of this version."""


def record_of(mutation: Mutation, number_of: Callable[[PreparedStatement], int]) -> bytes:
    """The record of a copy."""
    # Hot path: once for every copy that goes to the journal.
    flags = (
        mutation.repeatable
        | mutation.in_turn << 1
        | mutation.schema << 2
        | mutation.expires << 3
        | (mutation.keyspace is not None) << 4
    )
    opcode = mutation.opcode
    prepared = mutation.prepared
    if opcode == _EXECUTE and not flags & _KEYSPACE:
        number = number_of(prepared[0])
        return _EXECUTE_START.pack(FORMAT, flags, opcode, mutation.written_at, 1, number) + mutation.body
    numbers = [number_of(statement) for statement in prepared]
    parts = [
        _START.pack(FORMAT, flags, opcode, mutation.written_at, len(numbers)),
        struct.pack(f">{len(numbers)}I", *numbers),
    ]
    if mutation.keyspace is not None:
        parts.append(_name(mutation.keyspace))
    if opcode != _EXECUTE:
        parts.append(_SHORT.pack(len(mutation.tables)))
        for keyspace, table in mutation.tables:
            parts.append(_name(keyspace))
            parts.append(_name(table))
    parts.append(mutation.body)
    return b"".join(parts)


def records_of(mutations: Sequence[Mutation], number_of: Callable[[PreparedStatement], int]) -> list[bytes]:
    """What `record_of` makes of each of these EXECUTEs; the answering cluster had them at the same moment."""
    # Hot path: once for every copy that goes to the journal.
    last: PreparedStatement | None = None
    start = b""
    records = []
    for mutation in mutations:
        body = mutation.body
        (prepared,) = mutation.prepared
        if prepared is not last:
            last = prepared
            record = record_of(mutation, number_of)
            start = record[: len(record) - len(body)]
        records.append(start + body)
    return records


def mutation_of(record: bytes, statement_of: Callable[[int], PreparedStatement]) -> Mutation:
    """The copy of a record, for which the rules have yet to be asked.

    ``statement_of`` raises ``LookupError`` for a number that it does not know. Raises ``RecordError``.
    """
    try:
        form, flags, opcode, written_at, count = _START.unpack_from(record)
        if form != FORMAT:
            raise RecordError(f"a record of format {form}; this version reads {FORMAT}")
        at = _START.size
        numbers = struct.unpack_from(f">{count}I", record, at)
        at += 4 * count
        keyspace: str | None = None
        if flags & _KEYSPACE:
            keyspace, at = _read_name(record, at)
        prepared = [statement_of(number) for number in numbers]
        if opcode == _EXECUTE:
            tables = prepared[0].tables
        else:
            tables, at = _read_tables(record, at)
    except (struct.error, LookupError, UnicodeDecodeError) as error:
        raise RecordError(f"a damaged record, or one that names an unknown statement: {error}") from error
    return Mutation(
        opcode,
        record[at:],
        offered=time.monotonic() - max(time.time() - written_at, 0.0),
        tables=tables,
        rules=None,
        keyspace=keyspace,
        prepared=prepared,
        repeatable=flags & _REPEATABLE != 0,
        in_turn=flags & _IN_TURN != 0,
        schema=flags & _SCHEMA != 0,
        expires=flags & _EXPIRES != 0,
    )


def _read_tables(record: bytes, at: int) -> tuple[tuple[TableName, ...], int]:
    (count,) = _SHORT.unpack_from(record, at)
    at += _SHORT.size
    tables = []
    for _ in range(count):
        keyspace, at = _read_name(record, at)
        table, at = _read_name(record, at)
        tables.append(TableName(keyspace, table or ""))
    return tuple(tables), at


def _name(name: str | None) -> bytes:
    if name is None:
        return _SHORT.pack(_NULL)
    encoded = name.encode()
    return _SHORT.pack(len(encoded)) + encoded


def _read_name(record: bytes, at: int) -> tuple[str | None, int]:
    (length,) = _SHORT.unpack_from(record, at)
    at += _SHORT.size
    if length == _NULL:
        return None, at
    end = at + length
    if end > len(record):
        raise struct.error(f"a name ends at {end}, the record at {len(record)}")
    return record[at:end].decode(), end
