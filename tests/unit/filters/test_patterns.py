"""Which tables a pattern means."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters import Reason, TablePatterns, Verdict, table_pattern


def held_by(pattern: str, keyspace: str | None, table: str) -> Verdict | None:
    return TablePatterns([table_pattern(pattern)]).find(keyspace, table)


@pytest.mark.parametrize(
    ("pattern", "keyspace", "table", "held"),
    [
        ("ks.t", "ks", "t", True),
        ("ks.t", "ks", "tt", False),
        ("ks.t", "kss", "t", False),
        ("ks.t", "k", "s.t", False),
        ("Ks.T", "ks", "t", True),
        ("Ks.T", "Ks", "T", False),
        ("*.migrations", "ks", "migrations", True),
        ("*.migrations", "other", "migrations", True),
        ("*.migrations", "ks", "schema_migrations", False),
        ("*.migrations", "ks", "migrations_old", False),
        ("*.migrations", "ks", "x.migrations", False),
        ("*.migrations", "ks", "Migrations", False),
        ("*.Migrations", "ks", "migrations", True),
        ("*.migrations", "migrations", "t", False),
        ("ks.*", "ks", "t", True),
        ("ks.*", "ks", "Mixed Case", True),
        ("ks.*", "ks2", "t", False),
        ("*.*", "a", "b", True),
        ("ks.tmp_*", "ks", "tmp_1", True),
        ("ks.tmp_*", "ks", "tmp_", True),
        ("ks.tmp_*", "ks", "tmp", False),
        ("ks.tmp_*", "ks", "atmp_1", False),
        ("*_test.t?", "a_test", "t1", True),
        ("*_test.t?", "a_test", "t12", False),
        ("ks.t[0-9]", "ks", "t5", True),
        ("ks.t[0-9]", "ks", "ta", False),
        ("ks.t[!0-9]", "ks", "ta", True),
        ("ks.t[!0-9]", "ks", "t5", False),
        ('"MyKs".t', "MyKs", "t", True),
        ('"MyKs".t', "myks", "t", False),
        ('"MyKs"."T"', "MyKs", "T", True),
        ('*."T"', "any", "T", True),
        ('*."T"', "any", "t", False),
        ('"a.b"."c""d"', "a.b", 'c"d', True),
        ('ks."*"', "ks", "*", True),
        ('ks."*"', "ks", "t", False),
        ("ks.t_1", "ks", "tx1", False),
    ],
)
def test_pattern(pattern: str, keyspace: str, table: str, held: bool) -> None:
    expected = Verdict(False, Reason.TABLE, pattern) if held else None
    assert held_by(pattern, keyspace, table) == expected


@pytest.mark.parametrize(
    ("pattern", "table", "reason"),
    [
        ("*.t", "t", Reason.TABLE),
        ("*.t*", "t1", Reason.TABLE),
        ("*.t", "u", None),
        ("ks.t", "t", Reason.KEYSPACE_UNKNOWN),
        ("k*.t", "t", Reason.KEYSPACE_UNKNOWN),
        ("ks.*", "anything", Reason.KEYSPACE_UNKNOWN),
        ('"K".t?', "t1", Reason.KEYSPACE_UNKNOWN),
        ("ks.t", "u", None),
    ],
)
def test_a_keyspace_that_is_not_known(pattern: str, table: str, reason: Reason | None) -> None:
    held = held_by(pattern, None, table)
    assert held == (None if reason is None else Verdict(False, reason, pattern))


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (
            "migrations",
            "'migrations' is not of the form keyspace.table; for the table in any keyspace write '*.migr",
        ),
        ("*", "'*' is not of the form keyspace.table"),
        ("", "'' is not of the form keyspace.table"),
        ("ks.", "one dot between two names"),
        (".t", "one dot between two names"),
        ("a.b.c", "one dot between two names"),
        ("a..b", "one dot between two names"),
        ('"a.b', "a double quote that is not closed"),
        ('a."b', "a double quote that is not closed"),
        ('"a"b.c', "one dot between two names"),
        ('"".t', "has an empty name in it"),
        ("my ks.t", "'my ks' is neither a name nor a pattern of one"),
        ("ks.t-1", "'t-1' is neither a name nor a pattern of one"),
        ("ks.t[", "'t[' is neither a name nor a pattern of one"),
        ("ks.[]", "'[]' is neither a name nor a pattern of one"),
        ("ks. t", "' t' is neither a name nor a pattern of one"),
        ("ks.t\n", "is neither a name nor a pattern of one"),
    ],
)
def test_what_is_no_pattern(pattern: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        table_pattern(pattern)


parts = st.one_of(st.sampled_from(["a", "ab", "b", "*", "a*", "*b", "?", "[ab]*", "[!a]"]))
names = st.text(alphabet="abc", min_size=1, max_size=3)


@given(patterns=st.lists(st.tuples(parts, parts)), keyspace=st.one_of(st.none(), names), table=names)
def test_many_patterns_hold_what_one_of_them_does(
    patterns: list[tuple[str, str]], keyspace: str | None, table: str
) -> None:
    every = TablePatterns([table_pattern(f"{of_keyspace}.{of_table}") for of_keyspace, of_table in patterns])

    of_tables = [of_keyspace for of_keyspace, of_table in patterns if fnmatchcase(table, of_table)]
    if keyspace is not None:
        sure = any(fnmatchcase(keyspace, of_keyspace) for of_keyspace in of_tables)
    else:
        sure = "*" in of_tables
    expected = Reason.TABLE if sure else None
    if keyspace is None and of_tables and not sure:
        expected = Reason.KEYSPACE_UNKNOWN

    held = every.find(keyspace, table)
    assert (None if held is None else held.reason) == expected
