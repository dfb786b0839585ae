"""BATCHes with some of their queries rewritten (section 4.1.7), all other bytes as they were."""

from collections.abc import Mapping, Sequence

from frame_codec.batch_layout import BatchEntry, BatchLayout
from frame_codec.constants import BatchKind
from frame_codec.layout import INT, SHORT
from frame_codec.rewrite import AddedValue, values_chosen

_TEXT = bytes((BatchKind.TEXT,))
_PREPARED = bytes((BatchKind.PREPARED,))


def text_entry(
    text: bytes, body: bytes, entry: BatchEntry, values: Sequence[int | AddedValue] | None
) -> bytes:
    """A query of a BATCH: this text, with values of `entry` of `body` and others.

    values: as for `with_values`; None keeps the values as they are.
    """
    return b"".join((_TEXT, INT.pack(len(text)), text, _values(body, entry, values)))


def prepared_entry(
    prepared_id: bytes, body: bytes, entry: BatchEntry, values: Sequence[int | AddedValue] | None
) -> bytes:
    """As `text_entry`: the prepared statement of this id."""
    return b"".join((_PREPARED, SHORT.pack(len(prepared_id)), prepared_id, _values(body, entry, values)))


def batch_with(body: bytes, at: int, layout: BatchLayout, entries: Mapping[int, bytes]) -> bytes:
    """The same body with other queries, by their numbers (from 0) in the BATCH at `at`."""
    if not entries:
        return body
    parts: list[bytes] = []
    end = 0
    for number, entry in enumerate(layout.entries):
        instead = entries.get(number)
        if instead is not None:
            parts += (body[end : entry.start], instead)
            end = entry.end
    parts.append(body[end:])
    return b"".join(parts)


def _values(body: bytes, entry: BatchEntry, values: Sequence[int | AddedValue] | None) -> bytes:
    if values is None:
        return body[entry.text[1] : entry.end]
    return values_chosen(body, entry.values_offset, entry.value_count, values)
