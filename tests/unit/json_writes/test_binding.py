"""Values by position and by name, and which statements may be written."""

from __future__ import annotations

import pytest

from cqlproxy.json_writes.binding import bound_values
from cqlproxy.json_writes.query import check_query, own_timestamp
from cqlproxy.json_writes.unfit import UnfitError
from cqlproxy.statements import analyse
from frame_codec import UNSET, ColumnSpec, ListType, NativeType, TypeId, Value

INT = NativeType(TypeId.INT)
SEVEN = b"\0\0\0\7"


def markers(*names: str) -> list[ColumnSpec]:
    return [ColumnSpec("ks", "t", name, INT) for name in names]


# The query, what is given, what is bound.
BOUND: list[tuple[str, list[object] | dict[str, object], tuple[Value, ...]]] = [
    ("INSERT INTO t (a, b) VALUES (?, ?)", [7, None], (SEVEN, None)),
    ("INSERT INTO t (a, b) VALUES (?, ?)", {"a": 7, "b": None}, (SEVEN, None)),
    ("INSERT INTO t (a, b) VALUES (?, ?)", {"a": 7}, (SEVEN, UNSET)),
    ("INSERT INTO t (a, b) VALUES (:a, :b)", {"b": "7"}, (UNSET, SEVEN)),
    ("INSERT INTO t (a, b) VALUES (:a, :a)", {"a": 7}, (SEVEN, SEVEN)),
    ("INSERT INTO t (a) VALUES (1)", [], ()),
    ("INSERT INTO t (a) VALUES (1)", {}, ()),
]


@pytest.mark.parametrize(("query", "given", "expected"), BOUND, ids=range(len(BOUND)))
def test_values_are_bound(
    query: str, given: list[object] | dict[str, object], expected: tuple[Value, ...]
) -> None:
    names = ("a", "a") if ":a, :a" in query else ("a", "b")[: len(expected)]
    assert bound_values(given, markers(*names), query) == expected


UNBOUND: list[tuple[str, tuple[str, ...], list[object] | dict[str, object], str, str]] = [
    ("?, ?", ("a", "b"), [1], "values", "must be 2, as many as the query has markers, not 1"),
    ("", (), [1], "values", "must be 0, as many as the query has markers, not 1"),
    ("?, ?", ("a", "b"), {"c": 1}, "values.c", "is no marker of the query: its markers are a, b"),
    ("", (), {"c": 1}, "values.c", "is no marker of the query: it has none"),
    ("?, ?", ("a", "b"), [1, "x"], "values[1]", "must be a whole number"),
    ("?, ?", ("a", "b"), {"b": 1.5}, "values.b", "must be a whole number"),
    ("a = ? IF a = ?", ("a", "a"), {"a": 1}, "values.a", "is the name of several markers: name them"),
]


@pytest.mark.parametrize(("query", "names", "given", "field", "what"), UNBOUND, ids=range(len(UNBOUND)))
def test_what_cannot_be_bound_is_refused(
    query: str, names: tuple[str, ...], given: list[object] | dict[str, object], field: str, what: str
) -> None:
    with pytest.raises(UnfitError) as refused:
        bound_values(given, markers(*names), query)
    assert (refused.value.field, refused.value.what[: len(what)]) == (field, what)


def test_a_marker_of_a_list_is_told_by_its_server_given_name() -> None:
    spec = ColumnSpec("ks", "t", "in(k)", ListType(INT))
    expected = b"\0\0\0\1\0\0\0\4" + SEVEN
    assert bound_values({"in(k)": [7]}, [spec], "DELETE FROM t WHERE k IN ?") == (expected,)


@pytest.mark.parametrize(
    "query",
    [
        "INSERT INTO t (a) VALUES (?)",
        "INSERT INTO ks.t (a) VALUES (?)",
        'UPDATE "ks"."t" SET a = ? WHERE k = ? IF EXISTS',
        "DELETE FROM ks.t WHERE k = ?",
        "BEGIN BATCH INSERT INTO t (a) VALUES (?); DELETE FROM ks.t WHERE a = ?; APPLY BATCH",
    ],
)
def test_writes_of_the_table_pass(query: str) -> None:
    check_query(analyse(query), "ks", "t")


@pytest.mark.parametrize(
    ("query", "field", "what"),
    [
        ("SELECT * FROM t", "query", "must be an INSERT, UPDATE or DELETE, or a batch of them"),
        ("TRUNCATE t", "query", "must be an INSERT, UPDATE or DELETE, or a batch of them"),
        ("DROP TABLE t", "query", "must be an INSERT, UPDATE or DELETE, or a batch of them"),
        ("USE ks", "query", "must be an INSERT, UPDATE or DELETE, or a batch of them"),
        ("INSERT INTO", "query", "is not a statement that is understood here"),
        ("INSERT INTO t (a) VALUES (1); DROP TABLE t", "query", "is not a statement that is understood here"),
        ("INSERT INTO u (a) VALUES (1)", "table", "is not that of the query, which writes u"),
        ('INSERT INTO "T" (a) VALUES (1)', "table", "is not that of the query, which writes T"),
        ("INSERT INTO other.t (a) VALUES (1)", "keyspace", "is not that of the query, which writes other"),
        (
            "BEGIN BATCH DELETE FROM t WHERE a = 1; DELETE FROM u WHERE a = 1; APPLY BATCH",
            "table",
            "is not that of the query, which writes u",
        ),
    ],
)
def test_what_does_not_write_the_table_is_refused(query: str, field: str, what: str) -> None:
    with pytest.raises(UnfitError) as refused:
        check_query(analyse(query), "ks", "t")
    assert (refused.value.field, refused.value.what) == (field, what)


@pytest.mark.parametrize(
    ("query", "values", "expected"),
    [
        ("INSERT INTO t (a) VALUES (?)", [SEVEN], None),
        ("INSERT INTO t (a) VALUES (?) USING TIMESTAMP 5", [SEVEN], 5),
        ("INSERT INTO t (a) VALUES (?) USING TIMESTAMP ?", [SEVEN, (2**40).to_bytes(8, "big")], 2**40),
        ("INSERT INTO t (a) VALUES (?) USING TIMESTAMP ?", [SEVEN, UNSET], None),
    ],
)
def test_the_write_time_of_the_text(query: str, values: list[Value], expected: int | None) -> None:
    assert own_timestamp(analyse(query), values) == expected
