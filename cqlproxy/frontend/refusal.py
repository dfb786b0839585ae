"""Requests that are answered with OVERLOADED at once: which may be, and what they are told. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cqlproxy.frontend.limits import Refused
from frame_codec import Frame, Opcode

_REFUSABLE: Final = frozenset({Opcode.QUERY, Opcode.PREPARE, Opcode.EXECUTE, Opcode.BATCH})

WHY: Final = {
    Refused.ALL: "Too many requests are under way to the proxy (listen.max_requests)",
    Refused.CLIENT: "Too many requests of this connection are under way (listen.max_requests_per_client)",
    Refused.WAITED: "The request waited too long for others of this connection (request_timeout_ms)",
    Refused.STOPPING: "The proxy is stopping",
}
"""The message of the ERROR."""


def as_many_as(room: int, frames: Iterable[Frame], version: int) -> tuple[list[Frame], list[Frame]]:
    """The first ``room`` of the frames with those that must not be refused; and the others.

    They are of a client that is let in and speaks ``version``. A heartbeat is not refused, nor is what breaks
    the protocol, which has an answer of its own.
    """
    kept: list[Frame] = []
    refused: list[Frame] = []
    for frame in frames:
        of_version, _, stream, opcode, _ = frame
        may_be_refused = of_version == version and stream >= 0 and opcode in _REFUSABLE
        if len(kept) < room or not may_be_refused:
            kept.append(frame)
        else:
            refused.append(frame)
    return kept, refused
