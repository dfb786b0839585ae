"""Requests that are alike, told by one regular expression: a fifth of what reading them would take. Pure.

A shape is made from the body of one request. It matches, as a whole, bodies in which nothing but values and
literals differs: of a QUERY whose literals may have any length, of a BATCH with values of the same lengths
and the same texts.
"""

import re
import struct
from typing import Final

from frame_codec import batch, query_span

LITERAL: Final = re.compile(
    rb"'(?:[^']|'')*+'"  # text, dates
    rb"|\b[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}"  # uuid
    rb"|-?\b[0-9][\w.]*(?:[eE][+-]?[0-9]+)?"  # numbers, blobs, durations
)
_ANY_LITERAL: Final = b"(?>" + LITERAL.pattern + b")"
_INT: Final = struct.Struct(">i")
_PARAMETERS: Final = 3
"""Bytes of consistency and flags."""


def query_shape(body: bytes) -> re.Pattern[bytes]:
    """The shape of a QUERY (CQL native protocol v4, section 4.1.4). Raises `ProtocolError`."""
    start, end = query_span(body, 0)
    text = _ANY_LITERAL.join(map(re.escape, LITERAL.split(body[start:end])))
    parameters = re.escape(body[end : end + _PARAMETERS])
    return re.compile(b".{4}" + text + parameters + b".*", re.DOTALL)


def batch_shape(body: bytes) -> re.Pattern[bytes]:
    """The shape of a BATCH (section 4.1.7). Raises `ProtocolError`."""
    layout = batch(body, 0)
    parts: list[bytes] = []
    exact = 0
    for entry in layout.entries:
        at = entry.values_offset
        for _ in range(entry.value_count):
            (length,) = _INT.unpack_from(body, at)
            at += _INT.size
            if length > 0:
                parts += re.escape(body[exact:at]), b".{%d}" % length
                at += length
                exact = at
    parts += re.escape(body[exact : layout.parameters_offset + _PARAMETERS]), b".*"
    return re.compile(b"".join(parts), re.DOTALL)
