"""Rewritten bodies against the encoded message that they should be."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frame_codec import (
    AddedValue,
    Batch,
    BatchQuery,
    BatchType,
    ConsistencyLevel,
    Execute,
    Opcode,
    ProtocolError,
    Query,
    QueryFlag,
    QueryParameters,
    Value,
    batch,
    batch_with,
    consistency_offset,
    parameters,
    prepared_entry,
    query_span,
    replace_query,
    text_entry,
    with_consistency,
    with_execute_id,
    with_flags,
    with_timestamp,
    with_values,
    with_values_kept,
    with_write_time,
    without_flag,
)
from tests.unit.frame_codec.strategies import (
    batches,
    blobs,
    query_parameters,
    texts,
    versions,
)

_cases = versions.flatmap(lambda v: st.tuples(st.just(v), query_parameters(v)))
_prefixes = st.binary(max_size=5)


@given(_cases, blobs, _prefixes, st.integers(0, 2**62))
def test_with_timestamp(
    case: tuple[int, QueryParameters], prepared_id: bytes, before: bytes, micros: int
) -> None:
    version, fields = case
    body = before + Execute(prepared_id, replace(fields, timestamp=None)).encode(version)
    expected = before + Execute(prepared_id, replace(fields, timestamp=micros)).encode(version)
    found = parameters(body, len(before) + 2 + len(prepared_id))
    assert with_timestamp(body, found.flags_offset, micros) == expected
    assert with_timestamp(body + b"more", found.flags_offset, micros, found.end) == expected


@given(_cases, texts, _prefixes)
def test_flags(case: tuple[int, QueryParameters], text: str, before: bytes) -> None:
    version, fields = case
    body = before + Query(text, replace(fields, skip_metadata=True)).encode(version)
    expected = before + Query(text, replace(fields, skip_metadata=False)).encode(version)
    flags_offset = query_span(body, len(before))[1] + 2
    assert without_flag(body, flags_offset, QueryFlag.SKIP_METADATA) == expected
    assert without_flag(expected, flags_offset, QueryFlag.SKIP_METADATA) == expected
    assert with_flags(expected, flags_offset, expected[flags_offset] | QueryFlag.SKIP_METADATA) == body


@given(_cases, blobs, blobs, _prefixes)
def test_with_execute_id(case: tuple[int, QueryParameters], old: bytes, new: bytes, before: bytes) -> None:
    version, fields = case
    body = before + Execute(old, fields).encode(version)
    assert with_execute_id(body, len(before), new) == before + Execute(new, fields).encode(version)


@given(_cases, texts, texts, _prefixes, st.data())
def test_replace_query(
    case: tuple[int, QueryParameters], old: str, new: str, before: bytes, data: st.DataObject
) -> None:
    version, fields = case
    body = before + Query(old, fields).encode(version)
    found = replace_query(body, len(before), new.encode(), None)
    assert found == before + Query(new, fields).encode(version)

    count = len(fields.values)
    kept = data.draw(st.lists(st.integers(0, count - 1), unique=True)) if count else []
    names = fields.names
    fewer = replace(
        fields,
        values=tuple(fields.values[index] for index in kept),
        names=None if names is None else tuple(names[index] for index in kept),
    )
    found = replace_query(body, len(before), new.encode(), kept)
    assert found == before + Query(new, fewer).encode(version)
    end = query_span(body, len(before))[1]
    assert found.endswith(with_values_kept(body, end, kept))


@given(_cases, blobs, st.data())
def test_with_values(case: tuple[int, QueryParameters], prepared_id: bytes, data: st.DataObject) -> None:
    version, fields = case
    body = Execute(prepared_id, fields).encode(version)
    at = 2 + len(prepared_id)
    added = st.builds(AddedValue, st.sampled_from([b"own", b"other"]), blobs)
    count = len(fields.values)
    chosen = data.draw(st.lists(st.integers(0, count - 1) | added if count else added, max_size=6))

    expected: tuple[Value, ...]
    if fields.names and fields.values:
        new = [value for value in chosen if isinstance(value, AddedValue)]
        expected = fields.values + tuple(value.value for value in new)
        names: tuple[str, ...] | None = fields.names + tuple(value.name.decode() for value in new)
    else:
        expected = tuple(fields.values[v] if isinstance(v, int) else v.value for v in chosen)
        names = None
    message = Execute(prepared_id, replace(fields, values=expected, names=names)).encode(version)
    assert body[:at] + with_values(body, at, chosen) == message


@given(_cases, texts, blobs, st.sampled_from(ConsistencyLevel), _prefixes)
def test_with_consistency(
    case: tuple[int, QueryParameters], text: str, prepared_id: bytes, level: ConsistencyLevel, before: bytes
) -> None:
    version, fields = case
    changed = replace(fields, consistency=level)
    at = len(before)
    for request, expected in (
        (Query(text, fields), Query(text, changed)),
        (Execute(prepared_id, fields), Execute(prepared_id, changed)),
    ):
        body = before + request.encode(version)
        assert with_consistency(body, request.opcode, level, at) == before + expected.encode(version)


@given(versions.flatmap(lambda v: st.tuples(st.just(v), batches(v))), st.sampled_from(ConsistencyLevel))
def test_with_consistency_of_a_batch(case: tuple[int, Batch], level: ConsistencyLevel) -> None:
    version, message = case
    found = with_consistency(message.encode(version), Opcode.BATCH, level)
    assert found == replace(message, consistency=level).encode(version)


def test_other_requests_have_no_consistency() -> None:
    with pytest.raises(ValueError, match="opcode 0x09"):
        consistency_offset(b"", Opcode.PREPARE)
    with pytest.raises(ProtocolError):
        with_consistency(Query("Q", QueryParameters()).encode(4)[:-2], Opcode.QUERY, ConsistencyLevel.ALL)


@given(_cases, texts, blobs, st.integers(0, 2**62))
def test_with_write_time(
    case: tuple[int, QueryParameters], text: str, prepared_id: bytes, micros: int
) -> None:
    version, fields = case
    stamped = replace(fields, timestamp=micros)
    for request, expected in (
        (Query(text, fields), Query(text, stamped)),
        (Execute(prepared_id, fields), Execute(prepared_id, stamped)),
    ):
        found = with_write_time(request.encode(version), request.opcode, micros)
        assert found == expected.encode(version)


@given(versions.flatmap(lambda v: st.tuples(st.just(v), batches(v))), st.integers(0, 2**62))
def test_with_write_time_of_a_batch(case: tuple[int, Batch], micros: int) -> None:
    version, message = case
    found = with_write_time(message.encode(version), Opcode.BATCH, micros)
    assert found == replace(message, timestamp=micros).encode(version)


@given(versions.flatmap(lambda v: st.tuples(st.just(v), batches(v))), _prefixes, st.data())
def test_batch_with(case: tuple[int, Batch], before: bytes, data: st.DataObject) -> None:
    version, message = case
    body = before + message.encode(version)
    layout = batch(body, len(before))
    queries = list(message.queries)
    entries: dict[int, bytes] = {}
    for number, query in enumerate(message.queries):
        what = data.draw(st.none() | st.just("SELECT") | st.just(b"id"))
        if what is None:
            continue
        build = text_entry if isinstance(what, str) else prepared_entry
        name = what.encode() if isinstance(what, str) else what
        if data.draw(st.booleans()):
            kept = list(range(len(query.values)))[::-1]
            chosen: list[int | AddedValue] = [AddedValue(b"", b"new"), *kept]
            new_values = (b"new", *query.values[::-1])
        else:
            chosen, new_values = [], query.values
        entries[number] = build(name, body, layout.entries[number], chosen or None)
        queries[number] = BatchQuery(what, new_values)
    expected = before + replace(message, queries=tuple(queries)).encode(version)
    assert batch_with(body, len(before), layout, entries) == expected


def test_a_batch_has_no_more_values_to_keep_than_it_has() -> None:
    body = Batch(BatchType.LOGGED, (BatchQuery("Q", (b"a", None)),)).encode(4)
    [entry] = batch(body, 0).entries
    assert text_entry(b"R", body, entry, [1]) == b"\0\0\0\0\1R\0\1\xff\xff\xff\xff"
    with pytest.raises(ValueError, match="of a message that has 2"):
        text_entry(b"R", body, entry, [2])


@pytest.mark.parametrize("kept", [[2], [0, 2], [-1]])
def test_only_values_that_are_there_can_be_kept(kept: list[int]) -> None:
    body = Query("Q", QueryParameters(values=(b"a", b"b"))).encode(4)
    with pytest.raises(ValueError, match="of a message that has 2"):
        replace_query(body, 0, b"R", kept)


def test_malformed_bodies_are_not_rewritten() -> None:
    body = Query("Q", QueryParameters(values=(b"a", b"b"))).encode(4)[:-1]
    with pytest.raises(ProtocolError):
        replace_query(body, 0, b"R", [0])
    with pytest.raises(ProtocolError):
        with_execute_id(b"\0\5id", 0, b"new")


def test_flags_without_a_name_stay() -> None:
    assert without_flag(b"\0\1\xff", 2, QueryFlag.SKIP_METADATA) == b"\0\1\xfd"
