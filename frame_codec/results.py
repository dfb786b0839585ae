"""RESULT responses: every kind of section 4.2.5 as an object.

`decode_result` reads the message at an offset of a body and ignores what follows it; malformed bytes raise
ProtocolError. `encode(version)` gives the message's bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

from frame_codec.constants import PROTOCOL_V4, Opcode, ResultKind
from frame_codec.errors import ProtocolError
from frame_codec.metadata import BindMetadata, RowsMetadata
from frame_codec.reader import Reader
from frame_codec.schema_change import SchemaChange
from frame_codec.writer import write_bytes, write_int, write_short_bytes, write_string


def _result(kind: ResultKind) -> bytearray:
    out = bytearray()
    write_int(out, kind)
    return out


@dataclass(frozen=True, slots=True)
class Void:
    """Success, with nothing to tell (4.2.5.1)."""

    opcode: ClassVar[Opcode] = Opcode.RESULT

    def encode(self, version: int) -> bytes:
        return bytes(_result(ResultKind.VOID))


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of serialized values, None for null (4.2.5.2)."""

    opcode: ClassVar[Opcode] = Opcode.RESULT
    metadata: RowsMetadata
    rows: list[tuple[bytes | None, ...]]

    def encode(self, version: int) -> bytes:
        out = _result(ResultKind.ROWS)
        self.metadata.write(out)
        write_int(out, len(self.rows))
        width = self.metadata.column_count
        for row in self.rows:
            if len(row) != width:
                raise ValueError(f"Row of {len(row)} values in a result of {width} columns")
            for value in row:
                write_bytes(out, value)
        return bytes(out)


@dataclass(frozen=True, slots=True)
class SetKeyspace:
    """Answer to USE (4.2.5.3)."""

    opcode: ClassVar[Opcode] = Opcode.RESULT
    keyspace: str

    def encode(self, version: int) -> bytes:
        out = _result(ResultKind.SET_KEYSPACE)
        write_string(out, self.keyspace)
        return bytes(out)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Answer to PREPARE (4.2.5.4): the id, the bind markers, the columns that executing it will return."""

    opcode: ClassVar[Opcode] = Opcode.RESULT
    id: bytes
    bound: BindMetadata
    result: RowsMetadata

    @property
    def pk_indexes(self) -> tuple[int, ...]:
        """Bind index of each partition key column, as `routing_values` takes them; empty when unknown."""
        return self.bound.pk_indexes

    def encode(self, version: int) -> bytes:
        out = _result(ResultKind.PREPARED)
        write_short_bytes(out, self.id)
        self.bound.write(out, version)
        self.result.write(out)
        return bytes(out)


@dataclass(frozen=True, slots=True)
class SchemaChangeResult:
    """Answer to DDL (4.2.5.5)."""

    opcode: ClassVar[Opcode] = Opcode.RESULT
    change: SchemaChange

    def encode(self, version: int) -> bytes:
        out = _result(ResultKind.SCHEMA_CHANGE)
        self.change.write(out, version)
        return bytes(out)


Result = Void | Rows | SetKeyspace | Prepared | SchemaChangeResult


def _read_rows(reader: Reader, version: int) -> Rows:
    metadata = RowsMetadata.read(reader)
    count = reader.read_count("rows")
    width = metadata.column_count
    # Each value takes four bytes at least: a count that the body cannot hold is not worth a loop.
    if count * max(width, 1) * 4 > reader.remaining:
        raise ProtocolError(f"Truncated message: {count} rows of {width} columns in {reader.remaining} bytes")
    read = reader.read_bytes
    return Rows(metadata, [tuple([read() for _ in range(width)]) for _ in range(count)])


_READERS: Final[dict[int, Callable[[Reader, int], Result]]] = {
    ResultKind.VOID: lambda reader, version: Void(),
    ResultKind.ROWS: _read_rows,
    ResultKind.SET_KEYSPACE: lambda reader, version: SetKeyspace(reader.read_string()),
    ResultKind.PREPARED: lambda reader, version: Prepared(
        reader.read_short_bytes(), BindMetadata.read(reader, version), RowsMetadata.read(reader)
    ),
    ResultKind.SCHEMA_CHANGE: lambda reader, version: SchemaChangeResult(SchemaChange.read(reader)),
}


def decode_result(body: bytes, version: int, at: int = 0) -> Result:
    """The RESULT at offset `at` of `body`."""
    reader = Reader(body, at)
    kind = reader.read_int()
    read = _READERS.get(kind)
    if read is None:
        raise ProtocolError(f"Unknown kind of RESULT: {kind}")
    return read(reader, version)


def was_applied(body: bytes, at: int = 0) -> bool:
    """Whether the RESULT of a conditional write at offset `at` says ``[applied]``.

    That is the first column of its first row, by the convention of servers; other results say nothing of it.
    """
    result = decode_result(body, PROTOCOL_V4, at)
    return isinstance(result, Rows) and bool(result.rows) and result.rows[0][:1] == (b"\x01",)


def decode_prepared_id(body: bytes, at: int = 0) -> bytes:
    """The id alone of the RESULT of kind Prepared at offset `at`; another kind is a ProtocolError."""
    reader = Reader(body, at)
    kind = reader.read_int()
    if kind != ResultKind.PREPARED:
        raise ProtocolError(f"Expected a RESULT of kind Prepared (4), got kind {kind}")
    return reader.read_short_bytes()
