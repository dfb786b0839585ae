"""FrameDecoder: every vector whole, in every two pieces, byte by byte and with data after it; violations."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frame_codec import (
    HEADER,
    HEADER_LENGTH,
    REQUEST_VERSIONS,
    RESPONSE_VERSIONS,
    ErrorCode,
    FrameDecoder,
    Opcode,
    encode_frame,
)

Frame = tuple[int, int, int, int, bytes]

VECTORS: list[tuple[str, Frame]] = [
    # OPTIONS has no body.
    ("04 00 0000 05 00000000", (4, 0, 0, Opcode.OPTIONS, b"")),
    # STARTUP {CQL_VERSION: 3.0.0}
    (
        "03 00 0001 01 00000016 0001 000b 43514c5f56455253494f4e 0005 332e302e30",
        (3, 0, 1, Opcode.STARTUP, b"\x00\x01\x00\x0bCQL_VERSION\x00\x053.0.0"),
    ),
    # The largest stream id, and every flag.
    ("04 0f 7fff 0a 00000003 010203", (4, 15, 32767, Opcode.EXECUTE, b"\x01\x02\x03")),
    # READY, and an EVENT on stream -1.
    ("84 00 0000 02 00000000", (0x84, 0, 0, Opcode.READY, b"")),
    ("83 02 ffff 0c 00000001 00", (0x83, 2, -1, Opcode.EVENT, b"\x00")),
]


_UNSUPPORTED = "Invalid or unsupported protocol version ({}); supported versions are (3/v3, 4/v4)"


def decoder(max_body_length: int = 1 << 20) -> FrameDecoder:
    return FrameDecoder(max_body_length=max_body_length, versions=REQUEST_VERSIONS | RESPONSE_VERSIONS)


def requests_decoder(max_body_length: int = 1 << 20) -> FrameDecoder:
    return FrameDecoder(max_body_length=max_body_length, versions=REQUEST_VERSIONS)


@pytest.mark.parametrize(("wire", "frame"), VECTORS)
class TestVectors:
    def test_encode(self, wire: str, frame: Frame) -> None:
        assert encode_frame(*frame) == bytes.fromhex(wire)

    def test_whole(self, wire: str, frame: Frame) -> None:
        assert decoder().feed(bytes.fromhex(wire)) == [frame]

    def test_byte_by_byte(self, wire: str, frame: Frame) -> None:
        data = bytes.fromhex(wire)
        one = decoder()
        for at in range(len(data) - 1):
            assert one.feed(data[at : at + 1]) == []
        assert one.feed(data[-1:]) == [frame]
        assert one.violation is None

    def test_every_two_pieces(self, wire: str, frame: Frame) -> None:
        data = bytes.fromhex(wire)
        for cut in range(1, len(data)):
            one = decoder()
            assert one.feed(data[:cut]) == []
            assert one.feed(data[cut:]) == [frame]

    def test_with_trailing_data(self, wire: str, frame: Frame) -> None:
        data = bytes.fromhex(wire)
        for cut in range(1, len(data)):
            one = decoder()
            assert one.feed(data + data[:cut]) == [frame]
            assert one.feed(data[cut:] + data) == [frame, frame]


@given(
    frames=st.lists(
        st.tuples(
            st.sampled_from([3, 4, 0x83, 0x84]),
            st.integers(0, 255),
            st.integers(-32768, 32767),
            st.integers(0, 255),
            st.binary(max_size=300),
        ),
        max_size=8,
    ),
    data=st.data(),
)
def test_any_frames_in_any_pieces(frames: list[Frame], data: st.DataObject) -> None:
    wire = b"".join(encode_frame(*frame) for frame in frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=12)))
    one = decoder()
    found: list[Frame] = []
    for start, stop in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        found += one.feed(wire[start:stop])
    assert found == frames
    assert one.violation is None


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (
            b"GET / HTTP/1.1\r\n",
            _UNSUPPORTED.format(71),
        ),
        (b"G", _UNSUPPORTED.format(71)),
        (
            b"\x16\x03\x01\x02\x00",
            _UNSUPPORTED.format(22),
        ),
        (b"\x05\x00\x00\x01\x05\x00\x00\x00\x00", _UNSUPPORTED.format(5)),
        (b"\x42", _UNSUPPORTED.format(66)),
        (b"\x02\x00\x00\x05\x00\x00\x00\x00", _UNSUPPORTED.format(2)),
        (b"\x84", "Expected a request, got a response (version byte 0x84)"),
    ],
)
def test_version_is_judged_by_the_first_byte(first: bytes, message: str) -> None:
    good = encode_frame(4, 0, 7, Opcode.OPTIONS, b"")
    for before, frames in ((b"", []), (good, [(4, 0, 7, Opcode.OPTIONS, b"")])):
        one = requests_decoder()
        assert one.feed(before + first) == frames
        violation = one.violation
        assert violation is not None
        assert violation.message == message
        assert (violation.code, violation.stream, violation.version) == (ErrorCode.PROTOCOL_ERROR, 0, 4)
        assert one.feed(good) == []


def test_request_where_responses_are_expected() -> None:
    one = FrameDecoder(max_body_length=10, versions=RESPONSE_VERSIONS)
    assert one.feed(b"\x04") == []
    assert one.violation is not None
    assert one.violation.message == "Expected a response, got a request (version byte 0x04)"
    assert one.violation.version == 4


def test_a_version_after_a_piece_is_judged_too() -> None:
    one = requests_decoder()
    good = encode_frame(3, 0, 1, Opcode.OPTIONS, b"")
    assert one.feed(good[:4]) == []
    assert one.feed(good[4:] + b"\x99") == [(3, 0, 1, Opcode.OPTIONS, b"")]
    assert one.violation is not None


@pytest.mark.parametrize("length", [101, 2**31 - 1, 2**31, 2**32 - 1])
@pytest.mark.parametrize("piece", [1, 5, HEADER_LENGTH, 100])
def test_body_longer_than_allowed(length: int, piece: int) -> None:
    good = encode_frame(3, 0, 1, Opcode.QUERY, b"x" * 100)
    wire = good + encode_frame(3, 0, 77, Opcode.QUERY, b"")[:5] + length.to_bytes(4, "big") + b"x" * 200
    one = requests_decoder(max_body_length=100)
    found: list[Frame] = []
    for at in range(0, len(wire), piece):
        found += one.feed(wire[at : at + piece])
    assert found == [(3, 0, 1, Opcode.QUERY, b"x" * 100)]
    violation = one.violation
    assert violation is not None
    assert (violation.code, violation.stream, violation.version) == (ErrorCode.PROTOCOL_ERROR, 77, 3)
    assert f"{length} bytes is longer than the 100" in violation.message


def test_nothing_fed_is_nothing_found() -> None:
    one = decoder()
    assert one.feed(b"") == []
    assert one.feed(b"\x04") == []
    assert one.feed(b"") == []
    assert one.feed(encode_frame(4, 0, 0, 5, b"")[1:]) == [(4, 0, 0, 5, b"")]


def test_a_large_frame_in_many_pieces_costs_linear_time() -> None:
    size = 1 << 24
    wire = encode_frame(4, 0, 0, Opcode.QUERY, b"x" * size)
    pieces = [wire[at : at + 256] for at in range(0, len(wire), 256)]
    one = decoder(max_body_length=size)
    started = time.process_time()
    found = [frame for piece in pieces for frame in one.feed(piece)]
    spent = time.process_time() - started
    assert found == [(4, 0, 0, Opcode.QUERY, b"x" * size)]
    # Takes a tenth of a second; copying what has come for each of 65,536 pieces would take a minute.
    assert spent < 5


def test_frames_of_refused_versions_are_returned_but_not_called_supported() -> None:
    decoder = FrameDecoder(max_body_length=10, versions=REQUEST_VERSIONS, refused=frozenset({5, 66}))
    frames = [encode_frame(66, 0, 1, 5, b""), encode_frame(4, 0, 2, 5, b""), encode_frame(5, 0, 3, 5, b"x")]
    assert decoder.feed(b"".join(frames)) == [(66, 0, 1, 5, b""), (4, 0, 2, 5, b""), (5, 0, 3, 5, b"x")]
    assert decoder.feed(b"G") == []
    assert decoder.violation is not None
    assert (decoder.violation.message, decoder.violation.version) == (_UNSUPPORTED.format(0x47), 4)


@given(st.integers(0, 40), st.integers(1, 20))
def test_a_frame_that_is_not_whole_is_told_of(length: int, piece: int) -> None:
    whole = encode_frame(4, 0, 7, 5, bytes(length))
    decoder = FrameDecoder(max_body_length=100, versions=REQUEST_VERSIONS)
    for at in range(0, len(whole) - piece, piece):
        assert decoder.feed(whole[at : at + piece]) == []
        assert decoder.part == at + piece
        assert decoder.part_header == ((4, 7) if decoder.part >= HEADER_LENGTH else None)


def test_the_longest_body_may_be_changed_between_two_frames() -> None:
    decoder = FrameDecoder(max_body_length=10, versions=REQUEST_VERSIONS)
    assert len(decoder.feed(encode_frame(4, 0, 1, 5, bytes(10)))) == 1
    decoder.max_body_length = 20
    assert len(decoder.feed(encode_frame(4, 0, 1, 5, bytes(20)))) == 1
    assert decoder.feed(encode_frame(4, 0, 1, 5, bytes(21))) == []
    assert decoder.violation is not None


# --- frames of equal length, which are looked at together ------------------------------------------------


LONGEST = 5000


def split(wire: bytes) -> tuple[list[Frame], bool]:
    """The frames of ``wire`` one after the other, and whether it breaks the protocol."""
    frames: list[Frame] = []
    at = 0
    while at < len(wire):
        if wire[at] not in REQUEST_VERSIONS:
            return frames, True
        if at + HEADER_LENGTH > len(wire):
            break
        version, flags, stream, opcode, length = HEADER.unpack_from(wire, at)
        if length > LONGEST:
            return frames, True
        at += HEADER_LENGTH
        if at + length > len(wire):
            break
        frames.append((version, flags, stream, opcode, wire[at : at + length]))
        at += length
    return frames, False


BODY_LENGTHS = st.integers(0, 40) | st.sampled_from([255, 256, 257, 511, 4095, 4096, 4097, LONGEST])
BREAKS = st.sampled_from(
    [
        b"",
        encode_frame(3, 0, 1, Opcode.QUERY, b""),
        encode_frame(3, 0, 1, Opcode.QUERY, bytes(17)),
        encode_frame(4, 0, 1, Opcode.QUERY, bytes(300)),
        encode_frame(0x84, 0, 1, Opcode.RESULT, bytes(17)),
        encode_frame(5, 0, 1, Opcode.QUERY, b""),
        # Longer than allowed, by the first, and by the last bytes of the length.
        bytes.fromhex("04 00 0001 07 01000000"),
        encode_frame(4, 0, 1, Opcode.QUERY, b"")[:5] + (LONGEST + 1).to_bytes(4, "big"),
        b"GET / HTTP/1.1",
        b"\x04",
        encode_frame(4, 0, 1, Opcode.QUERY, bytes(17))[:11],
    ]
)


@st.composite
def run_of_frames(draw: st.DrawFn) -> bytes:
    """Frames of equal length, the bodies of which may look like headers, and what breaks the run."""
    length = draw(BODY_LENGTHS)
    count = draw(st.integers(0, 12) | st.integers(8, 300 if length < 256 else 12))
    version = draw(st.sampled_from([3, 4]))
    filling = draw(st.sampled_from([b"\x00", b"\x04", b"\xff", encode_frame(version, 0, 2, 7, bytes(3))]))
    body = (filling * (length // len(filling) + 1))[:length]
    frames = [
        encode_frame(
            version, number & 3, number - 4, 7 + number % 4, body[: length - 1] + bytes([number & 255])
        )
        if length
        else encode_frame(version, number & 3, number - 4, 7, b"")
        for number in range(count)
    ]
    broken_at = draw(st.integers(0, count))
    return b"".join((*frames[:broken_at], draw(BREAKS), *frames[broken_at:]))


@given(st.lists(run_of_frames(), min_size=1, max_size=3), st.data())
def test_runs_of_frames_of_equal_length_are_split_as_any(runs: list[bytes], data: st.DataObject) -> None:
    wire = b"".join(runs)
    wire = wire[: data.draw(st.just(len(wire)) | st.integers(0, len(wire)))]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=3)))
    frames, broken = split(wire)
    for pieces in ([0, len(wire)], [0, *cuts, len(wire)]):
        one = requests_decoder(LONGEST)
        found: list[Frame] = []
        for start, stop in pairwise(pieces):
            found += one.feed(wire[start:stop])
        assert found == frames
        assert (one.violation is not None) is broken
        whole = sum(HEADER_LENGTH + len(body) for *_, body in frames)
        assert broken or one.part == len(wire) - whole


@pytest.mark.parametrize("column", range(HEADER_LENGTH))
@pytest.mark.parametrize("position", [0, 1, 7, 8, 31])
def test_a_header_that_differs_in_one_byte_is_looked_at_by_itself(column: int, position: int) -> None:
    frames = bytearray(b"".join(encode_frame(4, 0, n, Opcode.QUERY, b"\x04" * 20) for n in range(32)))
    frames[position * 29 + column] ^= 1
    wire = bytes(frames)
    expected, broken = split(wire)
    one, slow = requests_decoder(LONGEST), requests_decoder(LONGEST)
    assert one.feed(wire) == expected
    assert [frame for at in range(len(wire)) for frame in slow.feed(wire[at : at + 1])] == expected
    assert (one.violation is not None) is (slow.violation is not None) is broken
    if one.violation is not None and slow.violation is not None:
        assert one.violation.message == slow.violation.message
        assert one.violation.stream == slow.violation.stream
