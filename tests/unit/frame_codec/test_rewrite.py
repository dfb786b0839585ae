"""Rewritten bodies against the encoded message that they should be."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frame_codec import (
    Execute,
    ProtocolError,
    Query,
    QueryFlag,
    QueryParameters,
    parameters,
    query_span,
    replace_query,
    with_execute_id,
    with_flags,
    with_timestamp,
    with_values_kept,
    without_flag,
)
from tests.unit.frame_codec.strategies import blobs, query_parameters, texts, versions

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
