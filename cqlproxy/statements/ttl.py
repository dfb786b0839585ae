"""Where the time to live of a write stands in its text, or would: for a copy that is delivered late."""

from __future__ import annotations

from typing import NamedTuple

from cqlproxy.statements.analysed_text import Source
from cqlproxy.statements.statement import Kind, Span, Statement
from cqlproxy.statements.terms import table_name


class TtlPlace(NamedTuple):
    """What to put where, so that an INSERT or UPDATE has a certain TTL."""

    span: Span
    """What is replaced: the value of the TTL; empty where there is none yet."""
    keywords: str
    """What must stand before the value: nothing, ``AND TTL`` or ``USING TTL``."""
    marker: int
    """The index that a bind marker has here, or would have."""

    def written(self, value: str) -> str:
        """What takes the place of the span: the TTL ``value``, a number of seconds or ``?``."""
        return f" {self.keywords} {value} " if self.keywords else f" {value} "


def ttl_place(text: str, statement: Statement) -> TtlPlace:
    """Where the TTL of an INSERT or UPDATE goes.

    ``text`` is what ``statement`` is the analysis of, or the batch that it is one of the statements of.
    Raises ValueError for any other statement: none but these two has a TTL.
    """
    if statement.kind is not Kind.MUTATION or statement.verb == "DELETE":
        raise ValueError(f"a {statement.verb or statement.kind} has no TTL; only INSERT and UPDATE have one")
    clause = statement.using
    if clause is not None and clause.ttl is not None:
        place, keywords = clause.ttl.span, ""
    else:
        at = _end_of_clauses_before(text, statement) if clause is None else clause.span.end
        place = Span(at, at)
        keywords = "USING TTL" if clause is None else "AND TTL"
    start = statement.span.start
    before = len(Source(text[start : place.start]).markers)
    return TtlPlace(place, keywords, statement.first_marker + before)


def _end_of_clauses_before(text: str, statement: Statement) -> int:
    start, end = statement.span
    source = Source(text[start:end])
    found = source.words
    if statement.verb == "UPDATE":
        word = table_name(found, 1)[1]
    else:
        word = found.index("")
        while found[word - 1] == ";":
            word -= 1
    return start + source.span(0, word).end
