"""Where the parts of QUERY, PREPARE and EXECUTE stand in a body, found without decoding it.

For the hot path: offsets and single values instead of objects. Every function takes the whole body and
`at`, the offset of the message (0, or what `after_custom_payload` gives), or another offset named in it;
all offsets are from the start of the body. Malformed bytes raise ProtocolError.
A length of -2 is read as UNSET in v3 too, where it means null: both leave a routing key unknown.
Sections are those of native_protocol_v4.spec.
"""

import struct
from typing import Final, NamedTuple

from frame_codec.constants import QueryFlag
from frame_codec.errors import ProtocolError
from frame_codec.values import UNSET, Value

SHORT: Final = struct.Struct(">H")
INT: Final = struct.Struct(">i")
LONG: Final = struct.Struct(">q")

VALUES: Final = int(QueryFlag.VALUES)
SKIP_METADATA: Final = int(QueryFlag.SKIP_METADATA)
PAGE_SIZE: Final = int(QueryFlag.PAGE_SIZE)
PAGING_STATE: Final = int(QueryFlag.PAGING_STATE)
SERIAL_CONSISTENCY: Final = int(QueryFlag.SERIAL_CONSISTENCY)
DEFAULT_TIMESTAMP: Final = int(QueryFlag.DEFAULT_TIMESTAMP)
NAMED_VALUES: Final = int(QueryFlag.NAMED_VALUES)

_VALUES_AND_NAMES: Final = VALUES | NAMED_VALUES

# In v5 this bit announces a keyspace after the timestamp, and servers read one whatever the version.
UNKNOWN_FLAGS: Final = 0x80


def truncated(what: str, body: bytes) -> ProtocolError:
    """The error for a body that ends before `what` does."""
    return ProtocolError(f"Truncated message: the body of {len(body)} bytes ends inside its {what}")


def skip_values(body: bytes, at: int, count: int, named: bool) -> int:
    """Offset after `count` values that begin at `at`, each after its name if `named`.

    The offset may lie beyond the body when the last value does: the caller checks.
    """
    unpack_int = INT.unpack_from
    try:
        for _ in range(count):
            if named:
                at += 2 + SHORT.unpack_from(body, at)[0]
            (length,) = unpack_int(body, at)
            if length >= 0:
                at += 4 + length
            elif length >= -2:
                at += 4
            else:
                raise ProtocolError(f"Invalid length of a [value]: {length}")
    except struct.error:
        raise truncated("values", body) from None
    return at


def execute_id(body: bytes, at: int) -> bytes:
    """The prepared id of an EXECUTE (section 4.1.6). Its parameters begin `2 + len(id)` after `at`."""
    # Hot path: runs for every EXECUTE.
    try:
        length = body[at] << 8 | body[at + 1]
    except IndexError:
        raise truncated("prepared id", body) from None
    start = at + 2
    found = body[start : start + length]
    if len(found) != length:
        raise truncated("prepared id", body)
    return found


def query_span(body: bytes, at: int) -> tuple[int, int]:
    """Start and end of the text's bytes in a QUERY or PREPARE. A QUERY's parameters begin at the end."""
    try:
        (length,) = INT.unpack_from(body, at)
    except struct.error:
        raise truncated("query text", body) from None
    start = at + 4
    end: int = start + length
    if length < 0:
        raise ProtocolError(f"Negative length of a query text: {length}")
    if end > len(body):
        raise truncated("query text", body)
    return start, end


class Parameters(NamedTuple):
    """The <query_parameters> of QUERY and EXECUTE (section 4.1.4), as offsets where they may be long."""

    consistency: int
    flags: int
    flags_offset: int
    value_count: int
    values_offset: int
    """Of the first value (or its name), also when there is none."""
    values_end: int
    named: bool
    """Whether each value stands after its name."""
    page_size: int | None
    paging_state: tuple[int, int] | None
    """Start and end of its bytes; None also when it is null."""
    serial_consistency: int | None
    timestamp: int | None
    """Microseconds since the epoch."""
    end: int
    """After the last field; what follows has no meaning in v3 and v4."""


