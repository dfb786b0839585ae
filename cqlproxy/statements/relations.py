"""The relations of a WHERE or IF clause: which column is compared with which terms."""

from __future__ import annotations

from itertools import repeat
from typing import Final

from cqlproxy.statements.analysed_text import Source, new
from cqlproxy.statements.lexer import UnparsableError, fold, is_name
from cqlproxy.statements.statement import Binding, Condition, Expression, Literal, Operator, Term
from cqlproxy.statements.terms import INTEGER, WORK_OF_A_TERM, closing, constants, listed, term

_WORK_OF_A_CLAUSE: Final = 2500
_WORK_OF_AN_EQUALITY: Final = 700
_WORK_OF_A_RELATION: Final = 2000
_WORK_OF_A_BRACKET: Final = 700
_WORK_OF_A_ROW: Final = 1500
_WORK_OF_A_COLUMN: Final = 1500
_EQ: Final = Operator.EQ
_AFTER_VALUE: Final = frozenset([",", ")"])
_COMPARISONS: Final = frozenset(["=", "<", ">", "<=", ">=", "!="])


def where(source: Source, word: int, bindings: list[Binding]) -> int:
    """Reads the clause at the word WHERE, adds what it binds, and gives the word after it."""
    if source.words[word].lower() != "where":
        raise UnparsableError("WHERE was expected")
    return _relations(source, word + 1, bindings)


def condition(source: Source, word: int) -> tuple[Condition, int]:
    """The clause at the word IF, and the word after it."""
    found = source.words
    source.spend(_WORK_OF_A_CLAUSE)
    following = found[word + 1].lower()
    if following == "exists" and not _compares(found[word + 2]):
        end = word + 2
    elif following == "not" and found[word + 2].lower() == "exists":
        end = word + 3
    else:
        end = _relations(source, word + 1, [])
    markers = tuple(marker.index for marker in source.markers_within(word, end))
    return Condition(source.span(word, end), markers), end


def _compares(token: str) -> bool:
    return token in _COMPARISONS or token.lower() in ("in", "contains", "like", "is", "[", ".")


def _relations(source: Source, word: int, bindings: list[Binding]) -> int:
    found = source.words
    grouped = 0
    while True:
        while found[word] == "(" and not _is_column_tuple(found, word):
            source.spend(_WORK_OF_A_BRACKET)
            grouped += 1
            word += 1
        if found[word + 1] == "=":
            column = fold(found[word])
            value, word = term(source, word + 2)
            bindings.append(new(Binding, (column, _EQ, (value,))))
            source.spend(_WORK_OF_AN_EQUALITY)
        else:
            word = _relation(source, word, bindings)
        while grouped and found[word] == ")":
            grouped -= 1
            word += 1
        if found[word].lower() != "and":
            break
        word += 1
    if grouped:
        raise UnparsableError("a bracket is not closed")
    return word


def _is_column_tuple(found: list[str], word: int) -> bool:
    return found[word + 1] == ")" or (is_name(found[word + 1]) and found[word + 2] in (",", ")"))


