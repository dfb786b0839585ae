"""Reads the notations of section 3 out of a body.

Bytes in, values or ProtocolError out: whatever the bytes are, nothing else is raised.
"""

import struct
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeVar
from uuid import UUID

from frame_codec.constants import PROTOCOL_V4, ConsistencyLevel
from frame_codec.errors import ProtocolError
from frame_codec.values import UNSET, Inet, InetAddress, Value

T = TypeVar("T")

_SHORT: Final = struct.Struct(">H")
_INT: Final = struct.Struct(">i")
_LONG: Final = struct.Struct(">q")


class Reader:
    """A position in a body, moved on by each read.

    body: a whole frame body, not compressed.
    offset: where the next read begins, in bytes from the start of `body`.
    """

    __slots__ = ("body", "offset")

    def __init__(self, body: bytes, offset: int = 0) -> None:
        self.body = body
        self.offset = offset

    @property
    def remaining(self) -> int:
        """Bytes not read yet."""
        return len(self.body) - self.offset

    def read_raw(self, length: int, notation: str = "raw bytes") -> bytes:
        """`length` bytes as they are; `notation` names them in the error."""
        start = self.offset
        end = start + length
        if length < 0 or end > len(self.body):
            raise ProtocolError(
                f"Truncated message: {notation} at offset {start} needs {length} bytes, "
                f"{len(self.body) - start} are left"
            )
        self.offset = end
        return self.body[start:end]

    def read_byte(self) -> int:
        """[byte]: 0 to 255."""
        return self.read_raw(1, "[byte]")[0]

    def read_short(self) -> int:
        """[short]: 0 to 65535."""
        value: int = _SHORT.unpack(self.read_raw(2, "[short]"))[0]
        return value

    def read_int(self) -> int:
        """[int]: signed, four bytes."""
        value: int = _INT.unpack(self.read_raw(4, "[int]"))[0]
        return value

    def read_long(self) -> int:
        """[long]: signed, eight bytes."""
        value: int = _LONG.unpack(self.read_raw(8, "[long]"))[0]
        return value

    def read_count(self, what: str) -> int:
        """An [int] that counts `what`, so not negative."""
        count = self.read_int()
        if count < 0:
            raise ProtocolError(f"Negative number of {what}: {count}")
        return count

    def read_string(self) -> str:
        """[string]."""
        return self._text(self.read_raw(self.read_short(), "[string]"))

    def read_long_string(self) -> str:
        """[long string]."""
        return self._text(self.read_raw(self.read_int(), "[long string]"))

    def read_uuid(self) -> UUID:
        """[uuid]."""
        return UUID(bytes=self.read_raw(16, "[uuid]"))

    def read_string_list(self) -> list[str]:
        """[string list]."""
        return [self.read_string() for _ in range(self.read_short())]

    def read_bytes(self) -> bytes | None:
        """[bytes]: None for null, which any negative length means."""
        length = self.read_int()
        return None if length < 0 else self.read_raw(length, "[bytes]")

    def read_value(self, version: int) -> Value:
        """[value]; in v3, where the notation is [bytes], every negative length is null."""
        length = self.read_int()
        if length >= 0:
            return self.read_raw(length, "[value]")
        if length == -1 or version < PROTOCOL_V4:
            return None
        if length == -2:
            return UNSET
        raise ProtocolError(f"Invalid length of a [value]: {length}")

    def read_short_bytes(self) -> bytes:
        """[short bytes]."""
        return self.read_raw(self.read_short(), "[short bytes]")

    def read_option(self, read_value: Callable[[int], T]) -> T:
        """[option]: `read_value` gets the id and reads on with this reader."""
        return read_value(self.read_short())

    def read_option_list(self, read_value: Callable[[int], T]) -> list[T]:
        """[option list]: `read_value` as for `read_option`."""
        return [self.read_option(read_value) for _ in range(self.read_short())]

    def read_inetaddr(self) -> InetAddress:
        """[inetaddr]: an [inet] without its port."""
        size = self.read_byte()
        if size == 4:
            return IPv4Address(self.read_raw(4, "IPv4 address"))
        if size == 16:
            return IPv6Address(self.read_raw(16, "IPv6 address"))
        raise ProtocolError(f"Invalid size of an IP address: {size} bytes, expected 4 or 16")

    def read_inet(self) -> Inet:
        """[inet]."""
        return Inet(self.read_inetaddr(), self.read_int())

    def read_consistency(self) -> ConsistencyLevel:
        """[consistency]."""
        code = self.read_short()
        try:
            return ConsistencyLevel(code)
        except ValueError:
            raise ProtocolError(f"Unknown consistency level: {code:#06x}") from None

    def read_string_map(self) -> dict[str, str]:
        """[string map]; the last of equal keys wins."""
        return {self.read_string(): self.read_string() for _ in range(self.read_short())}

    def read_string_multimap(self) -> dict[str, list[str]]:
        """[string multimap]; the last of equal keys wins."""
        return {self.read_string(): self.read_string_list() for _ in range(self.read_short())}

    def read_bytes_map(self) -> dict[str, bytes | None]:
        """[bytes map]; the last of equal keys wins."""
        return {self.read_string(): self.read_bytes() for _ in range(self.read_short())}

    def _text(self, raw: bytes) -> str:
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise ProtocolError(
                f"String that ends at offset {self.offset} is not UTF-8: {error.reason} at byte {error.start}"
            ) from error
