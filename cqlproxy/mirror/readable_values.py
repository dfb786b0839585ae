"""Bound values as an operator reads them: JSON, decoded where the type is known.

Numbers that JSON's readers may round (decimal, varint) and all that JSON has no form for are strings in CQL's
notation; what cannot be decoded is ``0x`` and hexadecimal digits.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address
from typing import Final
from uuid import UUID

from cqlproxy.journal import Json
from frame_codec import (
    ColumnSpec,
    ColumnType,
    ListType,
    MapType,
    NativeType,
    SetType,
    TupleType,
    TypeId,
    UdtType,
)

UNSET_SHOWN: Final = "(unset)"
"""Of a value that leaves what is stored as it is."""

_INT: Final = struct.Struct(">i")
_SHORT: Final = struct.Struct(">H")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_ZERO: Final = 1 << 31


def readable(body: bytes, at: int, count: int, columns: tuple[ColumnSpec, ...]) -> Iterator[Json]:
    """``count`` positional values that begin at ``at``, of the types of ``columns`` as far as those go."""
    for index in range(count):
        column_type = columns[index].type if index < len(columns) else None
        shown, at = _shown(body, at, column_type)
        yield shown


def readable_named(body: bytes, at: int, count: int, columns: tuple[ColumnSpec, ...]) -> dict[str, Json]:
    """The same of values that each come after their name."""
    types = {column.name: column.type for column in columns}
    found: dict[str, Json] = {}
    for _ in range(count):
        (length,) = _SHORT.unpack_from(body, at)
        name = body[at + 2 : at + 2 + length].decode("utf-8", "replace")
        found[name], at = _shown(body, at + 2 + length, types.get(name))
    return found


def _shown(body: bytes, at: int, column_type: ColumnType | None) -> tuple[Json, int]:
    (length,) = _INT.unpack_from(body, at)
    at += _INT.size
    if length < 0:
        return (UNSET_SHOWN if length == -2 else None), at
    end = at + length
    return decoded(body[at:end], column_type), end


def decoded(value: bytes, column_type: ColumnType | None) -> Json:
    """One value, as JSON; in hexadecimal digits when its type is not known or does not fit."""
    try:
        if column_type is not None and (decode := _decoder(column_type)) is not None:
            return decode(value)
    except (ValueError, ArithmeticError, struct.error):
        pass
    return "0x" + value.hex()


def _decoder(column_type: ColumnType) -> Callable[[bytes], Json] | None:
    match column_type:
        case NativeType(id=type_id):
            return _NATIVE.get(type_id)
        case ListType(element=element) | SetType(element=element):
            return lambda value: _elements(value, element)
        case MapType(key=key, value=value_type):
            return lambda value: _map(value, key, value_type)
        case TupleType(elements=elements):
            return lambda value: list(_fields(value, elements))
        case UdtType(fields=fields):
            types = tuple(field_type for _, field_type in fields)
            return lambda value: {
                name: shown for (name, _), shown in zip(fields, _fields(value, types), strict=False)
            }
    return None


def _elements(value: bytes, element: ColumnType) -> list[Json]:
    (count,) = _INT.unpack_from(value)
    at = _INT.size
    found: list[Json] = []
    for _ in range(count):
        shown, at = _shown(value, at, element)
        found.append(shown)
    return found


def _map(value: bytes, key: ColumnType, value_type: ColumnType) -> dict[str, Json]:
    (count,) = _INT.unpack_from(value)
    at = _INT.size
    found: dict[str, Json] = {}
    for _ in range(count):
        shown_key, at = _shown(value, at, key)
        found[shown_key if isinstance(shown_key, str) else str(shown_key)], at = _shown(value, at, value_type)
    return found


def _fields(value: bytes, types: tuple[ColumnType, ...]) -> Iterator[Json]:
    """Of a tuple or a user-defined type; the last may be absent (spec sections 6.22, 6.23)."""
    at = 0
    for column_type in types:
        if at >= len(value):
            return
        shown, at = _shown(value, at, column_type)
        yield shown


def _number(layout: str) -> Callable[[bytes], Json]:
    form = struct.Struct(layout)

    def decode(value: bytes) -> Json:
        (number,) = form.unpack(value)
        # JSON has neither NaN nor infinities.
        return number if isinstance(number, int) or number - number == 0 else str(number)

    return decode


def _timestamp(value: bytes) -> str:
    (millis,) = struct.unpack(">q", value)
    return (_EPOCH + timedelta(milliseconds=millis)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _date(value: bytes) -> str:
    (days,) = struct.unpack(">I", value)
    return date.fromordinal(date(1970, 1, 1).toordinal() + days - _DAY_ZERO).isoformat()


def _time(value: bytes) -> str:
    (nanos,) = struct.unpack(">q", value)
    seconds, nanos = divmod(nanos, 1_000_000_000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{nanos:09}"


def _decimal(value: bytes) -> str:
    (scale,) = _INT.unpack_from(value)
    sign, digits, _ = Decimal(int.from_bytes(value[4:], "big", signed=True)).as_tuple()
    return str(Decimal((sign, digits, -scale)))


_NATIVE: Final[dict[TypeId, Callable[[bytes], Json]]] = {
    TypeId.ASCII: lambda value: value.decode("ascii"),
    TypeId.TEXT: lambda value: value.decode(),
    TypeId.VARCHAR: lambda value: value.decode(),
    TypeId.BOOLEAN: lambda value: value != b"\0",
    TypeId.BIGINT: _number(">q"),
    TypeId.COUNTER: _number(">q"),
    TypeId.INT: _number(">i"),
    TypeId.SMALLINT: _number(">h"),
    TypeId.TINYINT: _number(">b"),
    TypeId.DOUBLE: _number(">d"),
    TypeId.FLOAT: _number(">f"),
    TypeId.VARINT: lambda value: str(int.from_bytes(value, "big", signed=True)),
    TypeId.DECIMAL: _decimal,
    TypeId.UUID: lambda value: str(UUID(bytes=value)),
    TypeId.TIMEUUID: lambda value: str(UUID(bytes=value)),
    TypeId.INET: lambda value: str(ip_address(value)),
    TypeId.TIMESTAMP: _timestamp,
    TypeId.DATE: _date,
    TypeId.TIME: _time,
}
