"""The parts that statements share: names, constants and other terms, brackets, lists."""

from __future__ import annotations

import re
from itertools import repeat
from typing import Final

from cqlproxy.statements.analysed_text import BRACKETS, CLOSING, OPENING, Source, new
from cqlproxy.statements.lexer import UnparsableError, fold, is_name, unquote
from cqlproxy.statements.statement import (
    Expression,
    Literal,
    LiteralKind,
    TableName,
    Term,
)

_ARITHMETIC: Final = frozenset("+-*/%")
_CONSTANTS: Final = {
    "true": LiteralKind.BOOLEAN,
    "false": LiteralKind.BOOLEAN,
    "null": LiteralKind.NULL,
    "nan": LiteralKind.FLOAT,
    "infinity": LiteralKind.FLOAT,
}
_DIGITS: Final = frozenset("0123456789")
_MANY: Final = 1000
_STRETCH: Final = 64
_PERIOD: Final = frozenset("pP")
# Reserved words of the grammar that can follow a term: none of them starts another one.
_AFTER_TERM: Final = frozenset(
    {"and", "if", "order", "limit", "allow", "using", "where", "set", "from", "into", "or", "by", "in", "is"}
    | {"insert", "update", "delete", "apply"}
)
_FLOAT: Final = re.compile(r"[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?")
_DURATION: Final = re.compile(
    r"(?:[0-9]+(?:mo|ms|us|ns|\u00b5s|\u03bcs|[ywdhms]))+"
    r"|p(?:[0-9]+[ymdw])*(?:t(?:[0-9]+[hms])*)?"
    r"|p[0-9]{4}-[0-9]{2}-[0-9]{2}t[0-9]{2}:[0-9]{2}:[0-9]{2}",
    re.IGNORECASE,
)

WORK_OF_A_TERM: Final = 1000
_WORK_OF_AN_OPERATOR: Final = 150
_WORK_OF_A_SELECTION: Final = 300
_WORK_OF_A_CONSTANT: Final = 200

STRING: Final = LiteralKind.STRING
INTEGER: Final = LiteralKind.INTEGER
_UUID: Final = LiteralKind.UUID
_BLOB: Final = LiteralKind.BLOB
_A_DURATION: Final = LiteralKind.DURATION
_FLOATING: Final = LiteralKind.FLOAT

_OPAQUE: Final = Expression(())


def table_name(found: list[str], word: int) -> tuple[TableName, int]:
    """A table's name, qualified or not, and the word after it."""
    first = fold(found[word])
    if found[word + 1] == ".":
        return new(TableName, (first, fold(found[word + 2]))), word + 3
    return new(TableName, (None, first)), word + 1


def closing(found: list[str], word: int) -> int:
    """The word that closes the bracket at ``word``."""
    if found[word + 1] in CLOSING:
        return word + 1
    if found[word + 2] in CLOSING and found[word + 1] not in OPENING:
        return word + 2
    depth = 0
    for start in range(word, len(found), _STRETCH):
        for end, token in enumerate(found[start : start + _STRETCH], start):
            if token in BRACKETS:
                depth += 1 if token in OPENING else -1
                if not depth:
                    return end
    raise UnparsableError("a bracket is not closed")


def constant(token: str) -> Literal:
    """The literal that a single word is. Raises UnparsableError when it is none."""
    first = token[:1]
    if first in _DIGITS:
        if token.isdigit():
            return new(Literal, (INTEGER, token))
        if len(token) == 36 and token[8] == "-":
            return new(Literal, (_UUID, token.lower()))
        if token[1] in "xX":
            return new(Literal, (_BLOB, token))
        # A number ends with a digit or a dot, and a duration with its last unit.
        if token[-1] in _DIGITS or token[-1] == ".":
            if token.replace(".", "", 1).isdigit() or _FLOAT.fullmatch(token):
                return new(Literal, (_FLOATING, token))
        elif _DURATION.fullmatch(token):
            return new(Literal, (_A_DURATION, token))
    elif first == "'" or token[:2] == "$$":
        return new(Literal, (STRING, unquote(token)))
    else:
        kind = _CONSTANTS.get(token.lower())
        if kind is not None:
            return new(Literal, (kind, token))
        if len(token) == 36 and token[8] == "-":
            return new(Literal, (_UUID, token.lower()))
        if first in _PERIOD and len(token) > 2 and _DURATION.fullmatch(token):
            return new(Literal, (_A_DURATION, token))
    raise UnparsableError("a constant was expected")


def is_constant(token: str) -> bool:
    """Whether a single word is a literal."""
    first = token[:1]
    if is_name(token) and token.lower() not in _CONSTANTS and first not in _PERIOD:
        return False
    try:
        constant(token)
    except UnparsableError:
        return False
    return True


