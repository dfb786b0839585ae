"""Writes the notations of section 3: each function appends one to a bytearray.

A value that its notation cannot hold is the caller's fault, and a ValueError.
"""

import struct
from collections.abc import Collection, Iterable, Mapping
from typing import Final
from uuid import UUID

from frame_codec.constants import PROTOCOL_V4
from frame_codec.values import UNSET, Inet, InetAddress, Value

_BYTE: Final = struct.Struct(">B")
_SHORT: Final = struct.Struct(">H")
_INT: Final = struct.Struct(">i")
_LONG: Final = struct.Struct(">q")


def _write(out: bytearray, layout: struct.Struct, value: int, notation: str) -> None:
    try:
        out += layout.pack(value)
    except struct.error as error:
        raise ValueError(f"{value} does not fit in a {notation}") from error


def write_byte(out: bytearray, value: int) -> None:
    """[byte]: 0 to 255."""
    _write(out, _BYTE, value, "[byte]")


def write_short(out: bytearray, value: int) -> None:
    """[short]: 0 to 65535."""
    _write(out, _SHORT, value, "[short]")


def write_int(out: bytearray, value: int) -> None:
    """[int]: signed, four bytes."""
    _write(out, _INT, value, "[int]")


def write_long(out: bytearray, value: int) -> None:
    """[long]: signed, eight bytes."""
    _write(out, _LONG, value, "[long]")


def write_string(out: bytearray, text: str) -> None:
    """[string]: at most 65535 bytes of UTF-8."""
    raw = text.encode()
    write_short(out, len(raw))
    out += raw


def write_long_string(out: bytearray, text: str) -> None:
    """[long string]."""
    raw = text.encode()
    write_int(out, len(raw))
    out += raw


def write_uuid(out: bytearray, value: UUID) -> None:
    """[uuid]."""
    out += value.bytes


def write_string_list(out: bytearray, texts: Collection[str]) -> None:
    """[string list]."""
    write_short(out, len(texts))
    for text in texts:
        write_string(out, text)


def write_bytes(out: bytearray, value: bytes | None) -> None:
    """[bytes]: None is null."""
    if value is None:
        write_int(out, -1)
    else:
        write_int(out, len(value))
        out += value


def write_value(out: bytearray, value: Value, version: int) -> None:
    """[value]; v3 knows no `UNSET`."""
    if value is UNSET:
        if version < PROTOCOL_V4:
            raise ValueError(f"Unset values do not exist in protocol v{version}")
        write_int(out, -2)
    else:
        write_bytes(out, value)


def write_short_bytes(out: bytearray, value: bytes) -> None:
    """[short bytes]: at most 65535 bytes."""
    write_short(out, len(value))
    out += value


def write_option(out: bytearray, option_id: int, value: bytes = b"") -> None:
    """[option]: `value` is its value, written already."""
    write_short(out, option_id)
    out += value


def write_option_list(out: bytearray, options: Collection[tuple[int, bytes]]) -> None:
    """[option list] of pairs as `write_option` takes them."""
    write_short(out, len(options))
    for option_id, value in options:
        write_option(out, option_id, value)


def write_inetaddr(out: bytearray, address: InetAddress) -> None:
    """[inetaddr]: an [inet] without its port."""
    write_byte(out, len(address.packed))
    out += address.packed


def write_inet(out: bytearray, node: Inet) -> None:
    """[inet]."""
    write_inetaddr(out, node.address)
    write_int(out, node.port)


def write_consistency(out: bytearray, level: int) -> None:
    """[consistency]."""
    write_short(out, level)


def write_string_map(out: bytearray, items: Mapping[str, str]) -> None:
    """[string map]."""
    write_short(out, len(items))
    for key, value in items.items():
        write_string(out, key)
        write_string(out, value)


def write_string_multimap(out: bytearray, items: Mapping[str, Collection[str]]) -> None:
    """[string multimap]."""
    write_short(out, len(items))
    for key, values in items.items():
        write_string(out, key)
        write_string_list(out, values)


def write_bytes_map(out: bytearray, items: Mapping[str, bytes | None]) -> None:
    """[bytes map]."""
    write_short(out, len(items))
    for key, value in items.items():
        write_string(out, key)
        write_bytes(out, value)


def write_values(
    out: bytearray, values: Collection[Value], names: Iterable[str] | None, version: int
) -> None:
    """<n>[<name_1>]<value_1>...[<name_n>]<value_n> of sections 4.1.4 and 4.1.7."""
    write_short(out, len(values))
    if names is None:
        for value in values:
            write_value(out, value, version)
    else:
        for name, value in zip(names, values, strict=True):
            write_string(out, name)
            write_value(out, value, version)
