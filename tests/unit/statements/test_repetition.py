"""Which writes bear to be repeated or reordered."""

import pytest

from cqlproxy.statements import analyse
from cqlproxy.statements.repetition import depends_on_keyspace, is_in_turn, is_repeatable

FREE, COUNTER, IN_TURN = (True, False), (False, False), (False, True)
"""(repeatable, in turn)"""

CASES: list[tuple[str, tuple[str, ...], tuple[bool, bool]]] = [
    ("INSERT INTO t (a, b) VALUES (1, 2)", (), FREE),
    ("UPDATE t SET b = ? WHERE a = ?", ("int", "int"), FREE),
    ("DELETE FROM t WHERE a = 1", (), FREE),
    ("DELETE b FROM t WHERE a = 1", (), FREE),
    ("UPDATE t SET l = [1, 2] WHERE a = 1", (), FREE),
    ("UPDATE t SET n = n + 1 WHERE a = 1", (), COUNTER),
    ("UPDATE t SET n = n - 10 WHERE a = 1", (), COUNTER),
    ("UPDATE t SET n += 1 WHERE a = 1", (), COUNTER),
    ("UPDATE t SET n = n + ? WHERE a = ?", ("counter", "int"), COUNTER),
    ("UPDATE t SET s = s + ? WHERE a = ?", ("set<text>", "int"), FREE),
    ("UPDATE t SET m = m + ? WHERE a = ?", ("map<text, int>", "int"), FREE),
    ("UPDATE t SET l = l + ? WHERE a = ?", ("list<text>", "int"), IN_TURN),
    ("UPDATE t SET l = l + ? WHERE a = ?", (), IN_TURN),
    ("UPDATE t SET l = l + [1] WHERE a = 1", (), IN_TURN),
    ("UPDATE t SET l = [1] + l WHERE a = 1", (), IN_TURN),
    ("UPDATE t SET l[0] = 7 WHERE a = 1", (), IN_TURN),
    ("DELETE l[0] FROM t WHERE a = 1", (), IN_TURN),
    ("INSERT INTO t (a) VALUES (1) IF NOT EXISTS", (), IN_TURN),
    ("UPDATE t SET b = 1 WHERE a = 1 IF b = 0", (), IN_TURN),
    ("BEGIN BATCH INSERT INTO t (a) VALUES (1); DELETE FROM u WHERE a = 1; APPLY BATCH", (), FREE),
    ("BEGIN COUNTER BATCH UPDATE t SET n = n + 1 WHERE a = 1; APPLY BATCH", (), COUNTER),
    (
        "BEGIN BATCH INSERT INTO t (a) VALUES (1); UPDATE t SET l = l + [1] WHERE a = 1; APPLY BATCH",
        (),
        IN_TURN,
    ),
    ("BEGIN BATCH INSERT INTO t (a) VALUES (1) IF NOT EXISTS; APPLY BATCH", (), IN_TURN),
]


@pytest.mark.parametrize(("text", "types", "expected"), CASES, ids=[f"{c[0]} {c[1]}" for c in CASES])
def test_what_a_write_bears(text: str, types: tuple[str, ...], expected: tuple[bool, bool]) -> None:
    statement = analyse(text)
    assert (is_repeatable(statement, types), is_in_turn(statement, types)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("INSERT INTO t (a) VALUES (1)", True),
        ("INSERT INTO ks.t (a) VALUES (1)", False),
        ("BEGIN BATCH DELETE FROM ks.t WHERE a = 1; DELETE FROM t WHERE a = 1; APPLY BATCH", True),
        ("CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy'}", False),
        ("CREATE TYPE t (a int)", True),
        ("CREATE TYPE ks.t (a int)", False),
        ("CREATE TABLE t (a int PRIMARY KEY)", True),
        ("CREATE TABLE ks.t (a int PRIMARY KEY)", False),
        ("TRUNCATE t", True),
    ],
)
def test_which_texts_depend_on_the_keyspace_in_use(text: str, expected: bool) -> None:
    assert depends_on_keyspace(analyse(text)) is expected
