"""The trace that a client's request belongs to: W3C ``traceparent`` in the frame's custom payload."""

from __future__ import annotations

import re
from typing import Final

from opentelemetry.trace import SpanContext, TraceFlags

from frame_codec import ProtocolError, decode_custom_payload

KEY: Final = "traceparent"

_WRITTEN: Final = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)


def context_of(body: bytes) -> SpanContext | None:
    """Of a request with a custom payload (native protocol v4, section 2.2); None where it tells of none."""
    try:
        given = decode_custom_payload(body).get(KEY)
    except ProtocolError:
        # Whoever handles the request finds it as well, and tells the client.
        return None
    matched = _WRITTEN.fullmatch(given) if given else None
    # Version ff is forbidden; those above 00 begin as 00 does.
    if matched is None or given is None or given.startswith(b"ff"):
        return None
    context = SpanContext(
        trace_id=int(matched[1], 16),
        span_id=int(matched[2], 16),
        is_remote=True,
        trace_flags=TraceFlags(int(matched[3], 16)),
    )
    return context if context.is_valid else None
