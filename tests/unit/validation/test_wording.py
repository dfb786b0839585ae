"""A mismatch as an operator reads it."""

from __future__ import annotations

import pytest

from cqlproxy.cluster.side import Side
from cqlproxy.cluster.tables import TableShape
from cqlproxy.validation.comparison import Page, differences
from cqlproxy.validation.question import Question
from cqlproxy.validation.wording import differences_in_words, key_in_words
from frame_codec import ColumnSpec, NativeType, QueryParameters, Rows, TypeId
from tests.unit.validation.scripted import COLUMNS, SHAPE, asked, number, rows, statement

WIDE = TableShape(("k", "owner"), ("c",), SHAPE.columns)
TEXT = NativeType(TypeId.TEXT)
BOTH = QueryParameters(values=(number(-7), number(8)))
BY_NAME = QueryParameters(values=(number(8), number(-7)), names=("o", "key"))


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (asked("SELECT * FROM t WHERE k = 12 AND c = 1"), "k=12"),
        (asked("SELECT * FROM t WHERE k = 'it''s'"), 'k="it\'s"'),
        (asked("SELECT * FROM t WHERE k = ? AND owner = ?", BOTH, shape=WIDE), "k=-7, owner=8"),
        (asked("SELECT * FROM t WHERE k = :key AND owner = :o", BY_NAME, shape=WIDE), "k=-7, owner=8"),
        (asked("SELECT v FROM t WHERE owner = ? AND k = ?", BOTH, shape=WIDE,
               prepared=statement("SELECT v FROM t WHERE owner = ? AND k = ?", "owner", "k")),
         "k=8, owner=-7"),
        (asked("SELECT * FROM t WHERE k = token(1)"), "where k = token ( 1 )"),
        (asked("SELECT * FROM t WHERE k IN (1, 2) LIMIT 3"), "where k IN ( 1 , 2 )"),
        (asked("SELECT * FROM t"), "all"),
        (asked(f"SELECT * FROM t WHERE k = '{'x' * 100}'"), f'k="{"x" * 59}...'),
        (asked(f"SELECT * FROM t WHERE v = '{'x' * 300}'"), f"where v = '{'x' * 195}..."),
    ],
)  # fmt: skip
def test_keys(question: Question, expected: str) -> None:
    assert key_in_words(question, COLUMNS) == expected


def test_a_value_of_unknown_type_is_shown_in_digits() -> None:
    assert key_in_words(asked("SELECT v FROM t WHERE k = ?", BOTH), COLUMNS[1:]) == 'k="0xfffffff9"'


def in_words(text: str, ours: Rows, theirs: Rows, side: Side = Side.PRIMARY) -> str:
    left, right = (Page(result.metadata.columns, result.rows, False) for result in (ours, theirs))
    found = differences(left, right, asked(text).asked)
    return differences_in_words(found.values(), len(found), side)


ONE = "SELECT * FROM t WHERE k = 1"


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (rows((1, 2, 3)), rows((1, 2, 4)), "(c=2) v is 3 on the primary and 4 on the shadow"),
        (rows((1, 2, 3)), rows(), "(c=2) is only on the primary"),
        (rows(), rows((1, 2, 3)), "(c=2) is only on the shadow"),
        (rows((1, 2, 3)), rows((1, 2), names=("k", "c")), "the column v is only on the primary"),
        (rows((1, 2, 3), (1, 3, 3)), rows((1, 3, 3), (1, 2, 3)), "the same rows in another order"),
        (rows((1, 2, 3), (1, 3, 3)), rows((1, 2, 4)),
         "(c=2) v is 3 on the primary and 4 on the shadow; (c=3) is only on the primary"),
        (rows(*((1, c, 3) for c in range(9))), rows(),
         "; ".join(f"(c={c}) is only on the primary" for c in range(5)) + "; and 4 more"),
    ],
)  # fmt: skip
def test_differences(ours: Rows, theirs: Rows, expected: str) -> None:
    assert in_words(ONE, ours, theirs) == expected


def test_sides_are_named_by_the_cluster_that_answered() -> None:
    told = in_words(ONE, rows((1, 2, 3)), rows((1, 2, 4)), Side.SHADOW)
    assert told == "(c=2) v is 3 on the shadow and 4 on the primary"


def test_a_read_by_its_whole_key_names_no_row_again() -> None:
    page = rows((3,), names=("v",)), rows((4,), names=("v",))
    left, right = (Page(result.metadata.columns, result.rows, False) for result in page)
    shape = SHAPE._replace(clustering_key=())
    found = differences(left, right, asked("SELECT v FROM t WHERE k = 1", shape=shape).asked)
    assert (
        differences_in_words(found.values(), 1, Side.PRIMARY) == "v is 3 on the primary and 4 on the shadow"
    )
    missing = differences(
        left, right._replace(rows=[]), asked("SELECT v FROM t WHERE k = 1", shape=shape).asked
    )
    assert differences_in_words(missing.values(), 1, Side.PRIMARY) == "the row is only on the primary"


def test_long_values_are_shortened() -> None:
    columns = (ColumnSpec("ks", "t", "v", TEXT),)
    short, long = b"x" * 80, b"y" * 5_000
    found = differences(
        Page(columns, [(short,)], False),
        Page(columns, [(long,)], False),
        asked("SELECT v FROM t WHERE k = 1", shape=SHAPE._replace(clustering_key=())).asked,
    )
    told = differences_in_words(found.values(), 1, Side.PRIMARY)
    assert told == f'v is "{"x" * 59}... on the primary and 0x{"79" * 30}... (5000 bytes) on the shadow'
