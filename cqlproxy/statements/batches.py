"""Text batches: BEGIN ... BATCH, its statements, APPLY BATCH; and the same batch with some left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cqlproxy.statements.analysed_text import Source
from cqlproxy.statements.lexer import UnparsableError
from cqlproxy.statements.runs import run
from cqlproxy.statements.statement import BatchHeader, BatchKind, Kind, Span, Statement, TableName
from cqlproxy.statements.writes import mutation, using

_RAREST: Final = 63
_KINDS: Final = {kind.value: kind for kind in BatchKind}


def batch(source: Source) -> tuple[Statement, int]:
    """The batch that the text begins with, and the word after it."""
    found = source.words
    word = 1
    kind = _KINDS.get(found[word].lower())
    if kind is not None:
        word += 1
    if found[word].lower() != "batch":
        raise UnparsableError("BATCH was expected")
    word += 1
    clause = None
    if found[word].lower() == "using":
        clause, word = using(source, word)
    stamped = clause is not None and clause.timestamp is not None
    if clause is not None and clause.ttl is not None:
        raise UnparsableError("TIMESTAMP was expected")
    header = BatchHeader(kind or BatchKind.LOGGED, source.span(0, word), source.markers_before(word))
    statements: list[Statement] = []
    misses = skipped = 0
    while found[word].lower() != "apply":
        first = word
        statement, word = mutation(source, word, None)
        statements.append(statement)
        if found[word] == ";":
            word += 1
        # Few statements of a long batch have a form of their own. Where many do, it is tried ever less.
        if skipped < misses:
            skipped += 1
            continue
        skipped = 0
        misses = min(2 * misses + 1, _RAREST)
        while found[word] == found[first]:
            alike, after = run(source, statements[-1], first, word)
            if not alike:
                break
            misses = 0
            statements += alike
            first, word = after - (word - first), after
    if found[word + 1].lower() != "batch":
        raise UnparsableError("APPLY BATCH was expected")
    tables: dict[TableName, None] = dict.fromkeys(inner.tables[0] for inner in statements)
    analysed = Statement(
        kind=Kind.BATCH,
        verb="BEGIN",
        tables=tuple(tables),
        markers=len(source.markers),
        span=Span(0, len(source.text)),
        sets_timestamp=stamped or (bool(statements) and all(inner.sets_timestamp for inner in statements)),
        sets_ttl=any(inner.sets_ttl for inner in statements),
        relative=any(inner.relative for inner in statements),
        functions=tuple(call for inner in statements for call in inner.functions),
        json=any(inner.json for inner in statements),
        statements=tuple(statements),
        batch=header,
        using=clause,
    )
    return analysed, word + 2


def without(text: str, statement: Statement, kept: Sequence[int]) -> str:
    """The text of a batch with only those of its statements whose positions are ``kept``, in that order.

    ``text`` is what ``statement`` is the analysis of; positions are those in ``statement.statements``. What
    is kept stays as it was written, character for character; the bind values that belong to it are those of
    ``kept_markers``. Raises ValueError when the statement is no batch, IndexError when it has no such
    position.
    """
    header = _header(statement)
    parts = [text[header.span.start : header.span.end]]
    for position in kept:
        start, end = statement.statements[position].span
        parts.append(text[start:end] + ";")
    parts.append("APPLY BATCH")
    return " ".join(parts)


def kept_markers(statement: Statement, kept: Sequence[int]) -> tuple[int, ...]:
    """The markers left in ``without(text, statement, kept)``, in its order, by their index in the whole text.

    Raises as ``without`` does.
    """
    indexes = list(range(_header(statement).markers))
    for position in kept:
        inner = statement.statements[position]
        indexes.extend(range(inner.first_marker, inner.first_marker + inner.markers))
    return tuple(indexes)


def _header(statement: Statement) -> BatchHeader:
    if statement.batch is None:
        raise ValueError(f"a {statement.kind} statement has no statements to leave out; only a batch has")
    return statement.batch
