"""The query parameters of QUERY and EXECUTE as an object (section 4.1.4); `layout` finds them without one."""

from dataclasses import dataclass
from typing import Final, Self

from frame_codec.constants import ConsistencyLevel, QueryFlag
from frame_codec.errors import ProtocolError
from frame_codec.layout import UNKNOWN_FLAGS
from frame_codec.reader import Reader
from frame_codec.values import Value
from frame_codec.writer import write_byte, write_bytes, write_consistency, write_int, write_long, write_values


@dataclass(frozen=True, slots=True)
class QueryParameters:
    """<query_parameters> of QUERY and EXECUTE (4.1.4). None: the field is absent.

    names: one for each value, or None when values are bound by position. timestamp: microseconds.
    """

    consistency: ConsistencyLevel = ConsistencyLevel.ONE
    values: tuple[Value, ...] = ()
    names: tuple[str, ...] | None = None
    skip_metadata: bool = False
    page_size: int | None = None
    paging_state: bytes | None = None
    serial_consistency: ConsistencyLevel | None = None
    timestamp: int | None = None

    @classmethod
    def read(cls, reader: Reader, version: int) -> Self:
        """The parameters at the reader's position."""
        consistency = reader.read_consistency()
        flags = reader.read_byte()
        if flags & UNKNOWN_FLAGS:
            raise ProtocolError(f"Unknown query flags {flags:#04x}: protocol v3 and v4 have none above 0x40")
        values: list[Value] = []
        names: list[str] = []
        if flags & QueryFlag.VALUES:
            for _ in range(reader.read_short()):
                if flags & QueryFlag.NAMED_VALUES:
                    names.append(reader.read_string())
                values.append(reader.read_value(version))
        return cls(
            consistency,
            tuple(values),
            tuple(names) or None,
            bool(flags & QueryFlag.SKIP_METADATA),
            reader.read_int() if flags & QueryFlag.PAGE_SIZE else None,
            reader.read_bytes() if flags & QueryFlag.PAGING_STATE else None,
            reader.read_consistency() if flags & QueryFlag.SERIAL_CONSISTENCY else None,
            reader.read_long() if flags & QueryFlag.DEFAULT_TIMESTAMP else None,
        )

    def write(self, out: bytearray, version: int) -> None:
        """Appends them; a field that is None sets no flag, and neither do no values."""
        flags = QueryFlag.SKIP_METADATA if self.skip_metadata else QueryFlag(0)
        if self.values:
            flags |= QueryFlag.VALUES
            if self.names is not None:
                flags |= QueryFlag.NAMED_VALUES
        if self.page_size is not None:
            flags |= QueryFlag.PAGE_SIZE
        if self.paging_state is not None:
            flags |= QueryFlag.PAGING_STATE
        if self.serial_consistency is not None:
            flags |= QueryFlag.SERIAL_CONSISTENCY
        if self.timestamp is not None:
            flags |= QueryFlag.DEFAULT_TIMESTAMP
        write_consistency(out, self.consistency)
        write_byte(out, flags)
        if self.values:
            write_values(out, self.values, self.names, version)
        if self.page_size is not None:
            write_int(out, self.page_size)
        if self.paging_state is not None:
            write_bytes(out, self.paging_state)
        if self.serial_consistency is not None:
            write_consistency(out, self.serial_consistency)
        if self.timestamp is not None:
            write_long(out, self.timestamp)


NO_PARAMETERS: Final = QueryParameters()
"""Consistency ONE and nothing else."""
