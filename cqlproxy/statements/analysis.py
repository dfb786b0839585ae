"""From the text of a CQL statement to what it does. Total: every text has an analysis."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Final

from cqlproxy.statements.analysed_text import Source, new
from cqlproxy.statements.batches import batch
from cqlproxy.statements.definitions import define, describe_schema, truncate, use
from cqlproxy.statements.lexer import UnparsableError
from cqlproxy.statements.plain_inserts import PlainInserts
from cqlproxy.statements.reads import prune, select
from cqlproxy.statements.statement import Kind, Span, Statement
from cqlproxy.statements.writes import VERBS, mutation

_BY_VERB: Final[dict[str, Callable[[Source], Statement]]] = {
    "create": define,
    "alter": define,
    "drop": define,
    "comment": describe_schema,
    "security": describe_schema,
    "truncate": truncate,
    "use": use,
    "prune": prune,
}
_LONG: Final = 16 * 1024
_BY_VERB_ALONE: Final = {
    "grant": Kind.ROLE,
    "revoke": Kind.ROLE,
    "attach": Kind.ROLE,
    "detach": Kind.ROLE,
    "add": Kind.ROLE,
    "list": Kind.LIST,
    "describe": Kind.DESCRIBE,
    "desc": Kind.DESCRIBE,
}


def analyse(text: str) -> Statement:
    """What the one statement in ``text`` does, in time linear in its length.

    Never raises: text that is empty, cannot be parsed, or holds several statements (other than as a batch)
    is of Kind.UNKNOWN. The grammar is that of Cassandra 5 and ScyllaDB, read generously: what a server
    refuses may still have a kind, since its refusal is what the client will see.

    Of Kind.UNKNOWN too is a long text that asks for far more work than its length is worth, such as 100,000
    casts or relations: it must not hold up other clients. Short texts may hold anything.
    """
    if len(text) < _LONG:
        return _plain_inserts.statement(text) or _analyse(text)
    if not gc.isenabled():
        return _analyse(text)
    # Hundreds of thousands of small objects, no cycle among them: looking for cycles takes half of the time.
    # What is not of the analysis is gone again before it may go on.
    gc.disable()
    try:
        return _analyse(text)
    finally:
        gc.enable()


def _analyse(text: str) -> Statement:
    try:
        return _statement(text)
    except (UnparsableError, ValueError):
        # ValueError: a word that list.index looked for, such as a closing bracket, is not there.
        return Statement(Kind.UNKNOWN, span=Span(0, len(text)))


def _statement(text: str) -> Statement:
    source = Source(text)
    found = source.words
    verb = found[0].lower()
    span = new(Span, (0, len(text)))
    if verb in VERBS:
        statement, end = mutation(source, 0, span)
        if found[end]:
            _expect_end(found, end, exact=True)
        return statement
    if verb == "select":
        statement, end = select(source)
        _expect_end(found, end, exact=False)
        return statement
    if verb == "begin":
        statement, end = batch(source)
        _expect_end(found, end, exact=True)
        return statement
    _expect_end(found, 1, exact=False)
    parse = _BY_VERB.get(verb)
    if parse is not None:
        return parse(source)._replace(span=span)
    kind = _BY_VERB_ALONE.get(verb)
    if kind is None or not found[1]:
        raise UnparsableError("a statement was expected")
    return Statement(kind, verb.upper(), span=span)


def _expect_end(found: list[str], word: int, *, exact: bool) -> None:
    """Refuses a second statement after a semicolon; if ``exact``, all but semicolons from ``word`` on."""
    if not exact:
        try:
            word = found.index(";", word)
        except ValueError:
            return
    for token in found[word:]:
        if token and token != ";":
            raise UnparsableError("the end of the statement was expected")


_plain_inserts: Final = PlainInserts(_statement)