def _relation(source: Source, word: int, bindings: list[Binding]) -> int:
    found = source.words
    source.spend(_WORK_OF_A_RELATION)
    if found[word] == "(":
        end = closing(found, word)
        source.spend(_WORK_OF_A_COLUMN * (end - word) // 2)
        return _tuple_relation(source, [fold(name) for name in found[word + 1 : end : 2]], end + 1, bindings)
    column = fold(found[word])
    word += 1
    operator = found[word]
    if operator == "(":
        # token(...) or an index expression: no column of its own is compared.
        word = closing(found, word) + 1
        return _comparison(source, column, word, []) if _compares(found[word]) else word
    if operator not in ("[", "."):
        return _comparison(source, column, word, bindings)
    first = word
    while found[word] in ("[", "."):
        word = closing(found, word) + 1 if found[word] == "[" else word + 2
    inside: list[Binding] = []
    end = _comparison(source, column, word, inside)
    keys = tuple(source.markers_within(first, word))
    terms = tuple(value for binding in inside for value in binding.terms)
    bindings.append(Binding(column, Operator.ELEMENT, (*keys, *terms)))
    return end


def _comparison(source: Source, column: str, word: int, bindings: list[Binding]) -> int:
    found = source.words
    operator = found[word].lower()
    word += 1
    if operator == "not":
        negated = found[word].lower()
        if negated not in ("in", "contains"):
            raise UnparsableError("an operator was expected")
        value, word = _right_side(source, word + (2 if found[word + 1].lower() == "key" else 1))
        bindings.append(Binding(column, Operator.OTHER, value))
        return word
    if operator == "in":
        if found[word] == "(" and not _is_hinted_marker(source, word):
            terms, word = _terms(source, word)
            bindings.append(Binding(column, Operator.IN, terms))
            return word
        value, word = _right_side(source, word)
        bindings.append(Binding(column, Operator.IN_LIST, value))
        return word
    if operator == "is":
        if found[word].lower() == "not":
            word += 1
        if found[word].lower() != "null":
            raise UnparsableError("NULL was expected")
        return word + 1
    if operator == "contains":
        if found[word].lower() == "key":
            word += 1
    elif operator == "between":
        low, word = term(source, word)
        if found[word].lower() != "and":
            raise UnparsableError("AND was expected")
        high, word = term(source, word + 1)
        bindings.append(Binding(column, Operator.OTHER, (low, high)))
        return word
    elif operator != "like" and operator not in _COMPARISONS:
        raise UnparsableError("an operator was expected")
    value, word = _right_side(source, word)
    bindings.append(Binding(column, Operator.EQ if operator == "=" else Operator.OTHER, value))
    return word


def _right_side(source: Source, word: int) -> tuple[tuple[Term, ...], int]:
    value, word = term(source, word)
    return (value,), word


def _is_hinted_marker(source: Source, word: int) -> bool:
    # IN (list<int>) ? has a type before a list marker, IN (?) has a list of terms.
    return closing(source.words, word) + 1 in source.markers


def _terms(source: Source, word: int) -> tuple[tuple[Term, ...], int]:
    found = source.words
    terms: list[Term] = []
    if found[word + 1] == ")":
        return (), word + 2
    tokens, end = listed(found, word)
    if tokens:
        try:
            return tuple(constants(source, word + 1, tokens)), end + 1
        except UnparsableError:
            pass  # something that is no constant, which is read word by word below
    while True:
        source.spend(WORK_OF_A_TERM)
        if found[word + 1] == "-" and found[word + 3] in _AFTER_VALUE and found[word + 2].isdigit():
            terms.append(new(Literal, (INTEGER, "-" + found[word + 2])))
            word += 3
        else:
            value, word = term(source, word + 1)
            terms.append(value)
        if found[word] == ")":
            return tuple(terms), word + 1
        if found[word] != ",":
            raise UnparsableError("a comma or a bracket was expected")


def _tuple_relation(source: Source, columns: list[str], word: int, bindings: list[Binding]) -> int:
    found = source.words
    source.spend(_WORK_OF_A_RELATION)
    operator = found[word].lower()
    value = word + 1
    kind = Operator.IN if operator == "in" else Operator.EQ if operator == "=" else Operator.OTHER
    if kind is not Operator.OTHER and found[value] == "(" and not _is_hinted_marker(source, value):
        if kind is Operator.IN:
            plain, end = _plain_rows(source, value, len(columns))
            if plain:
                bindings.extend(map(new, repeat(Binding), zip(columns, repeat(kind), plain, strict=False)))
                return end
        rows, end = _rows(source, value) if kind is Operator.IN else _one_row(source, value)
        if all(row is not None and len(row) == len(columns) for row in rows):
            for place, name in enumerate(columns):
                terms = tuple(row[place] for row in rows if row is not None)
                bindings.append(Binding(name, kind, terms))
            return end
    else:
        end = _comparison(source, "", word, [])
    whole = Expression(source.markers_within(value, end))
    bindings.extend(Binding(name, kind, (whole,)) for name in columns)
    return end


def _one_row(source: Source, word: int) -> tuple[list[tuple[Term, ...] | None], int]:
    row, end = _terms(source, word)
    return [row], end


def _plain_rows(source: Source, word: int, width: int) -> tuple[list[tuple[Term, ...]], int]:
    """What each of ``width`` columns has in rows of single words: empty when some are not; the word after."""
    found = source.words
    first, end = word + 1, closing(found, word)
    step = 2 * width + 2  # ( and ) and , for each row, and between its values
    rows, rest = divmod(end - first + 1, step)
    if (
        rest
        or found[first:end:step].count("(") != rows
        or found[first + step - 2 : end : step].count(")") != rows
        or found[first + step - 1 : end : step].count(",") != rows - 1
        or any(found[first + 2 * place : end : step].count(",") != rows for place in range(1, width))
    ):
        return [], end
    try:
        return [
            tuple(constants(source, at, found[at:end:step], step))
            for at in range(first + 1, first + 1 + 2 * width, 2)
        ], end + 1
    except UnparsableError:
        return [], end


def _rows(source: Source, word: int) -> tuple[list[tuple[Term, ...] | None], int]:
    """The rows of ``((...), (...))``, None for one that is not written out; and the word after them."""
    found = source.words
    rows: list[tuple[Term, ...] | None] = []
    if found[word + 1] == ")":
        return rows, word + 2
    while True:
        row: tuple[Term, ...] | None = None
        if found[word + 1] == "(":
            row, word = _terms(source, word + 1)
        else:
            _, word = term(source, word + 1)
        rows.append(row)
        source.spend(_WORK_OF_A_ROW)
        if found[word] == ")":
            return rows, word + 1
        if found[word] != ",":
            raise UnparsableError("a comma or a bracket was expected")
