"""Layout of BATCH against the decoded message, and batches made of parts of it."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frame_codec import (
    Batch,
    BatchKind,
    BatchQuery,
    BatchType,
    ProtocolError,
    batch,
    batch_of,
    value_at,
    with_batch_ids,
    with_timestamp,
)
from tests.unit.frame_codec.strategies import batches, blobs, versions

_cases = versions.flatmap(lambda v: st.tuples(st.just(v), batches(v)))
_prefixes = st.binary(max_size=5)


@given(_cases, _prefixes, st.binary(max_size=3))
def test_layout(case: tuple[int, Batch], before: bytes, after: bytes) -> None:
    version, expected = case
    message = before + expected.encode(version)
    body = message + after
    layout = batch(body, len(before))
    assert layout.type == expected.type
    assert layout.consistency == expected.consistency
    assert layout.serial_consistency == expected.serial_consistency
    assert layout.timestamp == expected.timestamp
    assert layout.flags == body[layout.flags_offset]
    assert layout.flags_offset == layout.parameters_offset + 2
    assert layout.end == len(message)
    assert int.from_bytes(body[layout.count_offset : layout.count_offset + 2], "big") == len(layout.entries)
    assert len(layout.entries) == len(expected.queries)
    at = layout.count_offset + 2
    for entry, query in zip(layout.entries, expected.queries, strict=True):
        assert entry.start == at
        raw = body[slice(*entry.text)]
        if isinstance(query.text_or_id, bytes):
            assert (entry.kind, entry.id, raw) == (BatchKind.PREPARED, query.text_or_id, query.text_or_id)
        else:
            assert (entry.kind, entry.id, raw.decode()) == (BatchKind.TEXT, b"", query.text_or_id)
        values = tuple(value_at(body, entry.values_offset, index) for index in range(entry.value_count))
        assert values == query.values
        at = entry.end
    assert layout.parameters_offset == at


@given(_cases, _prefixes, st.data())
def test_some_entries_with_other_ids(case: tuple[int, Batch], before: bytes, data: st.DataObject) -> None:
    version, expected = case
    body = before + expected.encode(version)
    count = len(expected.queries)
    kept = data.draw(st.lists(st.integers(0, count - 1), unique=True)) if count else []
    known = [q.text_or_id for q in expected.queries if isinstance(q.text_or_id, bytes)]
    ids = data.draw(st.dictionaries(st.sampled_from(known), blobs)) if known else {}
    layout = batch(body, len(before))

    queries = tuple(expected.queries[index] for index in kept)
    found = batch_of(body, len(before), layout, kept)
    assert found == before + replace(expected, queries=queries).encode(version)

    queries = tuple(_renamed(query, ids) for query in queries)
    found = batch_of(body, len(before), layout, kept, ids)
    assert found == before + replace(expected, queries=queries).encode(version)

    queries = tuple(_renamed(query, ids) for query in expected.queries)
    found = with_batch_ids(body, len(before), layout, ids)
    assert found == before + replace(expected, queries=queries).encode(version)


def _renamed(query: BatchQuery, ids: Mapping[bytes, bytes]) -> BatchQuery:
    old = query.text_or_id
    return replace(query, text_or_id=ids.get(old, old)) if isinstance(old, bytes) else query


@given(_cases, _prefixes, st.integers(0, 2**62))
def test_with_timestamp(case: tuple[int, Batch], before: bytes, micros: int) -> None:
    version, expected = case
    bare = replace(expected, timestamp=None)
    body = before + bare.encode(version)
    found = with_timestamp(body, batch(body, len(before)).flags_offset, micros)
    assert found == before + replace(expected, timestamp=micros).encode(version)


@given(_cases)
def test_cut_short(case: tuple[int, Batch]) -> None:
    version, expected = case
    body = expected.encode(version)
    for size in range(len(body)):
        with pytest.raises(ProtocolError):
            batch(body[:size], 0)


@pytest.mark.parametrize(
    ("wire", "message"),
    [
        ("03 0000 0001 00", "Invalid type of a BATCH: 3"),
        ("00 0001 02 00000000 0000 0001 00", "Invalid kind of a query in a BATCH: 2"),
        ("00 0001 00 ffffffff 0000 0001 00", "Negative length of a query text"),
        ("00 0001 00 00000000 0001 fffffffc 0001 00", r"Invalid length of a \[value\]: -4"),
        ("00 0000 0001 01", "Invalid flags of a BATCH: 0x01"),
        ("00 0000 0001 80", "Invalid flags of a BATCH: 0x80"),
        ("00 ffff 00", "Truncated message"),
    ],
)
def test_invalid(wire: str, message: str) -> None:
    body = bytes.fromhex(wire)
    with pytest.raises(ProtocolError, match=message):
        batch(body, 0)
    with pytest.raises(ProtocolError):
        Batch.decode(body, 4)


def test_the_flag_for_named_values_is_not_heeded() -> None:
    body = bytes.fromhex("00 0001 00 00000001 51 0001 00000001 07 0001 40")
    assert batch(body, 0).entries[0].value_count == 1
    assert Batch.decode(body, 4) == Batch(BatchType.LOGGED, (BatchQuery("Q", (b"\7",)),))