def constants(source: Source, word: int, tokens: list[str], step: int = 2) -> list[Term]:
    """The terms that single words are, constants and ? markers: from ``word`` on one after ``step`` words.

    Raises UnparsableError when one of them is no such term.
    """
    # Hot path: plain INSERTs never repeat, so no cache spares them, and lists can have 100,000s of values.
    if len(tokens) > _MANY:
        # So many words in a text of any bearable length are short, and most of them the same.
        different = set(tokens)
        if "?" not in different and len(different) < len(tokens) // 2:
            by_token = {token: constant(token) for token in different}
            return [by_token[token] for token in tokens]
        source.spend(_WORK_OF_A_CONSTANT * len(tokens))
        joined = "".join(tokens)
        if joined.isdigit() and joined.isascii():
            return list(map(new, repeat(Literal), zip(repeat(INTEGER), tokens, strict=False)))
    if "?" not in tokens:
        return literals(tokens)
    markers = source.markers
    return [
        markers[word + step * place] if token == "?" else literals([token])[0]
        for place, token in enumerate(tokens)
    ]


def literals(tokens: list[str]) -> list[Term]:
    """The literals that single words are. Raises UnparsableError when one of them is none."""
    # Hot path, as above.
    found: list[Term] = []
    for token in tokens:
        if token[0] == "'":
            text = token[1:-1]
            found.append(new(Literal, (STRING, text.replace("''", "'") if "'" in text else text)))
        elif token.isdigit():
            found.append(new(Literal, (INTEGER, token)))
        elif len(token) == 36 and token[8] == "-":
            found.append(new(Literal, (_UUID, token.lower())))
        else:
            found.append(constant(token))
    return found


def listed(found: list[str], word: int) -> tuple[list[str], int]:
    """The words of a list, and the bracket that closes it; ``word`` is the one that opens it.

    None of them when the list holds anything but single words with commas between them.
    """
    end = found.index(")", word)
    tokens = found[word + 1 : end : 2]
    count = len(tokens)
    if end - word == 2 * count and found[word + 2 : end : 2].count(",") == count - 1:
        return tokens, end
    return [], end


def term(source: Source, word: int) -> tuple[Term, int]:
    """The term at ``word`` and the word after it."""
    found = source.words
    token = found[word]
    value: Term
    if token[:1] == "'":
        value, end = new(Literal, (STRING, unquote(token))), word + 1
    elif token.isdigit():
        value, end = new(Literal, (INTEGER, token)), word + 1
    elif token == "?":
        value, end = source.markers[word], word + 1
    elif token == "-" and found[word + 1].isdigit():
        value, end = new(Literal, (INTEGER, "-" + found[word + 1])), word + 2
    else:
        value, end = _operand(source, word)
    if found[end] not in _ARITHMETIC:
        return value, end
    while found[end] in _ARITHMETIC:
        source.spend(_WORK_OF_AN_OPERATOR)
        if found[end + 1].isdigit():
            end += 2
        else:
            _, end = _operand(source, end + 1)
    return new(Expression, (source.markers_within(word, end),)), end


def _operand(source: Source, word: int) -> tuple[Term, int]:
    source.spend(WORK_OF_A_TERM)
    found = source.words
    first = word
    if found[word + 1] == "(" and is_name(found[word]) and found[word].lower() not in _AFTER_TERM:
        end = word + 3 if found[word + 2] == ")" else closing(found, word + 1) + 1
        return _postfix(source, first, end)
    while True:
        token = found[word]
        if token == "-":
            word += 1
        elif token == "(":
            end = closing(found, word) + 1
            source.spend(WORK_OF_A_TERM)
            # A bracket directly before another operand is a type hint: (int) ?
            if not _starts_operand(found, end):
                return _postfix(source, first, end)
            word = end
        else:
            break
    marker = source.markers.get(word)
    if marker is not None:
        end = word + (1 if token == "?" else 2)
        negated = word > first and found[word - 1] == "-"
        return (Expression((marker,)) if negated else marker), end
    if token in OPENING:
        return _postfix(source, first, closing(found, word) + 1)
    if token[:1] == '"' or (is_name(token) and (found[word + 1] in ("(", ".") or not is_constant(token))):
        if token.lower() in _AFTER_TERM:
            raise UnparsableError("a term was expected")
        end = word + 1
        if found[end] == "." and is_name(found[end + 1]):
            end += 2
        if found[end] == "(":
            end = closing(found, end) + 1
        return _postfix(source, first, end)
    literal = constant(token)
    minus = found[first:word].count("-")
    if minus:
        literal = Literal(literal.kind, "-" * (minus % 2) + literal.text)
    return literal, word + 1


def _postfix(source: Source, first: int, end: int) -> tuple[Expression, int]:
    found = source.words
    while True:
        source.spend(_WORK_OF_A_SELECTION)
        if found[end] == "[":
            end = closing(found, end) + 1
        elif found[end] == "." and is_name(found[end + 1]):
            end += 2
        else:
            markers = source.markers_within(first, end)
            return new(Expression, (markers,)) if markers else _OPAQUE, end


def _starts_operand(found: list[str], word: int) -> bool:
    token = found[word]
    if token in ("?", ":") or token in OPENING or token[:1] in ("'", "$") or token[:1].isdigit():
        return True
    if len(token) == 36 and token[8] == "-":
        return True
    if not is_name(token) or token.lower() in _AFTER_TERM:
        return False
    return found[word + 1] == "(" or token.lower() in _CONSTANTS
