"""What a SELECT says beyond its ``Statement``: what it calls, where it looks, whether it stops early.

Asked only of reads that are compared between clusters, so that no other text pays for it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from cqlproxy.statements.lexer import UnparsableError, fold, is_name, words

_AFTER_WHERE: Final = frozenset(["", ";", "order", "limit", "allow"])
_AFTER_WHERE_IN_PAIRS: Final = frozenset(
    [("group", "by"), ("per", "partition"), ("bypass", "cache"), ("using", "timeout")]
)
# Before a bracket these are no names of functions.
_KEYWORDS: Final = frozenset(["in", "and", "select", "distinct", "as", "contains", "key", "values", "where"])


class ReadClauses(NamedTuple):
    """Parts of a SELECT."""

    calls: tuple[str, ...]
    """The functions that it calls anywhere, by their names as CQL reads them, without keyspaces."""
    where: str
    """The relations of its WHERE clause, with a blank between words; empty when there are none."""
    limited: bool
    """It has a LIMIT, of the whole or per partition."""
    approximate: bool
    """It is ordered by ``ANN OF``: servers may find other rows at each time."""


def read_clauses(text: str) -> ReadClauses:
    """The clauses of a text that is a SELECT; of one that is none, as far as they can be told."""
    try:
        found = words(text)
    except UnparsableError:
        return ReadClauses((), "", False, False)
    lowered = [word.lower() for word in found]
    calls = tuple(
        fold(found[place - 1])
        for place, word in enumerate(found)
        if place and word == "(" and is_name(found[place - 1]) and lowered[place - 1] not in _KEYWORDS
    )
    where = ""
    if "where" in lowered:
        first = end = lowered.index("where") + 1
        while lowered[end] not in _AFTER_WHERE and tuple(lowered[end : end + 2]) not in _AFTER_WHERE_IN_PAIRS:
            end += 1
        where = " ".join(found[first:end])
    approximate = any(lowered[place + 1] == "of" for place, word in enumerate(lowered) if word == "ann")
    return ReadClauses(calls, where, "limit" in lowered, approximate)
