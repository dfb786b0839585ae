"""Which requests are chosen."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.tracing.context import context_of
from cqlproxy.tracing.sampling import NEVER, Sampler
from frame_codec import encode_custom_payload

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize("ratio", [0.5, 0.1, 0.01])
def test_the_share_is_as_wished(ratio: float) -> None:
    sampler = Sampler(ratio, 1, random=Random(1).random)
    chosen = sum(sampler.is_next() for _ in range(200_000))
    assert chosen == pytest.approx(200_000 * ratio, rel=0.1)


def test_all_or_none() -> None:
    assert all(Sampler(1.0, 1).is_next() for _ in range(100))
    none = Sampler(0.0, 1)
    assert not any(none.is_next() for _ in range(100))
    assert none.untraced == NEVER - 100


@given(ratio=st.floats(min_value=0, max_value=1), draw=st.floats(min_value=0, max_value=1, exclude_max=True))
def test_a_gap_is_a_number_of_requests(ratio: float, draw: float) -> None:
    assert 0 <= Sampler(ratio, 1, random=lambda: draw).untraced <= NEVER


def test_no_more_than_so_many_a_second() -> None:
    sampler = Sampler(1.0, 3)
    assert [sampler.has_room(10.1) for _ in range(5)] == [True, True, True, False, False]
    assert sampler.has_room(11.0)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        (f"00-{TRACE}-{SPAN}-01", True),
        (f"00-{TRACE}-{SPAN}-00", False),
        (f"cc-{TRACE}-{SPAN}-01-what-comes-later", True),
        (f"ff-{TRACE}-{SPAN}-01", None),
        (f"00-{'0' * 32}-{SPAN}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE.upper()}-{SPAN}-01", None),
        ("", None),
        ("nonsense", None),
    ],
)
def test_the_context_of_a_client(written: str, found: bool | None) -> None:
    context = context_of(encode_custom_payload({"traceparent": written.encode(), "other": b"x"}))
    assert (None if context is None else context.trace_flags.sampled) is found
    if context is not None:
        assert (f"{context.trace_id:032x}", f"{context.span_id:016x}") == (TRACE, SPAN)


@given(st.binary(max_size=60))
def test_any_bytes_are_no_reason_to_fail(body: bytes) -> None:
    context_of(body)
