"""Frames: the nine-byte header and what it frames, out of and into a byte stream.

`FrameDecoder` takes bytes in whatever pieces the network gives and returns the frames that are complete.
It does not look into bodies. Sections are those of native_protocol_v4.spec.
"""

import struct
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Final

from frame_codec.constants import RESPONSE_BIT
from frame_codec.errors import OversizedError, ProtocolError

HEADER: Final = struct.Struct(">BBhBI")
"""version byte, flags, stream, opcode, length of the body in bytes (section 2)."""

HEADER_LENGTH: Final = 9

Frame = tuple[int, int, int, int, bytes]
"""version byte as on the wire, flags, stream, opcode, body."""

# Many tiny pieces of one large frame would cost more memory as objects than as bytes.
_MOST_CHUNKS: Final = 64

_ALIKE_FROM: Final = 8
"""So many frames of equal length in a row are looked at together: fewer are not worth it."""

_ALIKE_BYTES: Final = _ALIKE_FROM * HEADER_LENGTH

_SEVERAL_BYTES: Final = 256
"""A shorter read is looked at as one whole frame first: who does not send much sends one at a time."""

_COLUMNS: Final = (0, 5, 6, 7, 8)
"""Of a header, the bytes that say version and length."""

_ALIKE_BODY: Final = 4096
"""The longest body of such frames: with long ones it is the bytes that cost, not the frames."""


def encode_frame(version: int, flags: int, stream: int, opcode: int, body: bytes) -> bytes:
    """One frame. `version` is the byte on the wire: with `RESPONSE_BIT` in a response."""
    return HEADER.pack(version, flags, stream, opcode, len(body)) + body


