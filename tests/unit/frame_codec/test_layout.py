"""Offsets of QUERY, PREPARE and EXECUTE against the decoded messages; routing keys; any bytes at all."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frame_codec import (
    UNSET,
    Execute,
    ProtocolError,
    Query,
    QueryFlag,
    QueryParameters,
    batch,
    execute_id,
    named_value,
    parameters,
    query_span,
    routing_values,
    value_at,
)
from tests.unit.frame_codec.strategies import blobs, query_parameters, requests, texts, versions

_prefixes = st.binary(max_size=5)
_cases = versions.flatmap(lambda v: st.tuples(st.just(v), query_parameters(v)))


@given(_cases, blobs, _prefixes, st.binary(max_size=3))
def test_parameters(
    case: tuple[int, QueryParameters], prepared_id: bytes, before: bytes, after: bytes
) -> None:
    version, expected = case
    message = before + Execute(prepared_id, expected).encode(version)
    body = message + after
    at = len(before)
    assert execute_id(body, at) == prepared_id
    at += 2 + len(prepared_id)
    found = parameters(body, at)
    assert found.consistency == expected.consistency
    assert found.flags_offset == at + 2
    assert found.flags == body[at + 2]
    assert bool(found.flags & QueryFlag.SKIP_METADATA) == expected.skip_metadata
    assert found.value_count == len(expected.values)
    assert found.named == (expected.names is not None)
    assert found.page_size == expected.page_size
    assert found.serial_consistency == expected.serial_consistency
    assert found.timestamp == expected.timestamp
    assert found.end == len(message)
    if found.paging_state is None:
        assert expected.paging_state is None
    else:
        assert body[slice(*found.paging_state)] == expected.paging_state
    # A message with no other fields ends with its values.
    bare = Execute(prepared_id, QueryParameters(values=expected.values, names=expected.names)).encode(version)
    assert found.values_end - len(before) == len(bare)


@given(versions.flatmap(lambda v: st.tuples(st.just(v), query_parameters(v, named=False))), texts, _prefixes)
def test_values(case: tuple[int, QueryParameters], text: str, before: bytes) -> None:
    version, expected = case
    body = before + Query(text, expected).encode(version)
    start, end = query_span(body, len(before))
    assert body[start:end].decode() == text
    found = parameters(body, end)
    values = tuple(value_at(body, found.values_offset, index) for index in range(found.value_count))
    assert values == expected.values


VALUES = (b"a", b"\0\1", None, UNSET, b"", b"x" * 0x10000)


@pytest.mark.parametrize(
    ("indexes", "key"),
    [
        ((0,), b"a"),
        ((1,), b"\0\1"),
        ((4,), b""),
        ((5,), b"x" * 0x10000),
        ((0, 1), b"\0\1a\0\0\2\0\1\0"),
        ((1, 0), b"\0\2\0\1\0\0\1a\0"),
        ((4, 4, 0), b"\0\0\0\0\0\0\0\1a\0"),
        ((2,), None),
        ((3,), None),
        ((6,), None),
        ((0, 2), None),
        ((3, 0), None),
        ((0, 6), None),
        ((0, 5), None),
        ((), None),
    ],
)
def test_routing_values(indexes: tuple[int, ...], key: bytes | None) -> None:
    body = b"before" + Execute(b"id", QueryParameters(values=VALUES, timestamp=5)).encode(4)
    assert routing_values(body, 6 + 4, indexes) == key


@pytest.mark.parametrize("indexes", [(0,), (0, 1)])
def test_no_routing_values_without_positional_values(indexes: tuple[int, ...]) -> None:
    none = Execute(b"", QueryParameters(page_size=1)).encode(4)
    named = Execute(b"", QueryParameters(values=(b"a", b"b"), names=("p", "q"))).encode(4)
    assert routing_values(none, 2, indexes) is None
    assert routing_values(named, 2, indexes) is None


@pytest.mark.parametrize("indexes", [(0,), (1,), (0, 1)])
def test_routing_values_cut_short(indexes: tuple[int, ...]) -> None:
    body = Execute(b"", QueryParameters(values=(b"abc", b"defg"))).encode(4)
    needed = len(body) if 1 in indexes else body.index(b"abc") + 3
    for size in range(2, needed):
        with pytest.raises(ProtocolError, match="Truncated message"):
            routing_values(body[:size], 2, indexes)


@pytest.mark.parametrize(
    ("wire", "message"),
    [
        ("0001 80", "Unknown query flags 0x80"),
        ("0001 01 0001 fffffffd", r"Invalid length of a \[value\]: -3"),
        ("0001 01 0001 00000002 61", "Truncated message"),
        ("0001 08 00000005 61", "Truncated message"),
        ("0001 20 00000000000000", "Truncated message"),
        ("0001", "Truncated message"),
    ],
)
def test_invalid_parameters(wire: str, message: str) -> None:
    with pytest.raises(ProtocolError, match=message):
        parameters(bytes.fromhex(wire), 0)


@pytest.mark.parametrize("wire", ["", "000000", "ffffffff", "00000002 61"])
def test_invalid_query_text(wire: str) -> None:
    with pytest.raises(ProtocolError):
        query_span(bytes.fromhex(wire), 0)


@st.composite
def any_body(draw: st.DrawFn) -> bytes:
    """A request's body, some of its bytes changed, perhaps cut short; or any bytes."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=60))
    version = draw(versions)
    body = bytearray(draw(requests(version)).encode(version))
    for _ in range(draw(st.integers(0, 3)) if body else 0):
        body[draw(st.integers(0, len(body) - 1))] = draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]))
    return bytes(body[: draw(st.integers(0, len(body)))])


@given(any_body(), st.integers(0, 12), st.integers(0, 4), st.lists(st.integers(0, 5), max_size=3).map(tuple))
def test_any_bytes_give_a_layout_or_a_protocol_error(
    body: bytes, at: int, index: int, indexes: tuple[int, ...]
) -> None:
    for read in (execute_id, query_span, parameters, batch):
        with suppress(ProtocolError):
            read(body, at)
    with suppress(ProtocolError):
        value_at(body, at, index)
    with suppress(ProtocolError):
        routing_values(body, at, indexes)


@given(any_body(), st.integers(0, 12))
def test_parameters_never_reach_beyond_the_body(body: bytes, at: int) -> None:
    try:
        found = parameters(body, at)
    except ProtocolError:
        return
    assert at + 3 <= found.values_offset <= found.values_end <= found.end <= len(body)


@given(versions.flatmap(lambda v: st.tuples(st.just(v), query_parameters(v, named=True))), st.data())
def test_named_value(case: tuple[int, QueryParameters], data: st.DataObject) -> None:
    version, fields = case
    body = Query("Q", fields).encode(version)
    found = parameters(body, query_span(body, 0)[1])
    names = fields.names or ()
    name = data.draw(st.sampled_from(["other name", *names]))
    expected = fields.values[names.index(name)] if name in names else None
    assert named_value(body, found.values_offset, found.value_count, name.encode()) == expected


def test_named_values_that_are_cut_off() -> None:
    body = Query("Q", QueryParameters(values=(b"value",), names=("a",))).encode(4)
    start = parameters(body, 5).values_offset
    for end in range(start, len(body)):
        with pytest.raises(ProtocolError):
            named_value(body[:end], start, 1, b"a")
