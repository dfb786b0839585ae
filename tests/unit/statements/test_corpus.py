"""Every statement of the corpus is analysed as the corpus says, and so it is when it is written otherwise."""

from __future__ import annotations

import pytest

from cqlproxy.statements import Kind, Span, analyse
from tests.unit.statements.corpus import batches, definitions, reads, writes
from tests.unit.statements.corpus.batches import BatchCase
from tests.unit.statements.corpus.case import Case, case_of
from tests.unit.statements.corpus.dialects import NEWER, READ_GENEROUSLY, SCYLLADB

SINGLE = [*writes.CASES, *reads.CASES, *definitions.CASES]
UNDERSTOOD = [case for case in SINGLE if case.kind is not Kind.UNKNOWN]


def test_the_corpus_is_large_and_has_no_text_twice() -> None:
    texts = [case.text for case in SINGLE] + [case.whole.text for case in batches.CASES] + batches.NO_BATCHES
    assert len(texts) == len(set(texts)) >= 300


def test_what_cassandra_refuses_to_parse_is_in_the_corpus_and_understood() -> None:
    assert {case.text for case in UNDERSTOOD} >= SCYLLADB | NEWER | READ_GENEROUSLY


@pytest.mark.parametrize("case", SINGLE, ids=lambda case: case.text)
def test_statement(case: Case) -> None:
    statement = analyse(case.text)

    assert case_of(case.text, statement) == case
    assert statement.span == Span(0, len(case.text))
    assert statement.first_marker == 0
    assert statement.conditional == bool(case.condition)


@pytest.mark.parametrize("case", UNDERSTOOD, ids=lambda case: case.text)
def test_semicolons_and_comments_around_it_change_nothing(case: Case) -> None:
    text = f"/* a; */ {case.text}\n ; -- b"

    assert case_of(text, analyse(text)) == case._replace(text=text)


@pytest.mark.parametrize("case", UNDERSTOOD, ids=lambda case: case.text)
def test_a_second_statement_makes_it_unknown(case: Case) -> None:
    assert analyse(f"{case.text}\n; SELECT a FROM b").kind is Kind.UNKNOWN


@pytest.mark.parametrize("case", batches.CASES, ids=lambda case: case.whole.text)
def test_batch(case: BatchCase) -> None:
    text = case.whole.text
    batch = analyse(text)

    assert case_of(text, batch) == case.whole
    assert batch.batch is not None
    header = batch.batch
    assert (header.kind, text[header.span.start : header.span.end]) == (case.kind, case.header)
    assert header.markers == case.header.count("?")
    assert batch.conditional == any(inner.condition for _, inner in case.statements)
    found = []
    for inner in batch.statements:
        shown = case_of(text, inner)._replace(text=text[inner.span.start : inner.span.end])
        found.append((inner.first_marker, shown))
    assert tuple(found) == case.statements


@pytest.mark.parametrize("text", batches.NO_BATCHES)
def test_no_batch(text: str) -> None:
    assert analyse(text).kind is Kind.UNKNOWN
