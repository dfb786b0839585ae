"""In long batches statements of one form are analysed in bulk: each as it is analysed alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.statements import Expression, Kind, Marker, Statement, Term, analyse
from tests.unit.statements.corpus import writes
from tests.unit.statements.corpus.case import Case, case_of

FORMS = [
    "INSERT INTO t (a, b) VALUES ({0}, '{0}')",
    "INSERT INTO t (a, b) VALUES (?, {0})",
    "INSERT INTO t (a, b) VALUES ({0}, ?)",
    "INSERT INTO t (a, b) VALUES (null, 550e8400-e29b-41d4-a716-44665544000{0})",
    "INSERT INTO t (a, b) VALUES (true, dd0e8400-e29b-41d4-a716-44665544000{0})",
    "INSERT INTO t (a, b) VALUES ({0}, abc)",
    "INSERT INTO t (a, b) VALUES ({0}, -1)",
    "INSERT INTO t (a, b) VALUES ({0}, now())",
    "INSERT INTO t (a, b) VALUES ({0}, :x)",
    "INSERT INTO t{0} (a, b) VALUES (1, 2)",
    "INSERT INTO t (a, b) VALUES ({0}, 2) IF NOT EXISTS",
    "INSERT INTO t (a, b) VALUES ({0}, 2) USING TTL {0}",
    "INSERT INTO t JSON '{0}'",
    "UPDATE t SET a = {0} WHERE k = ?",
    "UPDATE t SET a = 'x' WHERE k = {0}",
    "UPDATE t SET a = a + {0} WHERE k = 1",
    "UPDATE t SET a = 'WHERE' WHERE k = 1",
    "UPDATE t SET m['{0}'] = {0} WHERE k = 1",
    "UPDATE t SET l[{0}] = {0} WHERE k = 1",
    "UPDATE t SET a = {0} WHERE k = {0} IF a = {0}",
    "DELETE FROM t WHERE k = {0}",
    "DELETE FROM t WHERE k = $${0}$$",
    "DELETE FROM t WHERE k = ?",
    "DELETE FROM t WHERE (a, b) = ({0}, ?)",
    "DELETE FROM t WHERE k IN ({0}, 2)",
    "DELETE FROM t WHERE token(k) > {0} AND k = 1",
    "DELETE FROM t WHERE k > {0} AND k <= {0}",
    "delete from t where k = {0}",
]
statements = st.tuples(st.sampled_from(FORMS), st.integers(0, 9)).map(lambda one: one[0].format(one[1]))
runs = st.tuples(st.sampled_from(FORMS), st.integers(1, 12)).map(
    lambda one: [one[0].format(at % 10) for at in range(one[1])]
)
texts = st.lists(st.one_of(runs, statements.map(lambda one: [one]), st.lists(statements)), max_size=6).map(
    lambda parts: [text for part in parts for text in part]
)


def moved(term: Term, by: int) -> Term:
    if isinstance(term, Marker):
        return Marker(term.index + by, term.name)
    if isinstance(term, Expression):
        return Expression(tuple(Marker(marker.index + by, marker.name) for marker in term.markers))
    return term


def but_for_markers(case: Case) -> Case:
    return case._replace(text="", bindings="", condition_markers=(), document="")


def alone(text: str) -> Statement:
    return analyse(text)


def assert_as_alone(batch_text: str, written: list[str]) -> None:
    batch = analyse(batch_text)
    if any(alone(one).kind is Kind.UNKNOWN for one in written):
        assert batch.kind is Kind.UNKNOWN
        return
    assert batch.kind is Kind.BATCH
    assert len(batch.statements) == len(written)
    before = 0
    for inner, one in zip(batch.statements, written, strict=True):
        by_itself = alone(one)
        assert batch_text[inner.span.start : inner.span.end] == one
        assert (inner.first_marker, inner.markers) == (before, by_itself.markers)
        for binding, expected in zip(inner.bindings, by_itself.bindings, strict=True):
            assert (binding.column, binding.operator) == (expected.column, expected.operator)
            assert [moved(term, -before) for term in binding.terms] == list(expected.terms)
        assert but_for_markers(case_of(batch_text, inner)) == but_for_markers(case_of(one, by_itself))
        if by_itself.json_document is not None:
            assert inner.json_document is not None
            assert moved(inner.json_document, -before) == by_itself.json_document
        before += by_itself.markers
    assert batch.markers == before


@given(
    written=texts, separator=st.sampled_from([";", " ", "\n", " ; ", ";\n", "; -- a\n", "; /* UPDATE */ "])
)
def test_each_is_as_it_is_alone(written: list[str], separator: str) -> None:
    assert_as_alone("BEGIN BATCH " + "".join(one + separator for one in written) + "APPLY BATCH", written)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("separator", [";", " "])
def test_a_long_run(form: str, separator: str) -> None:
    written = [form.format(at % 10) for at in range(1000)]

    assert_as_alone("BEGIN BATCH " + separator.join(written) + " APPLY BATCH", written)


@pytest.mark.parametrize("last", [" IF NOT EXISTS", " USING TTL 5"])
@pytest.mark.parametrize("separator", [";", " "])
def test_the_last_of_a_run_has_more(last: str, separator: str) -> None:
    written = [*["INSERT INTO t (a) VALUES (1)"] * 9, "INSERT INTO t (a) VALUES (1)" + last] * 2

    assert_as_alone("BEGIN BATCH " + separator.join(written) + " APPLY BATCH", written)


@pytest.mark.parametrize(
    "text",
    [
        case.text.strip(" ;\r\n\t")
        for case in writes.CASES
        if case.kind is Kind.MUTATION and "--" not in case.text
    ],
)
def test_a_run_of_a_statement_of_the_corpus(text: str) -> None:
    assert_as_alone("BEGIN BATCH " + f"{text};" * 7 + " APPLY BATCH", [text] * 7)


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO t (a) VALUES ('; DELETE FROM u WHERE k = 1;')",
        'UPDATE t SET "DELETE" = 1 WHERE k = 1',
        "DELETE /* INSERT */ FROM t WHERE k = 1",
        "DELETE FROM t WHERE k = $$ UPDATE $$",
        "INSERT INTO t (a) VALUES ('\u00e9DELETE')",
    ],
)
def test_verbs_that_are_none(text: str) -> None:
    assert_as_alone("BEGIN BATCH " + f"{text}; " * 5 + "APPLY BATCH", [text] * 5)
