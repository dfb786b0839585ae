"""The mutator of frames: what it makes is wrong, most of it in the body, and can be made again."""

from __future__ import annotations

from random import Random

from frame_codec import HEADER_LENGTH, REQUEST_VERSIONS, FrameDecoder, Opcode, Query, Startup, encode_frame
from tests.integration.mutator import Mutator

FRAMES = [
    encode_frame(4, 0, 1, Opcode.QUERY, Query("SELECT v FROM ks.t WHERE k = 1").encode(4)),
    encode_frame(4, 0, 2, Opcode.STARTUP, Startup({"CQL_VERSION": "3.0.0"}).encode(4)),
    encode_frame(4, 0, 3, Opcode.OPTIONS, b""),
]

MOST = 1 << 20


def made(seed: int, count: int) -> list[bytes]:
    mutator = Mutator(FRAMES, Random(seed), most=MOST)
    return [mutator.wrong() for _ in range(count)]


def test_the_same_chance_gives_the_same_frames() -> None:
    assert made(1, 500) == made(1, 500) != made(2, 500)


def test_what_it_makes_is_wrong_and_what_it_gives_is_not() -> None:
    assert sum(frame in FRAMES for frame in made(3, 2000)) < 200
    mutator = Mutator(FRAMES, Random(3), most=MOST)
    assert {mutator.valid() for _ in range(100)} == set(FRAMES)


def test_most_can_be_read_to_their_end_and_some_cannot() -> None:
    whole = 0
    for frame in made(4, 2000):
        decoder = FrameDecoder(max_body_length=1 << 20, versions=REQUEST_VERSIONS)
        whole += len(decoder.feed(frame)) == 1 and decoder.violation is None and not decoder.part
    assert 1000 < whole < 2000


def test_subtle_ones_are_whole_and_as_wrong() -> None:
    mutator = Mutator(FRAMES, Random(5), most=MOST)
    frames = [mutator.subtle() for _ in range(2000)]
    decoder = FrameDecoder(max_body_length=MOST, versions=REQUEST_VERSIONS)
    assert len(decoder.feed(b"".join(frames))) == len(frames)
    # OPTIONS has no body in which anything could be wrong.
    assert sum(frame not in FRAMES for frame in frames) > 100


def test_bodies_are_of_all_lengths_up_to_the_longest_and_a_byte_beyond() -> None:
    lengths = [len(frame) - HEADER_LENGTH for frame in made(6, 20_000)]
    assert min(lengths) < 10
    assert sum(4096 < length <= 64 << 10 for length in lengths) > 5
    mutator = Mutator(FRAMES, Random(7), most=MOST)
    assert {len(mutator.longest()) - HEADER_LENGTH for _ in range(20)} == {MOST, MOST + 1}
