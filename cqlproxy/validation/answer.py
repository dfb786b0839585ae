"""A cluster's answer to a read, whose rows are read only when its bytes are not those of the other."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from cqlproxy.validation.comparison import Page
from cqlproxy.validation.skipped import Skipped, SkippedError
from frame_codec import (
    PROTOCOL_V4,
    ColumnSpec,
    Reader,
    ResultKind,
    Rows,
    RowsMetadata,
    decode_result,
)


class Answer(NamedTuple):
    """A RESULT of rows; its bytes from ``rows_at`` on are those of the number of rows, and the rows."""

    columns: tuple[ColumnSpec, ...]
    more: bool
    body: bytes
    at: int
    rows_at: int

    def with_types_of(self, other: Answer) -> Answer:
        """The same with the types that another answer gives to columns of the same names.

        Of one in protocol v3, which names types that came with v4 by their servers' classes.
        """
        types = {column.name: column.type for column in other.columns}
        columns = (replace(column, type=types.get(column.name, column.type)) for column in self.columns)
        return self._replace(columns=tuple(columns))

    def is_same(self, other: Answer) -> bool:
        """Whether both are the same to the byte, as far as rows are concerned."""
        return (
            self.more == other.more
            and self.columns == other.columns
            and self.body[self.rows_at :] == other.body[other.rows_at :]
        )

    def page(self) -> Page:
        """The rows. Raises ``ProtocolError``."""
        result = decode_result(self.body, PROTOCOL_V4, self.at)
        assert isinstance(result, Rows)
        return Page(self.columns, result.rows, self.more)


def answer(body: bytes, at: int, known_columns: tuple[ColumnSpec, ...]) -> Answer:
    """The RESULT at ``at``; ``known_columns`` are those of one that leaves them out.

    Raises ``SkippedError`` when it has no rows, or its columns cannot be known, and ``ProtocolError``.
    """
    reader = Reader(body, at)
    if reader.read_int() != ResultKind.ROWS:
        raise SkippedError(Skipped.NOT_UNDERSTOOD)
    metadata = RowsMetadata.read(reader)
    columns = metadata.columns or known_columns
    if len(columns) != metadata.column_count:
        raise SkippedError(Skipped.NOT_UNDERSTOOD)
    return Answer(columns, metadata.paging_state is not None, body, at, reader.offset)
