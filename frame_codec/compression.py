"""lz4 bodies: four bytes of big-endian uncompressed length, then one raw lz4 block (section 5)."""

import struct
from typing import Final

import lz4.block

from frame_codec.errors import OversizedError, ProtocolError

_LENGTH: Final = struct.Struct(">I")

# An lz4 block cannot expand by more: one byte extends a match by at most 255.
_MOST_EXPANSION: Final = 255


def compress(body: bytes) -> bytes:
    """`body` as an lz4 frame body; the frame that carries it needs `FrameFlag.COMPRESSED`."""
    block: bytes = lz4.block.compress(body, store_size=False)
    return _LENGTH.pack(len(body)) + block


def decompress(body: bytes, max_length: int) -> bytes:
    """The body that `compress` made `body` from.

    max_length: most bytes that the result may have. Nothing is allocated for a length above it, nor for
    one that the compressed bytes cannot amount to.
    Raises OversizedError beyond max_length, and ProtocolError on a body that is no such compression, or lies
    about its length.
    """
    if len(body) < _LENGTH.size:
        raise ProtocolError(f"Compressed body of {len(body)} bytes has no uncompressed length")
    (length,) = _LENGTH.unpack_from(body)
    if length > max_length:
        raise OversizedError(f"Compressed body would be {length} bytes, more than the {max_length} allowed")
    block = body[_LENGTH.size :]
    if length == 0 and block in (b"", b"\x00"):
        return b""
    if length == 0 or length > len(block) * _MOST_EXPANSION:
        raise ProtocolError(f"Compressed body claims {length} bytes in a block of {len(block)}")
    try:
        result: bytes = lz4.block.decompress(block, uncompressed_size=length)
    except lz4.block.LZ4BlockError as error:
        raise ProtocolError(f"Body is not a valid lz4 block: {error}") from error
    if len(result) != length:
        raise ProtocolError(f"Compressed body claims {length} bytes but holds {len(result)}")
    return result
