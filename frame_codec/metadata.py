"""The metadata of Rows and Prepared results: columns and bind markers (sections 4.2.5.2 and 4.2.5.4)."""

from dataclasses import dataclass
from typing import Final, Self

from frame_codec.column_types import ColumnType, read_type, write_type
from frame_codec.constants import PROTOCOL_V4, RowsFlag
from frame_codec.reader import Reader
from frame_codec.writer import write_bytes, write_int, write_short, write_string

_KNOWN_FLAGS: Final = int(RowsFlag.GLOBAL_TABLES_SPEC | RowsFlag.HAS_MORE_PAGES | RowsFlag.NO_METADATA)


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """A column of a result, or a bind marker of a prepared statement."""

    keyspace: str
    table: str
    name: str
    type: ColumnType


@dataclass(frozen=True, slots=True)
class RowsMetadata:
    """<metadata> of rows.

    columns: empty when the result carries none (NO_METADATA), only their number.
    paging_state: where the next page begins; None on the last page.
    other_flags: bits that the specification does not name, kept as they came.
    """

    columns: tuple[ColumnSpec, ...]
    column_count: int
    paging_state: bytes | None = None
    other_flags: int = 0

    def __post_init__(self) -> None:
        if self.columns and len(self.columns) != self.column_count:
            raise ValueError(f"{len(self.columns)} columns do not make a column_count of {self.column_count}")

    @classmethod
    def of(cls, columns: tuple[ColumnSpec, ...], paging_state: bytes | None = None) -> Self:
        """Metadata of these columns."""
        return cls(columns, len(columns), paging_state)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        flags = reader.read_int()
        count = reader.read_count("columns")
        paging_state = reader.read_bytes() if flags & RowsFlag.HAS_MORE_PAGES else None
        columns = () if flags & RowsFlag.NO_METADATA else _read_columns(reader, count, flags)
        return cls(columns, count, paging_state, flags & ~_KNOWN_FLAGS)

    def write(self, out: bytearray) -> None:
        flags = self.other_flags
        if self.paging_state is not None:
            flags |= RowsFlag.HAS_MORE_PAGES
        flags |= _table_flag(self.columns) if self.columns else RowsFlag.NO_METADATA
        write_int(out, flags)
        write_int(out, self.column_count)
        if self.paging_state is not None:
            write_bytes(out, self.paging_state)
        if self.columns:
            _write_columns(out, self.columns)


@dataclass(frozen=True, slots=True)
class BindMetadata:
    """<metadata> of a prepared statement's bind markers.

    pk_indexes: bind index of each partition key column, in key order; empty when one of them is not bound,
    and always in v3.
    other_flags: bits that the specification does not name, kept as they came (ScyllaDB marks LWT so).
    """

    columns: tuple[ColumnSpec, ...]
    pk_indexes: tuple[int, ...] = ()
    other_flags: int = 0

    @classmethod
    def read(cls, reader: Reader, version: int) -> Self:
        flags = reader.read_int()
        count = reader.read_count("bind markers")
        pk_indexes: tuple[int, ...] = ()
        if version >= PROTOCOL_V4:
            pk_indexes = tuple(
                [reader.read_short() for _ in range(reader.read_count("partition key indexes"))]
            )
        columns = () if flags & RowsFlag.NO_METADATA else _read_columns(reader, count, flags)
        return cls(columns, pk_indexes, flags & ~_KNOWN_FLAGS)

    def write(self, out: bytearray, version: int) -> None:
        write_int(out, self.other_flags | _table_flag(self.columns))
        write_int(out, len(self.columns))
        if version >= PROTOCOL_V4:
            write_int(out, len(self.pk_indexes))
            for index in self.pk_indexes:
                write_short(out, index)
        _write_columns(out, self.columns)


def _table_flag(columns: tuple[ColumnSpec, ...]) -> int:
    """The flag to name the table once when all columns are of one."""
    tables = {(column.keyspace, column.table) for column in columns}
    return RowsFlag.GLOBAL_TABLES_SPEC if len(tables) == 1 else 0


def _read_columns(reader: Reader, count: int, flags: int) -> tuple[ColumnSpec, ...]:
    if flags & RowsFlag.GLOBAL_TABLES_SPEC:
        keyspace, table = reader.read_string(), reader.read_string()
        return tuple(
            [ColumnSpec(keyspace, table, reader.read_string(), read_type(reader)) for _ in range(count)]
        )
    return tuple(
        [
            ColumnSpec(reader.read_string(), reader.read_string(), reader.read_string(), read_type(reader))
            for _ in range(count)
        ]
    )


def _write_columns(out: bytearray, columns: tuple[ColumnSpec, ...]) -> None:
    one_table = _table_flag(columns) != 0
    if one_table:
        write_string(out, columns[0].keyspace)
        write_string(out, columns[0].table)
    for column in columns:
        if not one_table:
            write_string(out, column.keyspace)
            write_string(out, column.table)
        write_string(out, column.name)
        write_type(out, column.type)
