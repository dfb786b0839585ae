"""A text batch without some of its statements."""

from __future__ import annotations

from collections.abc import Sequence

from cqlproxy.statements import Statement, kept_markers, without
from frame_codec import query_span, replace_query


def reduced_text_batch(body: bytes, statement: Statement, kept: Sequence[int]) -> bytes:
    """The body of a QUERY whose text is the batch ``statement``, with only the ``kept`` of its statements.

    The values bound to the others are left out.
    """
    start, end = query_span(body, 0)
    text = without(body[start:end].decode(), statement, kept)
    return replace_query(body, 0, text.encode(), kept_markers(statement, kept))
