"""What a log shows of a statement that nobody understands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.statements.showing import shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELEC * FROM t", "SELEC * FROM t"),
        ("INSERT INTO t VALUES ('a', 'it''s') ON", "INSERT INTO t VALUES ('...', '...') ON"),
        ("INSERT INTO t VALUES ('a", "INSERT INTO t VALUES ('...'"),
        ("FOO $$ it's $$ BAR $$x", "FOO '...' BAR '...'"),
        ("CREATE ROLL r WITH PASSWORD = 'x' AND LOGIN = true", "CREATE ROLL r WITH PASSWORD ..."),
        ("CREATE ROLE r WITH Password hunter2", "CREATE ROLE r WITH Password ..."),
        ('ALTER ROLE r WITH HASHED PASSWORD = "x"', "ALTER ROLE r WITH HASHED PASSWORD ..."),
        ("-- don't\nCREATE ROLL r WITH PASSWORD = 'x'", "-- don'...'"),
        ("CREATE USR r IDENTIFIED BY 'x'", "CREATE USR r IDENTIFIED BY '...'"),
    ],
)
def test_what_is_shown(text: str, expected: str) -> None:
    assert shown(text, 200) == expected


@given(st.text(), st.text(), st.text())
def test_nothing_that_follows_the_word_is_shown(before: str, after: str, again: str) -> None:
    assert shown(f"{before} password {after}", 1000) == shown(f"{before} password {again}", 1000)


@given(st.text(), st.integers(0, 20))
def test_it_is_short(text: str, length: int) -> None:
    assert len(shown(text, length)) <= length * 5 + 5
