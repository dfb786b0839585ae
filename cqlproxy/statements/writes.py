"""INSERT, UPDATE and DELETE."""

from __future__ import annotations

from itertools import repeat
from typing import Final

from cqlproxy.statements.analysed_text import Source, new
from cqlproxy.statements.lexer import UnparsableError, fold, is_name
from cqlproxy.statements.relations import condition, where
from cqlproxy.statements.statement import (
    Binding,
    Condition,
    Kind,
    Literal,
    Marker,
    Operator,
    Parameter,
    Span,
    Statement,
    TableName,
    Term,
    Using,
)
from cqlproxy.statements.terms import (
    INTEGER,
    closing,
    constant,
    constants,
    listed,
    table_name,
    term,
)

_SET: Final = Operator.SET
_ENDS: Final = frozenset([",", "WHERE", "where"])
_ELEMENT: Final = Operator.ELEMENT
_MUTATION: Final = Kind.MUTATION
_SIGNS: Final = {"+": Operator.ADD, "-": Operator.SUBTRACT, "+=": Operator.ADD, "-=": Operator.SUBTRACT}
_NOT_OF_A_MUTATION: Final = Statement(_MUTATION)[Statement._fields.index("selection") : -1]
_WORK_OF_A_STATEMENT: Final = 5000
_WORK_OF_A_CLAUSE: Final = 1500
_WORK_OF_AN_ASSIGNMENT: Final = 600
_WORK_OF_AN_ELEMENT: Final = 1500
VERBS: Final = frozenset(["insert", "update", "delete"])


def mutation(source: Source, word: int, span: Span | None) -> tuple[Statement, int]:
    """The statement at its verb, and the word after it.

    ``span`` is the statement's; None when it is one of several and its span is to be found.
    """
    verb = source.words[word].upper()
    source.spend(_WORK_OF_A_STATEMENT)
    write = _Write()
    if verb == "INSERT":
        end = _insert(source, word, write)
    elif verb == "UPDATE":
        end = _update(source, word, write)
    elif verb == "DELETE":
        end = _delete(source, word, write)
    else:
        raise UnparsableError("INSERT, UPDATE or DELETE was expected")
    first_marker = markers = 0
    if source.markers:
        first_marker = source.markers_before(word)
        markers = source.markers_before(end) - first_marker
    return new(
        Statement,
        (
            _MUTATION,
            verb,
            (write.table,),
            tuple(write.bindings),
            markers,
            first_marker,
            source.statement_span(word, end) if span is None else span,
            write.condition,
            write.using is not None and write.using.timestamp is not None,
            write.using is not None and write.using.ttl is not None,
            write.relative,
            () if write.plain else source.volatile_calls(word, end),
            write.document is not None,
            write.document,
            *_NOT_OF_A_MUTATION,
            write.using,
        ),
    ), end


class _Write:
    """What has been read of one statement. The defaults are the class's: most statements set but a few."""

    table: TableName
    condition: Condition | None = None
    document: Term | None = None
    plain = False  # nothing but constants and markers: there can be no calls
    relative = False
    using: Using | None = None

    def __init__(self) -> None:
        self.bindings: list[Binding] = []


def _insert(source: Source, word: int, write: _Write) -> int:
    found = source.words
    if found[word + 1].lower() != "into":
        raise UnparsableError("INTO was expected")
    write.table, word = table_name(found, word + 2)
    if found[word] == "(":
        word = _columns_and_values(source, word, write)
    elif found[word].lower() == "json":
        write.document, word = term(source, word + 1)
        if found[word].lower() == "default":
            word += 2
    else:
        raise UnparsableError("columns or JSON was expected")
    while True:
        token = found[word].lower()
        if token == "if":
            write.condition, word = condition(source, word)
        elif token == "using":
            write.using, word = using(source, word)
        else:
            return word


def _columns_and_values(source: Source, word: int, write: _Write) -> int:
    # Hot path: plain INSERTs never repeat, so no cache spares them.
    found = source.words
    names, end = listed(found, word)
    if not names:
        raise UnparsableError("a list of columns was expected")
    joined = ",".join(names)
    columns = [fold(name) for name in names] if '"' in joined else joined.lower().split(",")
    word = end + 1
    if found[word].lower() != "values" or found[word + 1] != "(":
        raise UnparsableError("VALUES was expected")
    word += 1
    tokens, end = listed(found, word)
    if len(tokens) == len(columns):
        write.plain = True
        values = zip(constants(source, word + 1, tokens), strict=False)
        write.bindings = list(map(new, repeat(Binding), zip(columns, repeat(_SET), values, strict=False)))
        return end + 1
    bindings = write.bindings
    source.spend(_WORK_OF_AN_ASSIGNMENT * len(columns))
    for column in columns:
        if found[word] not in ("(", ","):
            raise UnparsableError("a comma was expected")
        value, word = term(source, word + 1)
        bindings.append(new(Binding, (column, _SET, (value,))))
    if found[word] != ")":
        raise UnparsableError("as many values as columns were expected")
    return word + 1


