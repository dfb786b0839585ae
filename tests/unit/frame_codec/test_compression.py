"""lz4 bodies: what one side compresses the other reads; lies and garbage are ProtocolErrors."""

import lz4.block
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from frame_codec import ProtocolError, compress, decompress


@given(st.binary(max_size=2000) | st.binary(max_size=4).map(lambda part: part * 5000))
def test_decompress_undoes_compress(body: bytes) -> None:
    assert decompress(compress(body), len(body)) == body


def test_the_length_is_big_endian_before_a_raw_block() -> None:
    assert compress(b"a" * 300)[:4] == b"\x00\x00\x01\x2c"
    assert lz4.block.decompress(compress(b"a" * 300)[4:], uncompressed_size=300) == b"a" * 300


def test_the_limit_is_inclusive() -> None:
    body = compress(b"a" * 100)
    assert decompress(body, 100) == b"a" * 100
    with pytest.raises(ProtocolError, match="more than the 99 allowed"):
        decompress(body, 99)


@pytest.mark.parametrize("claimed", [0, 1, 99, 101, 5000, 2**31, 2**32 - 1])
def test_a_lying_length(claimed: int) -> None:
    body = claimed.to_bytes(4, "big") + compress(b"a" * 100)[4:]
    with pytest.raises(ProtocolError):
        decompress(body, 2**32)


@pytest.mark.parametrize("body", [b"", b"\x00\x00\x00", b"\x00\x00\x00\x05", b"\x00\x00\x00\x05\xff\xff\xff"])
def test_garbage(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        decompress(body, 1000)


@given(st.binary(max_size=100))
@example(b"\x00\x00\x00\x00")
@example(b"\x00\x00\x00\x00\x00")
def test_any_bytes_give_a_body_or_a_protocol_error(body: bytes) -> None:
    try:
        result = decompress(body, 1000)
    except ProtocolError:
        return
    assert len(result) == int.from_bytes(body[:4], "big")