class FrameDecoder:
    """Splits one direction of one connection into frames.

    max_body_length: longest body accepted, in bytes, as it is on the wire (compressed or not).
    versions: acceptable first bytes of a frame, e.g. `REQUEST_VERSIONS` or `RESPONSE_VERSIONS`.
    refused: first bytes of versions with the same header that are not spoken. Their frames are returned as
    well, so that each can be answered and the stream be read on; errors do not name them as supported.
    """

    __slots__ = (
        "_chunks",
        "_have",
        "_need",
        "_spoken",
        "_tail",
        "_versions",
        "max_body_length",
        "violation",
    )

    violation: ProtocolError | None
    """Why the stream cannot be read any further; None as long as it can."""

    def __init__(
        self, *, max_body_length: int, versions: AbstractSet[int], refused: AbstractSet[int] = frozenset()
    ) -> None:
        self.max_body_length = max_body_length
        """May be changed between two calls of `feed`."""
        self._spoken = frozenset(versions)
        self._versions = self._spoken | refused
        self.violation = None
        # An incomplete frame: `_tail`, then `_chunks`; `_have` bytes of the `_need` that allow the next step.
        self._tail = bytearray()
        self._chunks: list[bytes] = []
        self._have = 0
        self._need = 0

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes, in order.

        A frame with an unknown version or too long a body ends the stream: the frames before it are
        returned, `violation` is set, and this and all later bytes are dropped. The version is judged by
        the first byte alone, before any length is believed, so that HTTP or TLS is told apart at once.
        Each byte is copied a bounded number of times, however small the pieces of a frame are.
        """
        # Hot path: runs for every read of every connection; one unpack and one slice per frame.
        if self._have:
            self._have += len(data)
            self._chunks.append(data)
            if self._have < self._need:
                if len(self._chunks) >= _MOST_CHUNKS:
                    self._tail += b"".join(self._chunks)
                    self._chunks.clear()
                return []
            data = b"".join((self._tail, *self._chunks))
            self._chunks.clear()
            self._tail.clear()
            self._have = 0
        elif self.violation is not None:
            return []
        size = len(data)
        unpack_from = HEADER.unpack_from
        versions = self._versions
        max_body_length = self.max_body_length
        if size < _SEVERAL_BYTES and size >= HEADER_LENGTH:
            version, flags, stream, opcode, length = unpack_from(data)
            if HEADER_LENGTH + length == size and version in versions and length <= max_body_length:
                return [(version, flags, stream, opcode, data[HEADER_LENGTH:])]
        frames: list[Frame] = []
        at = 0
        if size >= _ALIKE_BYTES and size >= _ALIKE_FROM * (HEADER_LENGTH + (data[7] << 8 | data[8])):
            at = self._alike(data, size, frames)
        append = frames.append
        last = size - HEADER_LENGTH
        need = HEADER_LENGTH
        while at <= last:
            version, flags, stream, opcode, length = unpack_from(data, at)
            if version not in versions or length > max_body_length:
                self.violation = self._violation_of(version, stream, length)
                return frames
            start = at + HEADER_LENGTH
            stop = start + length
            if stop > size:
                need = HEADER_LENGTH + length
                break
            append((version, flags, stream, opcode, data[start:stop]))
            at = stop
        if at < size:
            if data[at] not in versions:
                self.violation = self._violation_of(data[at], 0, 0)
                return frames
            self._chunks.append(data[at:] if at else data)
            self._have = size - at
            self._need = need
        return frames

    @property
    def part(self) -> int:
        """How many bytes there are of a frame that is not whole."""
        return self._have

    @property
    def part_header(self) -> tuple[int, int] | None:
        """Version byte and stream of the frame that is not whole; None as long as its header is not."""
        head = b"".join((self._tail[:HEADER_LENGTH], *(chunk[:HEADER_LENGTH] for chunk in self._chunks)))
        if len(head) < HEADER_LENGTH:
            return None
        version, _, stream, _, _ = HEADER.unpack_from(head)
        return version, stream

    def _alike(self, data: bytes, size: int, frames: list[Frame]) -> int:
        """Add the frames of equal length that `data` begins with, if they are many; where they end.

        Answers to writes are alike, and often so are the requests of an application. The bytes of the headers
        that must be the same are compared a column at a time, which costs little for any number of frames.
        """
        # Hot path.
        lengths = data[5:HEADER_LENGTH]
        body_length = int.from_bytes(lengths, "big")
        step = HEADER_LENGTH + body_length
        count = size // step
        if (
            count < _ALIKE_FROM
            or data[step] != data[0]
            or data[step + 5 : step + HEADER_LENGTH] != lengths
            or body_length > min(_ALIKE_BODY, self.max_body_length)
            or data[0] not in self._versions
        ):
            return 0
        end = count * step
        for column in _COLUMNS:
            differing = len(data[column:end:step].lstrip(data[column : column + 1]))
            if differing:
                count -= differing
                end = count * step
        frames += _struct_of(body_length).iter_unpack(data if end == size else data[:end])
        return end

    def _violation_of(self, version: int, stream: int, length: int) -> ProtocolError:
        newest = max(self._spoken) & ~RESPONSE_BIT
        if version in self._versions:
            return OversizedError(
                f"Frame of {length} bytes is longer than the {self.max_body_length} bytes allowed: "
                "send less in one message or raise the limit",
                stream=stream,
                version=version & ~RESPONSE_BIT,
            )
        # The layout of an unknown version's header is unknown too, so its stream is: servers answer on 0.
        if version ^ RESPONSE_BIT in self._versions:
            expected, got = (
                ("a request", "a response") if version & RESPONSE_BIT else ("a response", "a request")
            )
            return ProtocolError(
                f"Expected {expected}, got {got} (version byte {version:#04x})", version=newest
            )
        known = ", ".join(f"{v}/v{v}" for v in sorted(v & ~RESPONSE_BIT for v in self._spoken))
        return ProtocolError(
            f"Invalid or unsupported protocol version ({version & ~RESPONSE_BIT}); "
            f"supported versions are ({known})",
            version=newest,
        )


@lru_cache(maxsize=256)
def _struct_of(body_length: int) -> struct.Struct:
    """A frame with a body of so many bytes, as a `Frame`."""
    return struct.Struct(f">BBhB4x{body_length}s")
