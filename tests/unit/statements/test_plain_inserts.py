"""The short way of plain INSERTs says what the long one says, or nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.statements import Kind, analyse
from cqlproxy.statements.analysis import _analyse, _plain_inserts

PLAIN = [
    "INSERT INTO ks.t (a, b) VALUES (1, 'x')",
    "insert into t (a) values (0x00ff)",
    'INSERT INTO "K s"."T" ("A", b) VALUES (null, true);',
    "INSERT INTO t(a,b,c,d)VALUES(1.5,'it''s so)',NaN,123e4567-e89b-12d3-a456-426614174000) ; ",
    "INSERT INTO t (a, b) VALUES ('12:05:00', 'a ? b')",
    "INSERT INTO /* into */ t (a) -- columns\n VALUES /* here */ (1)",
    "INSERT INTO t (a) VALUES (1h30m)",
]


OTHERS = [
    "INSERT INTO t (a, b) VALUES ('it is (so)', 1)",
    "INSERT INTO t (a, b) VALUES (1)",
    "INSERT INTO t (a) VALUES (?)",
    "INSERT INTO t (a) VALUES (:a)",
    "INSERT INTO t (a) VALUES (now())",
    "INSERT INTO t (a) VALUES (-1)",
    "INSERT INTO t (a) VALUES ([1, 2])",
    "INSERT INTO t (a) VALUES ({'a': 1})",
    "INSERT INTO t (a) VALUES ((int) 1)",
    "INSERT INTO t (a) VALUES (1) IF NOT EXISTS",
    "INSERT INTO t (a) VALUES (1) USING TTL 5",
    "INSERT INTO t (a) VALUES (1); INSERT INTO t (a) VALUES (2)",
    "INSERT INTO t (a) VALUES (1);;",
    "INSERT INTO t (a) VALUES (1",
    "INSERT INTO t (a) VALUES ('1)",
    "INSERT INTO t (a) VALUES (1) x)",
    "INSERT INTO t (a) VALUES (word)",
    "INSERT INTO t () VALUES (1)",
    "INSERT INTO t JSON '{\"a\": 1}'",
    "INSERT INTO t JSON '(x)'",
    'INSERT INTO t ("a)", b) VALUES (1, 2)',
    "INSERT INTO t (a -- b)\n, c) VALUES (1, 2)",
    "INSERT INTO t (a /* b) */) VALUES (1)",
    "INSERT t (a) VALUES (1)",
    "INSERT",
    "",
    "UPDATE t SET a = 1 WHERE b IN (1)",
]


@pytest.mark.parametrize("text", PLAIN)
def test_plain_inserts_take_it(text: str) -> None:
    for _ in range(2):
        found = _plain_inserts.statement(text)
        assert found is not None
        assert found == _analyse(text)
        assert found.kind is Kind.MUTATION


@pytest.mark.parametrize("text", OTHERS)
def test_whatever_else_is_analysed_as_ever(text: str) -> None:
    for _ in range(2):
        assert analyse(text) == _analyse(text)


VALUES = [
    "1",
    "'x'",
    "'('",
    "')'",
    "''''",
    "?",
    ":n",
    "-1",
    "now()",
    "(1)",
    "[1]",
    "{}",
    "null",
    "x",
    "1.",
    '"q"',
    "",
]
PIECES = [
    "INSERT",
    "INTO",
    "t",
    "ks.t",
    "(",
    ")",
    ",",
    "VALUES",
    ";",
    "'",
    '"',
    "--",
    "/*",
    "*/",
    "\n",
    *VALUES,
]


@given(
    st.lists(st.sampled_from(["a", "B", '"c"', '"d,"', '"e)"', "f"]), max_size=4),
    st.lists(st.sampled_from(VALUES), max_size=4),
    st.sampled_from(["", ";", " ; ", " IF NOT EXISTS", " x", ")"]),
)
def test_both_ways_agree_on_what_looks_like_one(columns: list[str], values: list[str], end: str) -> None:
    text = f"INSERT INTO t ({', '.join(columns)}) VALUES ({', '.join(values)}){end}"
    assert analyse(text) == _analyse(text)


@given(st.lists(st.sampled_from(PIECES), max_size=16))
def test_both_ways_agree_on_any_words(pieces: list[str]) -> None:
    text = " ".join(["INSERT", *pieces])
    assert analyse(text) == _analyse(text)
