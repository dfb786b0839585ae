"""What of a request's frame breaks the protocol, by its header and its compression. Pure."""

from __future__ import annotations

from typing import Final

from frame_codec import PROTOCOL_V3, FrameFlag, ProtocolError, decompress

NEWER_VERSIONS: Final = frozenset({5, 6, 65, 66})
"""Versions (v5, v6, and DSE's) whose frames have the same header: refused, with the connection kept."""

_COMPRESSED: Final = int(FrameFlag.COMPRESSED)
_FLAGS_V3: Final = int(FrameFlag.TRACING)
_FLAGS_V4: Final = int(FrameFlag.TRACING | FrameFlag.CUSTOM_PAYLOAD)


def check_header(version: int, stream: int, agreed: int | None) -> None:
    """Raises ``ProtocolError``. ``agreed`` is the version of the connection, None before it is started."""
    if stream < 0:
        raise ProtocolError(f"Invalid stream id {stream}: clients use 0 and above")
    if agreed is not None and version != agreed:
        raise ProtocolError(
            f"Invalid message version. Got {version}/v{version} but previous messages on this connection "
            f"had version {agreed}/v{agreed}"
        )


def unwrapped(version: int, flags: int, body: bytes, *, lz4: bool, most: int) -> tuple[int, bytes]:
    """The flags that mean something in this version, and the body as it was before compression.

    Raises ``ProtocolError`` where ``lz4`` was not agreed on, or the body has more than ``most`` bytes.
    """
    if flags & _COMPRESSED:
        if not lz4:
            raise ProtocolError("A compressed frame, but no compression was agreed on in STARTUP")
        body = decompress(body, most)
    return flags & (_FLAGS_V3 if version == PROTOCOL_V3 else _FLAGS_V4), body


def unsupported_version(version: int) -> str:
    """What Cassandra says of a version that it does not speak."""
    return f"Invalid or unsupported protocol version ({version}); supported versions are (3/v3, 4/v4)"


def is_tls(violation: ProtocolError) -> bool:
    """Whether a TLS handshake (RFC 8446, section 5.1) was taken for a frame."""
    return violation.message == _TLS_RECORD


_TLS_RECORD: Final = unsupported_version(0x16)
