"""The mutator of frames: what it makes is wrong, most of it in the body, and can be made again."""

from __future__ import annotations

from random import Random

from frame_codec import REQUEST_VERSIONS, FrameDecoder, Opcode, Query, Startup, encode_frame
from tests.integration.mutator import Mutator

FRAMES = [
    encode_frame(4, 0, 1, Opcode.QUERY, Query("SELECT v FROM ks.t WHERE k = 1").encode(4)),
    encode_frame(4, 0, 2, Opcode.STARTUP, Startup({"CQL_VERSION": "3.0.0"}).encode(4)),
    encode_frame(4, 0, 3, Opcode.OPTIONS, b""),
]


def made(seed: int, count: int) -> list[bytes]:
    mutator = Mutator(FRAMES, Random(seed))
    return [mutator.wrong() for _ in range(count)]


def test_the_same_chance_gives_the_same_frames() -> None:
    assert made(1, 500) == made(1, 500) != made(2, 500)


def test_what_it_makes_is_wrong_and_what_it_gives_is_not() -> None:
    assert sum(frame in FRAMES for frame in made(3, 2000)) < 200
    mutator = Mutator(FRAMES, Random(3))
    assert {mutator.valid() for _ in range(100)} == set(FRAMES)


def test_most_can_be_read_to_their_end_and_some_cannot() -> None:
    whole = 0
    for frame in made(4, 2000):
        decoder = FrameDecoder(max_body_length=1 << 20, versions=REQUEST_VERSIONS)
        whole += len(decoder.feed(frame)) == 1 and decoder.violation is None and not decoder.part
    assert 1000 < whole < 2000
