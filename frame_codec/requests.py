"""Requests as objects (section 4.1): for the handshake, for what the proxy sends itself, and for tests.

`decode(body, version, at)` reads the message at offset `at` of a body and ignores what follows it, as
section 4 asks; malformed bytes raise ProtocolError. `encode(version)` gives the message's bytes; what the
version cannot say is a ValueError. The hot path uses `layout` instead.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Self

from frame_codec.constants import BatchKind, BatchType, ConsistencyLevel, Opcode, QueryFlag
from frame_codec.errors import ProtocolError
from frame_codec.query_parameters import NO_PARAMETERS, QueryParameters
from frame_codec.reader import Reader
from frame_codec.values import Value
from frame_codec.writer import (
    write_byte,
    write_bytes,
    write_consistency,
    write_long,
    write_long_string,
    write_short,
    write_short_bytes,
    write_string_list,
    write_string_map,
    write_values,
)

# An int: the complement of an IntFlag lacks the bits that have no name.
_BATCH_FLAGS: Final = int(QueryFlag.SERIAL_CONSISTENCY | QueryFlag.DEFAULT_TIMESTAMP | QueryFlag.NAMED_VALUES)


@dataclass(frozen=True, slots=True)
class Startup:
    """STARTUP (4.1.1): options such as CQL_VERSION and COMPRESSION."""

    opcode: ClassVar[Opcode] = Opcode.STARTUP
    options: Mapping[str, str]

    @classmethod
    def decode(cls, body: bytes, version: int, at: int = 0) -> Self:
        return cls(Reader(body, at).read_string_map())

    def encode(self, version: int) -> bytes:
        out = bytearray()
        write_string_map(out, self.options)
        return bytes(out)


@dataclass(frozen=True, slots=True)
class Options:
    """OPTIONS (4.1.3): asks for SUPPORTED."""

    opcode: ClassVar[Opcode] = Opcode.OPTIONS

    @classmethod
    def decode(cls, body: bytes, version: int, at: int = 0) -> Self:
        return cls()

    def encode(self, version: int) -> bytes:
        return b""


@dataclass(frozen=True, slots=True)
class AuthResponse:
    """AUTH_RESPONSE (4.1.2): a SASL token."""

    opcode: ClassVar[Opcode] = Opcode.AUTH_RESPONSE
    token: bytes | None

    @classmethod
    def decode(cls, body: bytes, version: int, at: int = 0) -> Self:
        return cls(Reader(body, at).read_bytes())

    def encode(self, version: int) -> bytes:
        out = bytearray()
        write_bytes(out, self.token)
        return bytes(out)


@dataclass(frozen=True, slots=True)
class Query:
    """QUERY (4.1.4)."""

    opcode: ClassVar[Opcode] = Opcode.QUERY
    text: str
    parameters: QueryParameters = NO_PARAMETERS

    @classmethod
    def decode(cls, body: bytes, version: int, at: int = 0) -> Self:
        reader = Reader(body, at)
        return cls(reader.read_long_string(), QueryParameters.read(reader, version))

    def encode(self, version: int) -> bytes:
        out = bytearray()
        write_long_string(out, self.text)
        self.parameters.write(out, version)
        return bytes(out)


@dataclass(frozen=True, slots=True)
class Prepare:
    """PREPARE (4.1.5)."""

    opcode: ClassVar[Opcode] = Opcode.PREPARE
    text: str

    @classmethod
    def decode(cls, body: bytes, version: int, at: int = 0) -> Self:
        return cls(Reader(body, at).read_long_string())

    def encode(self, version: int) -> bytes:
        out = bytearray()
        write_long_string(out, self.text)
        return bytes(out)


@dataclass(frozen=True, slots=True)
class Execute:
    """EXECUTE (4.1.6)."""

    opcode: ClassVar[Opcode] = Opcode.EXECUTE
    id: bytes
    parameters: QueryParameters = NO_PARAMETERS

    @classmethod
    def decode(cls, body: bytes, version: int, at: int = 0) -> Self:
        reader = Reader(body, at)
        return cls(reader.read_short_bytes(), QueryParameters.read(reader, version))

    def encode(self, version: int) -> bytes:
        out = bytearray()
        write_short_bytes(out, self.id)
        self.parameters.write(out, version)
        return bytes(out)


@dataclass(frozen=True, slots=True)
class BatchQuery:
    """One query of a BATCH: a text, or the bytes of a prepared id."""

    text_or_id: str | bytes
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """BATCH (4.1.7). timestamp: microseconds. Values are positional: named ones cannot work, says 4.1.7."""

    opcode: ClassVar[Opcode] = Opcode.BATCH
    type: BatchType
    queries: tuple[BatchQuery, ...]
    consistency: ConsistencyLevel = ConsistencyLevel.ONE
    serial_consistency: ConsistencyLevel | None = None
    timestamp: int | None = None

    @classmethod
    def decode(cls, body: bytes, version: int, at: int = 0) -> Self:
        reader = Reader(body, at)
        batch_type = reader.read_byte()
        if batch_type > BatchType.COUNTER:
            raise ProtocolError(f"Invalid type of a BATCH: {batch_type}, expected 0, 1 or 2")
        queries = tuple(cls._read_query(reader, version) for _ in range(reader.read_short()))
        consistency = reader.read_consistency()
        flags = reader.read_byte()
        if flags & ~_BATCH_FLAGS:
            raise ProtocolError(f"Invalid flags of a BATCH: {flags:#04x}, expected of 0x10, 0x20, 0x40 only")
        return cls(
            BatchType(batch_type),
            queries,
            consistency,
            reader.read_consistency() if flags & QueryFlag.SERIAL_CONSISTENCY else None,
            reader.read_long() if flags & QueryFlag.DEFAULT_TIMESTAMP else None,
        )

    @staticmethod
    def _read_query(reader: Reader, version: int) -> BatchQuery:
        kind = reader.read_byte()
        text_or_id: str | bytes
        if kind == BatchKind.TEXT:
            text_or_id = reader.read_long_string()
        elif kind == BatchKind.PREPARED:
            text_or_id = reader.read_short_bytes()
        else:
            raise ProtocolError(f"Invalid kind of a query in a BATCH: {kind}, expected 0 or 1")
        return BatchQuery(text_or_id, tuple(reader.read_value(version) for _ in range(reader.read_short())))

    def encode(self, version: int) -> bytes:
        out = bytearray()
        write_byte(out, self.type)
        write_short(out, len(self.queries))
        for query in self.queries:
            if isinstance(query.text_or_id, str):
                write_byte(out, BatchKind.TEXT)
                write_long_string(out, query.text_or_id)
            else:
                write_byte(out, BatchKind.PREPARED)
                write_short_bytes(out, query.text_or_id)
            write_values(out, query.values, None, version)
        flags = QueryFlag(0)
        if self.serial_consistency is not None:
            flags |= QueryFlag.SERIAL_CONSISTENCY
        if self.timestamp is not None:
            flags |= QueryFlag.DEFAULT_TIMESTAMP
        write_consistency(out, self.consistency)
        write_byte(out, flags)
        if self.serial_consistency is not None:
            write_consistency(out, self.serial_consistency)
        if self.timestamp is not None:
            write_long(out, self.timestamp)
        return bytes(out)


@dataclass(frozen=True, slots=True)
class Register:
    """REGISTER (4.1.8): names of events, normally `EventType`s."""

    opcode: ClassVar[Opcode] = Opcode.REGISTER
    event_types: tuple[str, ...]

    @classmethod
    def decode(cls, body: bytes, version: int, at: int = 0) -> Self:
        return cls(tuple(Reader(body, at).read_string_list()))

    def encode(self, version: int) -> bytes:
        out = bytearray()
        write_string_list(out, self.event_types)
        return bytes(out)


Request = Startup | Options | AuthResponse | Query | Prepare | Execute | Batch | Register

_DECODERS: Final[dict[int, Callable[[bytes, int, int], Request]]] = {
    Opcode.STARTUP: Startup.decode,
    Opcode.OPTIONS: Options.decode,
    Opcode.AUTH_RESPONSE: AuthResponse.decode,
    Opcode.QUERY: Query.decode,
    Opcode.PREPARE: Prepare.decode,
    Opcode.EXECUTE: Execute.decode,
    Opcode.BATCH: Batch.decode,
    Opcode.REGISTER: Register.decode,
}


def decode_request(opcode: int, body: bytes, version: int, at: int = 0) -> Request:
    """The request of a frame with this opcode; an opcode that is no request's is a ProtocolError."""
    decode = _DECODERS.get(opcode)
    if decode is None:
        raise ProtocolError(f"Opcode {opcode:#04x} is not that of a request")
    return decode(body, version, at)
