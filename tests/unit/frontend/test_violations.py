"""Which headers and flags break the protocol, and in which words that is told."""

import pytest

from cqlproxy.frontend.violations import NEWER_VERSIONS, check_header, is_tls, unwrapped
from frame_codec import REQUEST_VERSIONS, FrameDecoder, FrameFlag, ProtocolError, compress


@pytest.mark.parametrize("agreed", [None, 4])
def test_a_stream_of_the_server_is_none_for_clients(agreed: int | None) -> None:
    check_header(4, 0, agreed)
    with pytest.raises(ProtocolError, match="Invalid stream id -1"):
        check_header(4, -1, agreed)


def test_the_version_that_was_agreed_on_stays() -> None:
    check_header(3, 0, None)
    with pytest.raises(
        ProtocolError, match="Got 3/v3 but previous messages on this connection had version 4/v4"
    ):
        check_header(3, 0, 4)


@pytest.mark.parametrize(("version", "left"), [(3, 0x02), (4, 0x06)])
def test_flags_without_a_meaning_in_the_version_are_left_out(version: int, left: int) -> None:
    assert unwrapped(version, 0xFE, b"body", lz4=False, most=9) == (
        left,
        b"body",
    )


def test_compression_is_taken_off_where_it_was_agreed_on() -> None:
    body = bytes(1000)
    flags = int(FrameFlag.COMPRESSED | FrameFlag.TRACING)
    assert unwrapped(4, flags, compress(body), lz4=True, most=1000) == (FrameFlag.TRACING, body)
    with pytest.raises(ProtocolError):
        unwrapped(4, flags, compress(body), lz4=True, most=999)
    with pytest.raises(ProtocolError, match="no compression was agreed on"):
        unwrapped(4, flags, compress(body), lz4=False, most=1000)


def test_a_client_that_speaks_tls_is_known_by_its_first_record() -> None:
    def violation(data: bytes) -> ProtocolError:
        decoder = FrameDecoder(max_body_length=1 << 20, versions=REQUEST_VERSIONS, refused=NEWER_VERSIONS)
        decoder.feed(data)
        assert decoder.violation is not None
        return decoder.violation

    assert is_tls(violation(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"))
    assert not is_tls(violation(b"GET / HTTP/1.1\r\n"))
