"""Where the parts of a BATCH stand in a body (section 4.1.7), and BATCHes made of parts of one.

As in `layout`: every function takes the whole body and `at`, the offset of the message; all offsets are
from the start of the body; malformed bytes raise ProtocolError.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from frame_codec.constants import BatchKind, BatchType
from frame_codec.errors import ProtocolError
from frame_codec.layout import (
    DEFAULT_TIMESTAMP,
    INT,
    LONG,
    PAGE_SIZE,
    PAGING_STATE,
    SERIAL_CONSISTENCY,
    SHORT,
    SKIP_METADATA,
    UNKNOWN_FLAGS,
    VALUES,
    skip_values,
    truncated,
)

_PREPARED = int(BatchKind.PREPARED)
_TEXT = int(BatchKind.TEXT)
_new = tuple.__new__
_FORBIDDEN_FLAGS = VALUES | SKIP_METADATA | PAGE_SIZE | PAGING_STATE | UNKNOWN_FLAGS


class BatchEntry(NamedTuple):
    """One query of a BATCH."""

    kind: int
    """A `BatchKind`."""
    id: bytes
    """The prepared id; empty for a text."""
    text: tuple[int, int]
    """Start and end of the bytes of the text, or of the prepared id."""
    value_count: int
    values_offset: int
    """Of the first value, also when there is none."""
    start: int
    """Of the entry, at its kind."""
    end: int


class BatchLayout(NamedTuple):
    """A whole BATCH."""

    type: int
    """A `BatchType`."""
    count_offset: int
    """Of the [short] that counts the entries."""
    entries: list[BatchEntry]
    parameters_offset: int
    """Of the consistency, after the last entry."""
    consistency: int
    flags: int
    flags_offset: int
    serial_consistency: int | None
    timestamp: int | None
    """Microseconds since the epoch; None when the flag is not set."""
    end: int
    """After the last field; what follows has no meaning in v3 and v4."""


def batch(body: bytes, at: int) -> BatchLayout:
    """The layout of the BATCH at `at`.

    The flag for named values is not heeded, as by servers: the specification says why it cannot work.
    """
    size = len(body)
    serial_consistency = timestamp = None
    entries: list[BatchEntry] = []
    try:
        batch_type, count = body[at], SHORT.unpack_from(body, at + 1)[0]
        if batch_type > BatchType.COUNTER:
            raise ProtocolError(f"Invalid type of a BATCH: {batch_type}, expected 0, 1 or 2")
        count_offset = at + 1
        at += 3
        for _ in range(count):
            entry = _entry(body, at)
            entries.append(entry)
            at = entry.end
        parameters_offset = at
        (consistency,) = SHORT.unpack_from(body, at)
        flags_offset = at + 2
        flags = body[flags_offset]
        if flags & _FORBIDDEN_FLAGS:
            raise ProtocolError(f"Invalid flags of a BATCH: {flags:#04x}, expected of 0x10, 0x20, 0x40 only")
        at += 3
        if flags & SERIAL_CONSISTENCY:
            (serial_consistency,) = SHORT.unpack_from(body, at)
            at += 2
        if flags & DEFAULT_TIMESTAMP:
            (timestamp,) = LONG.unpack_from(body, at)
            at += 8
    except (struct.error, IndexError):
        raise truncated("BATCH", body) from None
    if at > size:
        raise truncated("BATCH", body)
    return BatchLayout(
        batch_type,
        count_offset,
        entries,
        parameters_offset,
        consistency,
        flags,
        flags_offset,
        serial_consistency,
        timestamp,
        at,
    )


def _entry(body: bytes, start: int) -> BatchEntry:
    # Hot path: once for every query of every BATCH.
    kind = body[start]
    if kind == _PREPARED:
        text = start + 3
        end = text + (body[start + 1] << 8 | body[start + 2])
        prepared_id = body[text:end]
    elif kind == _TEXT:
        (length,) = INT.unpack_from(body, start + 1)
        if length < 0:
            raise ProtocolError(f"Negative length of a query text: {length}")
        text = start + 5
        end = text + length
        prepared_id = b""
    else:
        raise ProtocolError(f"Invalid kind of a query in a BATCH: {kind}, expected 0 or 1")
    value_count = body[end] << 8 | body[end + 1]
    values_offset = end + 2
    values_end = skip_values(body, values_offset, value_count, False) if value_count else values_offset
    # A named tuple's own constructor takes twice the time.
    return _new(BatchEntry, (kind, prepared_id, (text, end), value_count, values_offset, start, values_end))


def batch_of(
    body: bytes,
    at: int,
    layout: BatchLayout,
    kept: Sequence[int],
    ids: Mapping[bytes, bytes] | None = None,
) -> bytes:
    """The same body with only the entries numbered in `kept` (from 0, in that order).

    ids: prepared ids to replace, from the id in `body`; those that it lacks stay.
    What stands before the message and after its entries is unchanged, so a flags offset moves by the
    difference of the two lengths.
    """
    entries = layout.entries
    parts = [body[: at + 1], SHORT.pack(len(kept))]
    for index in kept:
        entry = entries[index]
        new_id = ids.get(entry.id) if ids and entry.kind == _PREPARED else None
        if new_id is None:
            parts.append(body[entry.start : entry.end])
        else:
            parts += (b"\x01", SHORT.pack(len(new_id)), new_id, body[entry.text[1] : entry.end])
    parts.append(body[layout.parameters_offset :])
    return b"".join(parts)


def with_batch_ids(body: bytes, at: int, layout: BatchLayout, ids: Mapping[bytes, bytes]) -> bytes:
    """The same body with the prepared ids replaced that are keys of `ids`."""
    return batch_of(body, at, layout, range(len(layout.entries)), ids)