def parameters(body: bytes, at: int) -> Parameters:
    """The parameters whose consistency stands at `at`."""
    size = len(body)
    page_size = paging_state = serial_consistency = timestamp = None
    try:
        (consistency,) = SHORT.unpack_from(body, at)
        flags_offset = at + 2
        if flags_offset >= size:
            raise truncated("query flags", body)
        flags = body[flags_offset]
        if flags & UNKNOWN_FLAGS:
            raise ProtocolError(f"Unknown query flags {flags:#04x}: protocol v3 and v4 have none above 0x40")
        at += 3
        count = 0
        named = False
        if flags & VALUES:
            (count,) = SHORT.unpack_from(body, at)
            at += 2
            named = flags & NAMED_VALUES != 0
        values_offset = at
        if count:
            at = skip_values(body, at, count, named)
        values_end = at
        if flags & PAGE_SIZE:
            (page_size,) = INT.unpack_from(body, at)
            at += 4
        if flags & PAGING_STATE:
            (length,) = INT.unpack_from(body, at)
            at += 4
            if length >= 0:
                paging_state = (at, at + length)
                at += length
        if flags & SERIAL_CONSISTENCY:
            (serial_consistency,) = SHORT.unpack_from(body, at)
            at += 2
        if flags & DEFAULT_TIMESTAMP:
            (timestamp,) = LONG.unpack_from(body, at)
            at += 8
    except struct.error:
        raise truncated("query parameters", body) from None
    if at > size:
        raise truncated("query parameters", body)
    return Parameters(
        consistency,
        flags,
        flags_offset,
        count,
        values_offset,
        values_end,
        named,
        page_size,
        paging_state,
        serial_consistency,
        timestamp,
        at,
    )


def value_at(body: bytes, values_offset: int, index: int) -> Value:
    """Positional value number `index` (from 0) of those that begin at `values_offset`.

    The caller knows that there are more than `index` of them, and that they have no names.
    """
    at = skip_values(body, values_offset, index, False) if index else values_offset
    try:
        (length,) = INT.unpack_from(body, at)
    except struct.error:
        raise truncated("values", body) from None
    if length >= 0:
        value = body[at + 4 : at + 4 + length]
        if len(value) != length:
            raise truncated("values", body)
        return value
    if length == -1:
        return None
    if length == -2:
        return UNSET
    raise ProtocolError(f"Invalid length of a [value]: {length}")


def positional_value(body: bytes, at: int, index: int) -> bytes | None:
    """Value number `index` (from 0) of a QUERY or EXECUTE that was accepted, whose parameters are at `at`.

    None when it is null, unset or not there, and when the values have names.
    """
    # Hot path: for every copy whose tenant is bound.
    if body[at + 2] & _VALUES_AND_NAMES != VALUES or index >= body[at + 3] << 8 | body[at + 4]:
        return None
    at += 5
    if index:
        at = skip_values(body, at, index, False)
    (length,) = INT.unpack_from(body, at)
    return body[at + 4 : at + 4 + length] if length >= 0 else None


def named_value(body: bytes, values_offset: int, count: int, name: bytes) -> Value:
    """The value of this name among the `count` with names that begin at `values_offset`.

    Of several the first, as servers read them; None also when there is none.
    """
    at = values_offset
    for _ in range(count):
        try:
            named = body[at + 2 : at + 2 + SHORT.unpack_from(body, at)[0]]
        except struct.error:
            raise truncated("values", body) from None
        if named == name:
            return value_at(body, at + 2 + len(named), 0)
        at = skip_values(body, at, 1, True)
    return None


def routing_values(body: bytes, at: int, indexes: tuple[int, ...]) -> bytes | None:
    """The serialized partition key that the values bind, for the token.

    at: offset of the consistency, as for `parameters`.
    indexes: bind index of each partition key column, in key order (section 4.2.5.4, <pk_index>).
    One column's key is its value; more are each a [short] length, the value and a zero byte.
    None when the key cannot be known from the values: no indexes, none or named values, an index out of
    range, a null or unset value, a component above 65535 bytes.
    """
    # Hot path: runs for every EXECUTE.
    try:
        flags = body[at + 2]
        if flags & (VALUES | NAMED_VALUES) != VALUES or not indexes:
            return None
        (count,) = SHORT.unpack_from(body, at + 3)
        if len(indexes) == 1:
            index = indexes[0]
            if index >= count:
                return None
            value = value_at(body, at + 5, index)
            return value if isinstance(value, bytes) else None
        most = max(indexes)
        if most >= count:
            return None
        values = _first_values(body, at + 5, most + 1)
    except (struct.error, IndexError):
        raise truncated("values", body) from None
    parts: list[bytes] = []
    for index in indexes:
        value = values[index]
        if value is None or len(value) > 0xFFFF:
            return None
        parts += (SHORT.pack(len(value)), value, b"\x00")
    return b"".join(parts)


def _first_values(body: bytes, at: int, count: int) -> list[bytes | None]:
    """The first `count` positional values, null and unset ones as None."""
    values: list[bytes | None] = []
    for _ in range(count):
        (length,) = INT.unpack_from(body, at)
        at += 4
        if length < 0:
            if length < -2:
                raise ProtocolError(f"Invalid length of a [value]: {length}")
            values.append(None)
        else:
            values.append(body[at : at + length])
            at += length
    if at > len(body):
        raise truncated("values", body)
    return values
