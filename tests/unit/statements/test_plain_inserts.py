"""The short way of plain INSERTs says what the long one says, or nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqlproxy.statements import Kind, analyse, tenant_sources
from cqlproxy.statements.analysis import _analyse, _plain_inserts
from cqlproxy.statements.plain_values import MOST_COLUMNS, PlainValues

PLAIN = [
    "INSERT INTO ks.t (a, b) VALUES (1, 'x')",
    "insert into t (a) values (0x00ff)",
    'INSERT INTO "K s"."T" ("A", b) VALUES (null, true);',
    "INSERT INTO t(a,b,c,d)VALUES(1.5,'it''s so)',NaN,123e4567-e89b-12d3-a456-426614174000) ; ",
    "INSERT INTO t (a, b) VALUES ('12:05:00', 'a ? b')",
    "INSERT INTO /* into */ t (a) VALUES (1)",
    "INSERT INTO t (a, b, c, d) VALUES (-1, -1.5e-3, 1., -00)",
    "INSERT INTO t (a, b, c) VALUES\r\n\t(\n0X\t,\nINFINITY , 'now()')\n;\n",
    "INSERT INTO t (now, b) VALUES ('--', '/* uuid() */')",
    "INSERT INTO t (a, b) VALUES (FFFFFFFF-e89b-12d3-A456-426614174000, ':x ? :y')",
]


OTHERS = [
    "INSERT INTO t (a, b) VALUES ('it is (so)', 1)",
    "INSERT INTO t (a, b) VALUES (1)",
    "INSERT INTO t (a) VALUES (?)",
    "INSERT INTO t (a) VALUES (:a)",
    "INSERT INTO t (a) VALUES (now())",
    "INSERT INTO t (a) VALUES (--1)",
    "INSERT INTO t (a) VALUES (- 1)",
    "INSERT INTO t (a) VALUES (-0x00)",
    "INSERT INTO t (a) VALUES (-null)",
    "INSERT INTO t (a) VALUES (1 - 1)",
    "INSERT INTO t (a) VALUES (1h30m)",
    "INSERT INTO t (a) VALUES ($$x$$)",
    "INSERT INTO t (a) VALUES (\u0663)",
    "INSERT INTO t (a) VALUE\u017f (1)",
    "INSERT INTO t (a) VALUES (fal\u017fe)",
    "INSERT INTO t (a) -- columns\n VALUES /* here */ (1)",
    "INSERT INTO t (a) VALUES (1 /* one */)",
    "INSERT INTO t (a, a) VALUES (1, 2)",
    "\u0130NSERT INTO t (a) VALUES (1)",
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
    *("1", "-1", "--1", "1.", "1.5", "-1.5e-3", "1e", "1.e5", ".5", "00", "-", "+1", "1-1", "- 1", "\u0663"),
    *("0x", "0X0aF", "0xg", "-0x1", "1x", "12345678", "123456789012345678901234567890123456"),
    *("'x'", "'('", "')'", "''''", "','", "'it''s'", "'", "'--'", "'now()'", "$$x$$", "$$,$$", "$$"),
    *("123e4567-e89b-12d3-a456-426614174000", "ABCDEFAB-e89b-12d3-a456-426614174000", "12345678-1234"),
    *("-123e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456-4266141740001"),
    *(
        "null",
        "NULL",
        "true",
        "FALSE",
        "NaN",
        "-NaN",
        "infinity",
        "trues",
        "fal\u017fe",
        "1h30m",
        "P1Y",
        "-1h",
    ),
    *("?", ":n", "now()", "uuid ()", "(1)", "(int) 1", "[1]", "[]", "{}", "{'a': 1}", "x", '"q"', "", " "),
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


BLANKS = ["", " ", "\t\r\n", "\u00a0", " -- x\n", "/* ) */", "--"]
ENDS = ["", "", ";", " ; ", ";;", " IF NOT EXISTS", " USING TTL 5", " x", ")", "\u00a0"]
blank = st.one_of(st.just(""), st.just(" "), st.sampled_from(BLANKS))
value = st.one_of(st.sampled_from(["1", "'x'", "-2.5", "true"]), st.sampled_from(VALUES))
column = st.sampled_from(["a", "B", '"c"', '"d,"', '"e)"', "f", "g"])


@st.composite
def insert(draw: st.DrawFn) -> str:
    """What looks like a plain INSERT, and often is one."""
    columns = draw(st.lists(column, max_size=5, unique=draw(st.booleans())))
    most = len(columns) + draw(st.integers(0, 1))
    values = [
        draw(blank) + one + draw(blank) for one in draw(st.lists(value, min_size=len(columns), max_size=most))
    ]
    table = draw(st.sampled_from(["t", "ks.t", '"K"."T)"', "", "1"]))
    word = draw(st.sampled_from(["VALUES", "values", "VALUE\u017f", "VALUE"]))
    end = draw(st.sampled_from(ENDS))
    return (
        f"INSERT INTO {table} ({', '.join(columns)}){draw(blank)}{word}{draw(blank)}({','.join(values)}){end}"
    )


@given(insert())
@settings(max_examples=500)
def test_both_ways_agree_on_what_looks_like_one(text: str) -> None:
    assert analyse(text) == _analyse(text)


@given(insert(), st.frozensets(st.sampled_from(["a", "b", "c", "f", "d,", "z"])))
def test_the_sources_are_those_of_the_long_way(text: str, columns: frozenset[str]) -> None:
    assert tenant_sources(analyse(text), None, columns) == tenant_sources(_analyse(text), None, columns)


@given(st.lists(st.sampled_from(PIECES), max_size=16))
def test_both_ways_agree_on_any_words(pieces: list[str]) -> None:
    text = " ".join(["INSERT", *pieces])
    assert analyse(text) == _analyse(text)


@pytest.mark.parametrize("columns", [1, 2, MOST_COLUMNS, MOST_COLUMNS + 1])
def test_both_ways_agree_on_many_columns(columns: int) -> None:
    names = [f"c{number}" for number in range(columns)]
    values = [f"'{number}'" for number in range(columns)]
    text = f"INSERT INTO t ({', '.join(names)}) VALUES ({', '.join(values)})"
    assert analyse(text) == _analyse(text)
    assert tenant_sources(analyse(text), None, frozenset(names)) == tenant_sources(_analyse(text))
    assert (_plain_inserts.statement(text) is not None) == (columns <= MOST_COLUMNS)


def test_bindings_are_those_of_a_tuple() -> None:
    text = "INSERT INTO t (a, b, c) VALUES (1, 'x', -2)"
    short, long = analyse(text).bindings, _analyse(text).bindings
    assert isinstance(short, PlainValues)
    assert isinstance(long, tuple)
    assert len(short) == 3
    assert list(short) == list(long)
    assert short[1] == long[1]
    assert short[1:] == long[1:]
    assert long == short
    assert short == analyse(text).bindings
    assert short != long[1:]
    assert hash(short) == hash(long)
    assert repr(short) == repr(long)


def test_a_text_that_is_none_takes_no_longer_than_its_length() -> None:
    # Minutes, if the expression tried again from each of its places.
    columns = ", ".join(f"c{place}" for place in range(200))
    text = f"INSERT INTO t ({columns}) VALUES (" + " " * 9000 + "'', " * 199 + "x)"
    for _ in range(100):
        assert _plain_inserts.statement(text) is None