def using(source: Source, word: int) -> tuple[Using, int]:
    """The clause at the word USING, and the word after it."""
    found = source.words
    source.spend(_WORK_OF_A_CLAUSE)
    first = word
    timestamp: Parameter | None = None
    ttl: Parameter | None = None
    while True:
        name = found[word + 1].lower()
        begin = word + 2
        source.spend(_WORK_OF_A_CLAUSE)
        value, word = term(source, begin)
        if name == "timestamp":
            timestamp = Parameter(value, source.span(begin, word))
        elif name == "ttl":
            ttl = Parameter(value, source.span(begin, word))
        elif name != "timeout":
            raise UnparsableError("TIMESTAMP, TTL or TIMEOUT was expected")
        if found[word].lower() != "and":
            return Using(source.span(first, word), timestamp, ttl), word


def _update(source: Source, word: int, write: _Write) -> int:
    found = source.words
    write.table, word = table_name(found, word + 1)
    if found[word].lower() == "using":
        write.using, word = using(source, word)
    if found[word].lower() != "set":
        raise UnparsableError("SET was expected")
    while True:
        word = _assignment(source, word + 1, write)
        if found[word] != ",":
            break
    return _where_and_if(source, word, write)


def _assignment(source: Source, word: int, write: _Write) -> int:
    found = source.words
    column = fold(found[word])
    word += 1
    if (
        found[word] == "="
        and found[word + 2] in _ENDS
        and (found[word + 1].isdigit() or found[word + 1][:1] == "'")
    ):
        source.spend(_WORK_OF_AN_ASSIGNMENT)
        write.bindings.append(new(Binding, (column, _SET, (constant(found[word + 1]),))))
        return word + 2
    source.spend(2 * _WORK_OF_AN_ASSIGNMENT)
    if found[word] == "(":
        # ScyllaDB's SCYLLA_TIMEUUID_LIST_INDEX(l)[id]: an element by its identity, not by its place.
        column = fold(found[word + 1])
        word = closing(found, word) + 1
        exact = True
    else:
        exact = False
    if found[word] in ("[", "."):
        first = word
        word = _element(source, word, write, exact)
        if found[word] != "=":
            raise UnparsableError("= was expected")
        keys = source.markers_within(first, word)
        value, word = term(source, word + 1)
        write.bindings.append(new(Binding, (column, _ELEMENT, (*keys, value))))
        return word
    operator = _SIGNS.get(found[word])
    if operator is not None:
        word += 1
    elif found[word] != "=":
        raise UnparsableError("= was expected")
    else:
        word += 1
        operator = _SIGNS.get(found[word + 1]) if _names(found[word], column) else None
        if operator is not None:
            word += 2
    value, end = term(source, word)
    if operator is None and found[end - 2] in _SIGNS and _names(found[end - 1], column):
        # x = [1] + x puts the term before what the list holds.
        operator = Operator.ADD
    if operator is not None:
        write.relative = True
    write.bindings.append(new(Binding, (column, operator or _SET, (value,))))
    return end


def _names(token: str, column: str) -> bool:
    return is_name(token) and fold(token) == column


def _element(source: Source, word: int, write: _Write, exact: bool) -> int:
    """Reads ``[key]`` or ``.field`` after a column."""
    found = source.words
    source.spend(_WORK_OF_AN_ELEMENT)
    if found[word] == ".":
        fold(found[word + 1])
        return word + 2
    end = word + 2 if found[word + 2] == "]" else closing(found, word)
    key, after = term(source, word + 1)
    if after != end:
        raise UnparsableError("a key was expected")
    # A map's key can be an integer too: the text cannot tell it from a list's index.
    if not exact and (isinstance(key, Marker) or not isinstance(key, Literal) or key.kind is INTEGER):
        write.relative = True
    return end + 1


def _delete(source: Source, word: int, write: _Write) -> int:
    found = source.words
    word += 1
    if found[word].lower() != "from":
        word -= 1
        while True:
            column = fold(found[word + 1])
            source.spend(_WORK_OF_AN_ASSIGNMENT)
            word += 2
            exact = found[word] == "("
            if exact:
                column = fold(found[word + 1])
                word = closing(found, word) + 1
            if found[word] in ("[", "."):
                first = word
                word = _element(source, word, write, exact)
                keys = source.markers_within(first, word)
                write.bindings.append(Binding(column, Operator.ELEMENT, keys))
            if found[word] != ",":
                break
        if found[word].lower() != "from":
            raise UnparsableError("FROM was expected")
    write.table, word = table_name(found, word + 1)
    if found[word].lower() == "using":
        write.using, word = using(source, word)
    return _where_and_if(source, word, write)


def _where_and_if(source: Source, word: int, write: _Write) -> int:
    word = where(source, word, write.bindings)
    if source.words[word].lower() == "if":
        write.condition, word = condition(source, word)
    return word
