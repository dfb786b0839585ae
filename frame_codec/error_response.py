"""ERROR responses: each code of section 9 with its fields.

`ErrorResponse.decode` gives the class for the code: one class for each code with fields, and `PlainError`
for those without and for codes not known here, whose rest it keeps as bytes.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Final

from frame_codec.constants import ConsistencyLevel, ErrorCode, Opcode
from frame_codec.reader import Reader
from frame_codec.writer import (
    write_byte,
    write_consistency,
    write_int,
    write_short_bytes,
    write_string,
    write_string_list,
)


class ErrorResponse(ABC):
    """An ERROR message (4.2.1)."""

    __slots__ = ()

    opcode: ClassVar[Opcode] = Opcode.ERROR
    message: str
    code: int

    @staticmethod
    def decode(body: bytes, version: int, at: int = 0) -> "ErrorResponse":
        """The error at offset `at`. Layouts are those of v4; v3 has the same, and fewer codes."""
        reader = Reader(body, at)
        code = reader.read_int()
        message = reader.read_string()
        read = _FIELDS.get(code)
        return PlainError(message, code, body[reader.offset :]) if read is None else read(message, reader)

    def encode(self, version: int) -> bytes:
        """The message's bytes, the same in v3 and v4. A text above 65535 bytes of UTF-8 is cut there."""
        out = bytearray()
        write_int(out, self.code)
        # It may quote what a client has sent, of any length.
        write_string(out, self.message.encode(errors="replace")[:0xFFFF].decode(errors="ignore"))
        self._write_fields(out)
        return bytes(out)

    @abstractmethod
    def _write_fields(self, out: bytearray) -> None:
        """Appends what follows the message."""


@dataclass(frozen=True, slots=True)
class PlainError(ErrorResponse):
    """An error whose code has no fields, or is not known here; `detail` is what follows the message."""

    message: str
    code: int
    detail: bytes = b""

    def _write_fields(self, out: bytearray) -> None:
        out += self.detail


@dataclass(frozen=True, slots=True)
class Unavailable(ErrorResponse):
    """Too few replicas alive: `required` for the consistency, `alive` known to be."""

    message: str
    consistency: ConsistencyLevel
    required: int
    alive: int
    code: int = field(default=ErrorCode.UNAVAILABLE, init=False)

    def _write_fields(self, out: bytearray) -> None:
        write_consistency(out, self.consistency)
        write_int(out, self.required)
        write_int(out, self.alive)


@dataclass(frozen=True, slots=True)
class WriteTimeout(ErrorResponse):
    """`received` of `block_for` acknowledgements came in time. write_type: mostly a `WriteType`."""

    message: str
    consistency: ConsistencyLevel
    received: int
    block_for: int
    write_type: str
    code: int = field(default=ErrorCode.WRITE_TIMEOUT, init=False)

    def _write_fields(self, out: bytearray) -> None:
        write_consistency(out, self.consistency)
        write_int(out, self.received)
        write_int(out, self.block_for)
        write_string(out, self.write_type)


@dataclass(frozen=True, slots=True)
class ReadTimeout(ErrorResponse):
    """`received` of `block_for` responses came in time; `data_present`: one of them was the data."""

    message: str
    consistency: ConsistencyLevel
    received: int
    block_for: int
    data_present: bool
    code: int = field(default=ErrorCode.READ_TIMEOUT, init=False)

    def _write_fields(self, out: bytearray) -> None:
        write_consistency(out, self.consistency)
        write_int(out, self.received)
        write_int(out, self.block_for)
        write_byte(out, self.data_present)


@dataclass(frozen=True, slots=True)
class ReadFailure(ErrorResponse):
    """As `ReadTimeout`, with the number of replicas that failed. v4."""

    message: str
    consistency: ConsistencyLevel
    received: int
    block_for: int
    failures: int
    data_present: bool
    code: int = field(default=ErrorCode.READ_FAILURE, init=False)

    def _write_fields(self, out: bytearray) -> None:
        write_consistency(out, self.consistency)
        write_int(out, self.received)
        write_int(out, self.block_for)
        write_int(out, self.failures)
        write_byte(out, self.data_present)


