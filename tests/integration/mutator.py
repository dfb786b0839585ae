"""Frames made wrong: bits, lengths, pieces, order. Pure; the same chance gives the same frames."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from random import Random

from frame_codec import HEADER, HEADER_LENGTH, Opcode

_INT = struct.Struct(">I")
_OPCODE_AT = 4
_LENGTH_AT = 5
_TELLING = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
"""Where lengths, counts and flags turn over."""
_SHORT = 4096
_LONG = ((0.001, 64 << 10), (0.00005, 1 << 20))
"""How many of the bodies are longer than _SHORT, and up to how many bytes. The longest are rarer still: see
`Mutator.longest`."""


class Mutator:
    """Makes frames like `frames`, which are whole ones, but wrong in up to three ways.

    `most`: the bytes of the longest body that the server takes.
    """

    def __init__(self, frames: Sequence[bytes], chance: Random, *, most: int) -> None:
        self.misleading = False
        """Whether the last `wrong` one has a header that may be wrong of what follows."""
        self._frames = frames
        self._chance = chance
        self._most = most
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
        self.misleading = False
        for _ in range(chance.randint(1, 3)):
            if chance.random() < 0.95:
                frame = _with_body(frame, chance.choice(self._in_body)(frame[HEADER_LENGTH:])[:_SHORT])
            else:
                self.misleading = True
                frame = chance.choice(self._in_header)(frame)
        lot = chance.random()
        for share, most in _LONG:
            if lot < share:
                frame = self._lengthened(frame, chance.randint(_SHORT, most))
        if len(frame) >= HEADER_LENGTH and chance.random() < 0.2:
            version, flags, stream, opcode, length = HEADER.unpack_from(frame)
            # Tracing, compression, a payload, a warning: allowed or not.
            flags ^= chance.choice((0, 0, 0, 0, 2, 2, 1, 4, 8, 16))
            frame = HEADER.pack(version, flags, stream, opcode, length) + frame[HEADER_LENGTH:]
        return frame

    def subtle(self) -> bytes:
        """One whose lengths are most often right, so that a server reads on: wrong in its text, say."""
        chance = self._chance
        frame = self.valid()
        body = frame[HEADER_LENGTH:]
        if frame[_OPCODE_AT] in (Opcode.QUERY, Opcode.PREPARE):
            (length,) = _INT.unpack_from(body)
            text, rest = body[4 : 4 + length], body[4 + length :]
            for _ in range(chance.randint(1, 3)):
                text = chance.choice(self._in_body)(text)[:_SHORT]
            return _with_body(frame, _INT.pack(len(text)) + text + rest)
        at = chance.randrange(len(body)) if body else 0
        return _with_body(frame, body[:at] + chance.randbytes(1) + body[at + 1 :])

    def longest(self) -> bytes:
        """A wrong one with a body as long as may be, or a byte longer."""
        return self._lengthened(self.wrong(), self._most + self._chance.randint(0, 1))

    def _lengthened(self, frame: bytes, length: int) -> bytes:
        """Of a piece of itself again and again, of garbage, or of nothing."""
        body = frame[HEADER_LENGTH:]
        filling = self._chance.choice((body or b"'", self._chance.randbytes(1000), bytes(1000)))
        missing = length - len(body)
        return _with_body(frame, body + (filling * (missing // len(filling) + 1))[: max(0, missing)])

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
        return frame[:_LENGTH_AT] + _INT.pack(length) + frame[_LENGTH_AT + 4 :]


def _with_body(frame: bytes, body: bytes) -> bytes:
    return frame[:_LENGTH_AT] + _INT.pack(len(body)) + body
