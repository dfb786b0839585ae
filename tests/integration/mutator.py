"""Frames made wrong: bits, lengths, pieces, order. Pure; the same chance gives the same frames."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from random import Random

from frame_codec import HEADER, HEADER_LENGTH

_LENGTH_AT = 5
_TELLING = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
"""Where lengths, counts and flags turn over."""
_MOST = 4096
"""Bytes of a body. What long statements cost, right or wrong, is another question."""


class Mutator:
    """Makes frames like `frames`, which are whole ones, but wrong in up to three ways."""

    def __init__(self, frames: Sequence[bytes], chance: Random) -> None:
        self._frames = frames
        self._chance = chance
        self._in_body = (
            self._flip,
            self._telling,
            self._cut,
            self._grown,
            self._repeated,
            self._of_another,
            self._garbage,
        )
        self._in_header = (self._head_byte, self._other_length, self._flip)

    def valid(self) -> bytes:
        """One of the frames as it is."""
        return self._chance.choice(self._frames)

    def wrong(self) -> bytes:
        """One that is wrong, most often in its body: then its length is right, and what follows is read."""
        chance = self._chance
        frame = self.valid()
        for _ in range(chance.randint(1, 3)):
            if chance.random() < 0.95:
                body = chance.choice(self._in_body)(frame[HEADER_LENGTH:])[:_MOST]
                frame = frame[:_LENGTH_AT] + struct.pack(">I", len(body)) + body
            else:
                frame = chance.choice(self._in_header)(frame)
        if len(frame) >= HEADER_LENGTH and chance.random() < 0.2:
            version, flags, _, opcode, length = HEADER.unpack_from(frame)
            # Some other stream; tracing, compression, a payload, a warning: allowed or not.
            flags ^= chance.choice((0, 0, 0, 0, 2, 2, 1, 4, 8, 16))
            head = HEADER.pack(version, flags, chance.randint(0, 0x7FFF), opcode, length)
            frame = head + frame[HEADER_LENGTH:]
        return frame

    def _flip(self, data: bytes) -> bytes:
        changed = bytearray(data)
        for _ in range(self._chance.randint(1, 8) if data else 0):
            changed[self._chance.randrange(len(data))] ^= 1 << self._chance.randrange(8)
        return bytes(changed)

    def _telling(self, data: bytes) -> bytes:
        size = self._chance.choice((1, 2, 4))
        at = self._chance.randint(0, max(0, len(data) - size))
        value = self._chance.choice(_TELLING) & ((1 << 8 * size) - 1)
        return data[:at] + value.to_bytes(size, "big") + data[at + size :]

    def _cut(self, data: bytes) -> bytes:
        return data[: self._chance.randint(0, len(data))]

    def _grown(self, data: bytes) -> bytes:
        at = self._chance.randint(0, len(data))
        return data[:at] + self._chance.randbytes(self._chance.randint(1, 64)) + data[at:]

    def _repeated(self, data: bytes) -> bytes:
        begin, end = sorted(self._chance.randint(0, len(data)) for _ in range(2))
        return data[:end] + data[begin:end] * self._chance.randint(1, 20) + data[end:]

    def _of_another(self, data: bytes) -> bytes:
        other = self.valid()[HEADER_LENGTH:]
        return data[: self._chance.randint(0, len(data))] + other[self._chance.randint(0, len(other)) :]

    def _garbage(self, data: bytes) -> bytes:
        return self._chance.randbytes(self._chance.randint(0, 200))

    def _head_byte(self, frame: bytes) -> bytes:
        at = self._chance.randrange(min(len(frame), HEADER_LENGTH) or 1)
        return frame[:at] + self._chance.randbytes(1) + frame[at + 1 :]

    def _other_length(self, frame: bytes) -> bytes:
        length = self._chance.choice((*_TELLING, self._chance.randint(0, 1000)))
        return frame[:_LENGTH_AT] + struct.pack(">I", length) + frame[_LENGTH_AT + 4 :]
