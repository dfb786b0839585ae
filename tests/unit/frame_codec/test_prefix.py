"""What stands before a message: tracing id, warnings, custom payload."""

from contextlib import suppress
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frame_codec import (
    FrameFlag,
    ProtocolError,
    ResponsePrefix,
    after_custom_payload,
    decode_custom_payload,
    encode_custom_payload,
    response_start,
)
from tests.unit.frame_codec.strategies import nullable_blobs, texts

_payloads = st.dictionaries(texts, nullable_blobs, max_size=3)
_prefixes = st.builds(
    ResponsePrefix,
    st.none() | st.uuids(),
    st.none() | st.lists(texts, max_size=3).map(tuple),
    st.none() | _payloads,
)


def test_the_order_is_tracing_id_warnings_payload() -> None:
    prefix = ResponsePrefix(UUID(int=1), ("w",), {"k": None})
    wire = "00000000000000000000000000000001 0001 0001 77 0001 0001 6b ffffffff"
    assert prefix.encode() == bytes.fromhex(wire)
    assert prefix.flags == FrameFlag.TRACING | FrameFlag.WARNING | FrameFlag.CUSTOM_PAYLOAD


@given(_prefixes, st.binary(max_size=5), st.booleans())
def test_responses(prefix: ResponsePrefix, message: bytes, compressed: bool) -> None:
    body = prefix.encode() + message
    flags = prefix.flags | (FrameFlag.COMPRESSED if compressed else 0)
    assert body[response_start(body, flags) :] == message
    assert ResponsePrefix.decode(body, flags) == prefix
    for size in range(len(body) - len(message)):
        with pytest.raises(ProtocolError):
            response_start(body[:size], flags)
        with pytest.raises(ProtocolError):
            ResponsePrefix.decode(body[:size], flags)


@given(_payloads, st.binary(max_size=5))
def test_requests(payload: dict[str, bytes | None], message: bytes) -> None:
    body = encode_custom_payload(payload) + message
    assert body[after_custom_payload(body) :] == message
    assert decode_custom_payload(body) == payload
    for size in range(len(body) - len(message)):
        with pytest.raises(ProtocolError):
            after_custom_payload(body[:size])


@given(st.binary(max_size=60), st.integers(0, 255))
def test_any_bytes_give_an_offset_or_a_protocol_error(body: bytes, flags: int) -> None:
    with suppress(ProtocolError):
        assert 0 <= response_start(body, flags) <= len(body)
    with suppress(ProtocolError):
        assert 2 <= after_custom_payload(body) <= len(body)
    with suppress(ProtocolError):
        ResponsePrefix.decode(body, flags)
