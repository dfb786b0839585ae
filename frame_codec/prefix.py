"""What stands before the message in a body when the frame's flags say so (section 2.2).

A request may begin with a custom payload; a response with a tracing id, warnings and a custom payload,
in this order. The first two functions only find where the message begins, for code that leaves bodies
as they are; the rest reads and writes the prefix.
"""

import struct
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from frame_codec.constants import FrameFlag
from frame_codec.errors import ProtocolError
from frame_codec.reader import Reader
from frame_codec.writer import write_bytes_map, write_string_list, write_uuid

_SHORT: Final = struct.Struct(">H")
_INT: Final = struct.Struct(">i")

_TRACING: Final = int(FrameFlag.TRACING)
_CUSTOM_PAYLOAD: Final = int(FrameFlag.CUSTOM_PAYLOAD)
_WARNING: Final = int(FrameFlag.WARNING)


def after_custom_payload(body: bytes) -> int:
    """Offset of the message in a request's body that has `FrameFlag.CUSTOM_PAYLOAD`."""
    return _after_bytes_map(body, 0)


def response_start(body: bytes, flags: int) -> int:
    """Offset of the message in a response's body. flags: the frame's."""
    if not flags & (_TRACING | _WARNING | _CUSTOM_PAYLOAD):
        return 0
    at = 16 if flags & _TRACING else 0
    if flags & _WARNING:
        at = _after_string_list(body, at)
    if flags & _CUSTOM_PAYLOAD:
        at = _after_bytes_map(body, at)
    if at > len(body):
        raise ProtocolError(
            "Truncated message: the body ends inside its tracing id, warnings or custom payload"
        )
    return at


def _after_string_list(body: bytes, at: int) -> int:
    try:
        (count,) = _SHORT.unpack_from(body, at)
        at += 2
        for _ in range(count):
            at += 2 + _SHORT.unpack_from(body, at)[0]
    except struct.error:
        raise ProtocolError("Truncated message: the body ends inside its warnings") from None
    return at


def _after_bytes_map(body: bytes, at: int) -> int:
    try:
        (count,) = _SHORT.unpack_from(body, at)
        at += 2
        for _ in range(count):
            at += 2 + _SHORT.unpack_from(body, at)[0]
            (length,) = _INT.unpack_from(body, at)
            at += 4 + length if length > 0 else 4
    except struct.error:
        at = len(body) + 1
    if at > len(body):
        raise ProtocolError("Truncated message: the body ends inside its custom payload")
    return at


CustomPayload = dict[str, bytes | None]
"""A custom payload, [bytes map]."""


def encode_custom_payload(payload: CustomPayload) -> bytes:
    """The prefix of a request that carries `payload`; its frame needs `FrameFlag.CUSTOM_PAYLOAD`."""
    out = bytearray()
    write_bytes_map(out, payload)
    return bytes(out)


def decode_custom_payload(body: bytes) -> CustomPayload:
    """The custom payload of a request's body that has `FrameFlag.CUSTOM_PAYLOAD`."""
    return Reader(body).read_bytes_map()


@dataclass(frozen=True, slots=True)
class ResponsePrefix:
    """Tracing id, warnings and custom payload of a response; None where the flag is not set."""

    tracing_id: UUID | None = None
    warnings: tuple[str, ...] | None = None
    custom_payload: CustomPayload | None = None

    @property
    def flags(self) -> FrameFlag:
        """Frame flags that announce this prefix."""
        flags = FrameFlag(0)
        if self.tracing_id is not None:
            flags |= FrameFlag.TRACING
        if self.warnings is not None:
            flags |= FrameFlag.WARNING
        if self.custom_payload is not None:
            flags |= FrameFlag.CUSTOM_PAYLOAD
        return flags

    @classmethod
    def decode(cls, body: bytes, flags: int) -> "ResponsePrefix":
        """The prefix of a response's body. flags: the frame's. The message begins at `response_start`."""
        reader = Reader(body)
        return cls(
            tracing_id=reader.read_uuid() if flags & _TRACING else None,
            warnings=tuple(reader.read_string_list()) if flags & _WARNING else None,
            custom_payload=reader.read_bytes_map() if flags & _CUSTOM_PAYLOAD else None,
        )

    def encode(self) -> bytes:
        """The bytes to put before the message."""
        out = bytearray()
        if self.tracing_id is not None:
            write_uuid(out, self.tracing_id)
        if self.warnings is not None:
            write_string_list(out, self.warnings)
        if self.custom_payload is not None:
            write_bytes_map(out, self.custom_payload)
        return bytes(out)
