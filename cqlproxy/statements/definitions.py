"""Everything but reads and writes of rows: schema, roles, TRUNCATE, USE, DESCRIBE, LIST."""

from __future__ import annotations

from typing import Final

from cqlproxy.statements.analysed_text import Source
from cqlproxy.statements.lexer import UnparsableError, fold
from cqlproxy.statements.reads import from_table
from cqlproxy.statements.statement import Kind, Statement, TableName
from cqlproxy.statements.terms import table_name

_ROLES: Final = frozenset(["role", "user", "service_level", "service", "identity", "generated"])
_TABLES: Final = frozenset(["table", "columnfamily"])
_ON_TABLE: Final = frozenset(["index", "trigger"])
_IN_KEYSPACE: Final = frozenset(["type", "function", "aggregate"])
_MOST_PARTS: Final = 4
_KEYSPACES: Final = frozenset(["keyspace", "schema"])


def define(source: Source) -> Statement:
    """A CREATE, ALTER or DROP."""
    found = source.words
    verb = found[0].upper()
    word = 1
    if [found[1].lower(), found[2].lower()] == ["or", "replace"]:
        word = 3
    if found[word].lower() == "custom":
        word += 1
    noun = found[word].lower()
    if noun in _ROLES:
        return Statement(Kind.ROLE, verb)
    if noun == "materialized" and found[word + 1].lower() == "view":
        word += 1
        noun = "view"
    word = _skip_if_exists(found, word + 1)
    if noun in _TABLES:
        table, word = table_name(found, word)
        if found[word].lower() == "like":
            return _of(verb, table, table_name(found, word + 1)[0])
        return _of(verb, table)
    if noun == "view":
        table, word = table_name(found, word)
        return _of(verb, table, _base_table(found, word)) if verb == "CREATE" else _of(verb, table)
    if noun in _ON_TABLE and (verb == "CREATE" or noun == "trigger"):
        # The index's name may be left out, and a table may be called on only in quotes.
        while found[word].lower() != "on":
            if not found[word]:
                raise UnparsableError("ON was expected")
            word += 1
        return _of(verb, table_name(found, word + 1)[0])
    if noun in _IN_KEYSPACE or noun == "index":
        keyspace = table_name(found, word)[0].keyspace
        return Statement(Kind.SCHEMA, verb, keyspaces=() if keyspace is None else (keyspace,))
    if noun in _KEYSPACES:
        return Statement(Kind.SCHEMA, verb, keyspaces=(fold(found[word]),))
    raise UnparsableError("something to create, alter or drop was expected")


def describe_schema(source: Source) -> Statement:
    """A COMMENT ON or SECURITY LABEL ON."""
    found = source.words
    verb = found[0].upper()
    word = 1
    if verb == "SECURITY":
        if found[1].lower() != "label":
            raise UnparsableError("LABEL was expected")
        word = 4 if found[2].lower() == "for" else 2
    if found[word].lower() != "on":
        raise UnparsableError("ON was expected")
    noun = found[word + 1].lower()
    name = table_name(found, word + 2)[0]
    if noun in _TABLES:
        return _of(verb, name)
    if noun in ("column", "field"):
        return _owner_of_part(found, word + 2, verb, noun)
    if noun in _KEYSPACES:
        return Statement(Kind.SCHEMA, verb, keyspaces=(name.table,))
    if noun in ("type", "view", "materialized"):
        return Statement(Kind.SCHEMA, verb, keyspaces=() if name.keyspace is None else (name.keyspace,))
    raise UnparsableError("something to describe was expected")


def truncate(source: Source) -> Statement:
    """A TRUNCATE."""
    found = source.words
    word = 2 if found[1].lower() in _TABLES else 1
    table, word = table_name(found, word)
    if found[word].lower() not in ("", ";", "using"):
        raise UnparsableError("the end was expected")
    return Statement(Kind.TRUNCATE, "TRUNCATE", (table,), markers=len(source.markers))


def use(source: Source) -> Statement:
    """A USE."""
    found = source.words
    if found[2] not in ("", ";"):
        raise UnparsableError("the end was expected")
    return Statement(Kind.USE, "USE", use_keyspace=fold(found[1]))


def _of(verb: str, *tables: TableName) -> Statement:
    return Statement(Kind.SCHEMA, verb, tables)


def _skip_if_exists(found: list[str], word: int) -> int:
    if found[word].lower() == "if":
        if found[word + 1].lower() == "not" and found[word + 2].lower() == "exists":
            return word + 3
        if found[word + 1].lower() == "exists":
            return word + 2
    return word


def _base_table(found: list[str], word: int) -> TableName:
    if [found[word].lower(), found[word + 1].lower()] != ["as", "select"]:
        raise UnparsableError("AS SELECT was expected")
    word += 2
    while found[word].lower() != "from":
        if not found[word]:
            raise UnparsableError("FROM was expected")
        word += 1
    return from_table(found, word)[0]


def _owner_of_part(found: list[str], word: int, verb: str, noun: str) -> Statement:
    names = [fold(found[word])]
    while found[word + 1] == ".":
        if len(names) > _MOST_PARTS:
            raise UnparsableError("a name was expected")
        word += 2
        names.append(fold(found[word]))
    if noun == "column" and len(names) > 1:
        return _of(verb, TableName(names[-3] if len(names) > 2 else None, names[-2]))
    return Statement(Kind.SCHEMA, verb, keyspaces=tuple(names[:-2]))
