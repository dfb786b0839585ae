"""Values of native types: from JSON to the bytes of the native protocol (v4, section 6). Pure.

Every number may be written as a string of digits, for programs whose numbers are too small for it.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final
from uuid import UUID

from cassandra.marshal import varint_pack

from cqlproxy.json_writes.durations import duration
from frame_codec import TypeId

Encode = Callable[[object], bytes]
"""From a value to its bytes. Raises ``ValueError`` or ``OverflowError`` for one that does not fit."""

MOST_DIGITS: Final = 4_300
"""Of a number; with more of them, Python takes a time that grows with their square."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_DAY_ZERO: Final = 2**31
_DAY_NANOS: Final = 24 * 3600 * 10**9
_WHOLE: Final = re.compile(rf"[+-]?[0-9]{{1,{MOST_DIGITS}}}")
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,10})?")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: Final = re.compile(r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?")
_NOT_FINITE: Final = {
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "-Infinity": float("-inf"),
}


def _whole(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    raise ValueError


def _integer(layout: str) -> Encode:
    form = struct.Struct(layout)

    def encode(value: object) -> bytes:
        try:
            return form.pack(_whole(value))
        except struct.error:
            raise OverflowError from None

    return encode


def _number(layout: str) -> Encode:
    form = struct.Struct(layout)

    def encode(value: object) -> bytes:
        if isinstance(value, str) and value in _NOT_FINITE:
            return form.pack(_NOT_FINITE[value])
        number = float(_exact(value))
        if number - number != 0:
            raise OverflowError
        return form.pack(number)

    return encode


def _exact(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError
    # Decimal itself would take blanks, underscores and other scripts' digits.
    if isinstance(value, str) and not _DECIMAL.fullmatch(value):
        raise ValueError
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        raise ValueError from None
    if not number.is_finite() or len(number.as_tuple().digits) > MOST_DIGITS:
        raise ValueError
    return number


def _decimal(value: object) -> bytes:
    number = _exact(value)
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    # Not by Decimal's arithmetic, which rounds to the digits of its context.
    unscaled = int(Decimal((sign, digits, 0)))
    try:
        return struct.pack(">i", -exponent) + _packed(unscaled)
    except struct.error:
        raise OverflowError from None


def _varint(value: object) -> bytes:
    return _packed(_whole(value))


def _packed(number: int) -> bytes:
    packed: bytes = varint_pack(number)
    return packed


def _text(value: object) -> bytes:
    if not isinstance(value, str):
        raise ValueError
    return value.encode()


def _ascii(value: object) -> bytes:
    if not isinstance(value, str):
        raise ValueError
    return value.encode("ascii")


def _boolean(value: object) -> bytes:
    if not isinstance(value, bool):
        raise ValueError
    return b"\1" if value else b"\0"


def _blob(value: object) -> bytes:
    if not isinstance(value, str):
        raise ValueError
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        raise ValueError from None


def _uuid(value: object) -> bytes:
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise ValueError
    return UUID(value).bytes


def _timeuuid(value: object) -> bytes:
    encoded = _uuid(value)
    if UUID(bytes=encoded).version != 1:
        raise ValueError
    return encoded


def _inet(value: object) -> bytes:
    if not isinstance(value, str) or "%" in value:
        raise ValueError
    return ipaddress.ip_address(value).packed


def _timestamp(value: object) -> bytes:
    if isinstance(value, str) and not _WHOLE.fullmatch(value):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError
        value = (moment - _EPOCH) // _MILLISECOND
    return _long(value)


def _date(value: object) -> bytes:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise ValueError
    days = (date.fromisoformat(value) - _EPOCH.date()).days
    return struct.pack(">I", days + _DAY_ZERO)


def _time(value: object) -> bytes:
    nanos = None
    if isinstance(value, str) and (found := _TIME.fullmatch(value)):
        hours, minutes, seconds, fraction = found.groups()
        if int(hours) < 24 and int(minutes) < 60 and int(seconds or 0) < 60:
            nanos = (int(hours) * 3600 + int(minutes) * 60 + int(seconds or 0)) * 10**9
            nanos += int((fraction or "").ljust(9, "0"))
    else:
        nanos = _whole(value)
    if nanos is None or not 0 <= nanos < _DAY_NANOS:
        raise ValueError
    return struct.pack(">q", nanos)


_long: Final = _integer(">q")

NATIVE: Final[dict[TypeId, tuple[Encode, str]]] = {
    TypeId.ASCII: (_ascii, "text of ASCII characters"),
    TypeId.BIGINT: (_long, "a whole number from -2^63 to 2^63-1"),
    TypeId.BLOB: (_blob, "bytes in base64"),
    TypeId.BOOLEAN: (_boolean, "true or false"),
    TypeId.COUNTER: (_long, "a whole number from -2^63 to 2^63-1"),
    TypeId.DATE: (_date, "a date such as 2024-02-29"),
    TypeId.DECIMAL: (_decimal, f"a number, or one in a string, of at most {MOST_DIGITS} digits"),
    TypeId.DOUBLE: (_number(">d"), "a number, or NaN, Infinity, -Infinity in a string"),
    TypeId.DURATION: (duration, "a duration such as 1mo2d3h, P1M2DT3H or {months, days, nanoseconds}"),
    TypeId.FLOAT: (_number(">f"), "a number that a float can hold, or NaN, Infinity, -Infinity in a string"),
    TypeId.INET: (_inet, "an IPv4 or IPv6 address"),
    TypeId.INT: (_integer(">i"), "a whole number from -2147483648 to 2147483647"),
    TypeId.SMALLINT: (_integer(">h"), "a whole number from -32768 to 32767"),
    TypeId.TEXT: (_text, "text"),
    TypeId.TIME: (_time, "a time of day such as 12:34:56.789, or its nanoseconds"),
    TypeId.TIMESTAMP: (
        _timestamp,
        "a time with its offset such as 2024-02-29T12:34:56.789Z, or milliseconds since 1970",
    ),
    TypeId.TIMEUUID: (_timeuuid, "a uuid of version 1, such as 50554d6e-29bb-11e5-b345-feff819cdc9f"),
    TypeId.TINYINT: (_integer(">b"), "a whole number from -128 to 127"),
    TypeId.UUID: (_uuid, "a uuid such as 550e8400-e29b-41d4-a716-446655440000"),
    TypeId.VARCHAR: (_text, "text"),
    TypeId.VARINT: (_varint, f"a whole number of at most {MOST_DIGITS} digits"),
}
"""By type: how a value is encoded, and what it must be."""
