"""Paging states: a client gets the cluster's with a mark, and what it sends back is the cluster's again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.cluster.side import Side
from cqlproxy.routing.paging import marked_page, unmarked_page
from frame_codec import (
    ColumnSpec,
    FrameFlag,
    NativeType,
    Query,
    QueryParameters,
    Rows,
    RowsMetadata,
    TypeId,
    Void,
    decode_result,
    query_span,
)

COLUMNS = (ColumnSpec("ks", "t", "k", NativeType(TypeId.INT)),)
TRACING_ID = bytes(range(16))


def rows(state: bytes | None) -> Rows:
    return Rows(RowsMetadata.of(COLUMNS, state), [(b"\0\0\0\1",)])


def next_page(state: bytes | None) -> bytes:
    return Query("SELECT k FROM ks.t", QueryParameters(page_size=5, paging_state=state)).encode(4)


def shown(flags: int, body: bytes, side: Side, at: int = 0) -> bytes | None:
    page = decode_result(marked_page(flags, body, side), 4, at)
    assert isinstance(page, Rows)
    assert page.rows == [(b"\0\0\0\1",)]
    return page.metadata.paging_state


@given(st.binary(min_size=1, max_size=40), st.sampled_from(Side), st.booleans())
def test_a_state_comes_back_as_it_was_and_says_which_cluster_gave_it(
    state: bytes, side: Side, traced: bool
) -> None:
    prefix = TRACING_ID if traced else b""
    held = shown(int(FrameFlag.TRACING) if traced else 0, prefix + rows(state).encode(4), side, len(prefix))
    assert held is not None
    assert len(held) == len(state) + 1
    asked = next_page(held)
    assert unmarked_page(asked, query_span(asked, 0)[1]) == (next_page(state), side)


@given(st.binary(max_size=40).filter(lambda state: not state.endswith((b"\xc1", b"\xc2"))))
def test_a_state_from_before_the_proxy_is_left_as_it_is(state: bytes) -> None:
    asked = next_page(state)
    assert unmarked_page(asked, query_span(asked, 0)[1]) == (asked, None)


@pytest.mark.parametrize("result", [rows(None), Void()], ids=["the last page", "no rows"])
def test_an_answer_without_a_state_is_left_as_it_is(result: Rows | Void) -> None:
    body = result.encode(4)
    assert marked_page(0, body, Side.SHADOW) is body


def test_the_two_clusters_have_different_marks() -> None:
    body = rows(b"state").encode(4)
    assert shown(0, body, Side.PRIMARY) != shown(0, body, Side.SHADOW)
