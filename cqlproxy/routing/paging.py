"""Paging states that tell which cluster a read began on, so that it is finished there.

The state that a client gets is the cluster's, with one byte more at its end. A state without it (from before
the proxy was there) is passed as it is to the cluster that answers.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from cqlproxy.cluster.side import Side
from frame_codec import ProtocolError, ResultKind, parameters, response_start

_INT: Final = Struct(">i")
_ROWS: Final = int(ResultKind.ROWS)
_HAS_MORE_PAGES: Final = 0x02

_MARKS: Final = (b"\xc1", b"\xc2")
"""By ``Side``. States of servers end in a count of rows that are left, which is not likely to look so."""

_SIDES: Final = {0xC1: Side.PRIMARY, 0xC2: Side.SHADOW}


def marked_page(flags: int, body: bytes, side: Side) -> bytes:
    """A RESULT with its paging state, if it has one, marked for ``side`` (spec section 4.2.5.2)."""
    # Hot path: once for every read.
    at = response_start(body, flags) if flags else 0
    if len(body) < at + 12 or not body[at + 7] & _HAS_MORE_PAGES or body[at + 3] != _ROWS:
        return body
    at += 12
    (length,) = _INT.unpack_from(body, at)
    if length < 0:
        return body
    end = at + 4 + length
    return b"".join((body[:at], _INT.pack(length + 1), body[at + 4 : end], _MARKS[side], body[end:]))


def unmarked_page(body: bytes, parameters_at: int) -> tuple[bytes, Side | None]:
    """The body of a QUERY or EXECUTE with its paging state as the cluster gave it, and which that was.

    ``parameters_at`` is the offset of its consistency. None when nothing is marked.
    """
    state = parameters(body, parameters_at).paging_state
    if state is None or state[0] == state[1]:
        return body, None
    start, end = state
    if end > len(body):
        raise ProtocolError("Truncated message: the body ends inside its paging state")
    side = _SIDES.get(body[end - 1])
    if side is None:
        return body, None
    length = _INT.pack(end - start - 1)
    return b"".join((body[: start - 4], length, body[start : end - 1], body[end:])), side
