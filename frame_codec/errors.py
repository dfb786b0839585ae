"""The one error of this package: bytes that break the CQL native protocol, and what it takes to answer them.

What a caller does wrong (a string too long for a [string], an unset value in v3) is a ValueError instead:
it is our own fault and never the peer's.
"""

from frame_codec.constants import PROTOCOL_V4, ErrorCode


class ProtocolError(Exception):
    """The peer's bytes are not valid CQL native protocol.

    code: always `ErrorCode.PROTOCOL_ERROR`, the CQL error that answers it.
    message: what is wrong, fit to be sent to the peer.
    stream: stream to answer on; version: protocol version (no direction bit) to answer in. `FrameDecoder`
    sets both. In an error about a body they are 0 and 4: who gave the body knows its stream and version.
    """

    def __init__(self, message: str, *, stream: int = 0, version: int = PROTOCOL_V4) -> None:
        super().__init__(message)
        self.code = ErrorCode.PROTOCOL_ERROR
        self.message = message
        self.stream = stream
        self.version = version


class OversizedError(ProtocolError):
    """A body is longer than is allowed where it came: as it is, or as it would be after decompression."""