@dataclass(frozen=True, slots=True)
class FunctionFailure(ErrorResponse):
    """A user-defined function failed; `argument_types` are CQL types. v4."""

    message: str
    keyspace: str
    function: str
    argument_types: tuple[str, ...]
    code: int = field(default=ErrorCode.FUNCTION_FAILURE, init=False)

    def _write_fields(self, out: bytearray) -> None:
        write_string(out, self.keyspace)
        write_string(out, self.function)
        write_string_list(out, self.argument_types)


@dataclass(frozen=True, slots=True)
class WriteFailure(ErrorResponse):
    """As `WriteTimeout`, with the number of replicas that failed. v4."""

    message: str
    consistency: ConsistencyLevel
    received: int
    block_for: int
    failures: int
    write_type: str
    code: int = field(default=ErrorCode.WRITE_FAILURE, init=False)

    def _write_fields(self, out: bytearray) -> None:
        write_consistency(out, self.consistency)
        write_int(out, self.received)
        write_int(out, self.block_for)
        write_int(out, self.failures)
        write_string(out, self.write_type)


@dataclass(frozen=True, slots=True)
class AlreadyExists(ErrorResponse):
    """The keyspace, or the table in it, exists; `table` is empty when a keyspace was to be created."""

    message: str
    keyspace: str
    table: str
    code: int = field(default=ErrorCode.ALREADY_EXISTS, init=False)

    def _write_fields(self, out: bytearray) -> None:
        write_string(out, self.keyspace)
        write_string(out, self.table)


@dataclass(frozen=True, slots=True)
class Unprepared(ErrorResponse):
    """The node does not know the prepared id."""

    message: str
    id: bytes
    code: int = field(default=ErrorCode.UNPREPARED, init=False)

    def _write_fields(self, out: bytearray) -> None:
        write_short_bytes(out, self.id)


_FIELDS: Final[dict[int, Callable[[str, Reader], ErrorResponse]]] = {
    ErrorCode.UNAVAILABLE: lambda message, r: Unavailable(
        message, r.read_consistency(), r.read_int(), r.read_int()
    ),
    ErrorCode.WRITE_TIMEOUT: lambda message, r: WriteTimeout(
        message, r.read_consistency(), r.read_int(), r.read_int(), r.read_string()
    ),
    ErrorCode.READ_TIMEOUT: lambda message, r: ReadTimeout(
        message, r.read_consistency(), r.read_int(), r.read_int(), r.read_byte() != 0
    ),
    ErrorCode.READ_FAILURE: lambda message, r: ReadFailure(
        message, r.read_consistency(), r.read_int(), r.read_int(), r.read_int(), r.read_byte() != 0
    ),
    ErrorCode.FUNCTION_FAILURE: lambda message, r: FunctionFailure(
        message, r.read_string(), r.read_string(), tuple(r.read_string_list())
    ),
    ErrorCode.WRITE_FAILURE: lambda message, r: WriteFailure(
        message, r.read_consistency(), r.read_int(), r.read_int(), r.read_int(), r.read_string()
    ),
    ErrorCode.ALREADY_EXISTS: lambda message, r: AlreadyExists(message, r.read_string(), r.read_string()),
    ErrorCode.UNPREPARED: lambda message, r: Unprepared(message, r.read_short_bytes()),
}


def error_body(code: int, message: str) -> bytes:
    """Body of an ERROR without fields, in v3 and v4; a message above 65535 bytes of UTF-8 is cut there.

    Codes with fields need their class: a driver that reads an UNAVAILABLE without them fails.
    """
    return PlainError(message, code).encode(4)


def error_code_and_message(body: bytes, at: int = 0) -> tuple[int, str]:
    """Code and message of the ERROR at offset `at`, which every error has, whatever follows them."""
    reader = Reader(body, at)
    return reader.read_int(), reader.read_string()
