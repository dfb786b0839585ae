"""Bodies of QUERY, EXECUTE and BATCH with one part changed, all other bytes as they were.

Offsets are those that `layout` and `batch_layout` give, from the start of the body; what stands before the
message stays. Each returns a new body. Sections are those of native_protocol_v4.spec.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from frame_codec.batch_layout import batch
from frame_codec.constants import Opcode
from frame_codec.layout import (
    DEFAULT_TIMESTAMP,
    INT,
    LONG,
    NAMED_VALUES,
    SHORT,
    VALUES,
    execute_id,
    parameters,
    query_span,
    skip_values,
    truncated,
)

_BYTES: Final = tuple(bytes((n,)) for n in range(256))


class AddedValue(NamedTuple):
    """A value that joins those of a message: its serialized bytes, and the name of its bind marker."""

    name: bytes
    value: bytes


def with_timestamp(body: bytes, flags_offset: int, micros: int, end: int | None = None) -> bytes:
    """The same QUERY, EXECUTE or BATCH with a default timestamp, its last field in v3 and v4.

    micros: microseconds since the epoch. end: where the message's last field ends, when known; without it
    the body is taken to end there, which holds for every driver.
    The timestamp flag must not be set yet.
    """
    return b"".join(
        (
            body[:flags_offset],
            _BYTES[body[flags_offset] | DEFAULT_TIMESTAMP],
            body[flags_offset + 1 : end],
            LONG.pack(micros),
        )
    )


def with_write_time(body: bytes, opcode: int, micros: int) -> bytes:
    """The same QUERY, EXECUTE or BATCH, at the start of the body, with this default timestamp and no other.

    micros: microseconds since the epoch.
    """
    if opcode == Opcode.BATCH:
        layout = batch(body, 0)
        flags, flags_offset, end = layout.flags, layout.flags_offset, layout.end
    else:
        found = parameters(body, consistency_offset(body, opcode))
        flags, flags_offset, end = found.flags, found.flags_offset, found.end
    if flags & DEFAULT_TIMESTAMP:
        return b"".join((body[: end - LONG.size], LONG.pack(micros), body[end:]))
    return with_timestamp(body, flags_offset, micros, end)


def consistency_offset(body: bytes, opcode: int, at: int = 0) -> int:
    """Where the consistency of the QUERY, EXECUTE or BATCH at `at` stands; ValueError for other opcodes."""
    if opcode == Opcode.EXECUTE:
        return at + 2 + len(execute_id(body, at))
    if opcode == Opcode.QUERY:
        return query_span(body, at)[1]
    if opcode == Opcode.BATCH:
        return batch(body, at).parameters_offset
    raise ValueError(f"A request with opcode {opcode:#04x} has no consistency of its own")


def with_consistency(body: bytes, opcode: int, consistency: int, at: int = 0) -> bytes:
    """The same QUERY, EXECUTE or BATCH, at `at`, with another consistency (a `ConsistencyLevel`)."""
    offset = consistency_offset(body, opcode, at)
    if len(body) < offset + SHORT.size:
        raise truncated("consistency", body)
    return b"".join((body[:offset], SHORT.pack(consistency), body[offset + SHORT.size :]))


def with_flags(body: bytes, flags_offset: int, flags: int) -> bytes:
    """The same body with `flags` as its flags byte. The fields must fit them already."""
    return b"".join((body[:flags_offset], _BYTES[flags], body[flags_offset + 1 :]))


def without_flag(body: bytes, flags_offset: int, flag: int) -> bytes:
    """The same body with `flag` cleared: one that announces no field, such as SKIP_METADATA."""
    return with_flags(body, flags_offset, body[flags_offset] & ~int(flag))


def with_execute_id(body: bytes, at: int, new_id: bytes) -> bytes:
    """The same EXECUTE, at `at`, with another prepared id."""
    end = at + 2 + len(execute_id(body, at))
    return b"".join((body[:at], SHORT.pack(len(new_id)), new_id, body[end:]))


def replace_query(body: bytes, at: int, new_text: bytes, kept_values: Sequence[int] | None) -> bytes:
    """The same QUERY, at `at`, with another text and only some of its values.

    kept_values: numbers (from 0) of the values to keep, in the order wanted, each with its name if it has
    one; None keeps the values as they are. ValueError on a number that the QUERY has no value for.
    """
    _, end = query_span(body, at)
    rest = body[end:] if kept_values is None else with_values_kept(body, end, kept_values)
    return b"".join((body[:at], INT.pack(len(new_text)), new_text, rest))


def with_values_kept(body: bytes, at: int, kept: Sequence[int]) -> bytes:
    """The parameters whose consistency stands at `at`, and all after them, with only the values in `kept`.

    As `replace_query`, for messages put together by the caller; what stands before `at` is not returned.
    """
    found = parameters(body, at)
    if not kept:
        flags = found.flags & ~(VALUES | NAMED_VALUES)
        return b"".join((body[at : at + 2], _BYTES[flags], body[found.values_end :]))
    starts = [found.values_offset]
    for _ in range(found.value_count):
        starts.append(skip_values(body, starts[-1], 1, found.named))
    if min(kept) < 0 or max(kept) >= found.value_count:
        raise ValueError(f"Cannot keep values {list(kept)} of a message that has {found.value_count}")
    parts = [body[at : found.flags_offset + 1], SHORT.pack(len(kept))]
    parts += (body[starts[index] : starts[index + 1]] for index in kept)
    parts.append(body[found.values_end :])
    return b"".join(parts)


def with_values(body: bytes, at: int, values: Sequence[int | AddedValue]) -> bytes:
    """The parameters whose consistency stands at `at`, and all after them, with other values.

    values: in order, the numbers (from 0) of values to keep and those to add. ValueError on a number that
    the message has no value for. In a message whose values have names all of them stay, since a server
    looks for those that it needs and for no others; the added ones join them by their names.
    What stands before `at` is not returned.
    """
    found = parameters(body, at)
    if found.named and found.value_count:
        parts = [
            body[at : found.flags_offset + 1],
            b"",
            body[found.values_offset : found.values_end],
        ]
        count = found.value_count
        for value in values:
            if not isinstance(value, int):
                count += 1
                parts += (SHORT.pack(len(value.name)), value.name, INT.pack(len(value.value)), value.value)
        parts[1] = SHORT.pack(count)
        parts.append(body[found.values_end :])
        return b"".join(parts)
    flags = found.flags & ~(VALUES | NAMED_VALUES)
    chosen = b""
    if values:
        flags |= VALUES
        chosen = values_chosen(body, found.values_offset, found.value_count, values)
    return b"".join((body[at : at + 2], _BYTES[flags], chosen, body[found.values_end :]))


def values_chosen(body: bytes, values_offset: int, count: int, values: Sequence[int | AddedValue]) -> bytes:
    """Values for a message, after their [short] number: some of the `count` without names that begin at
    `values_offset`, by their numbers (from 0), and some added. ValueError on a number that there is no value
    for.
    """
    starts = [values_offset]
    for _ in range(count):
        starts.append(skip_values(body, starts[-1], 1, False))
    parts = [SHORT.pack(len(values))]
    for value in values:
        if not isinstance(value, int):
            parts += (INT.pack(len(value.value)), value.value)
        elif 0 <= value < count:
            parts.append(body[starts[value] : starts[value + 1]])
        else:
            raise ValueError(f"Cannot keep value {value} of a message that has {count}")
    return b"".join(parts)
