"""What a copy's text is made from: the IF clause, the calls that differ from call to call, the TTL."""

from __future__ import annotations

import pytest

from cqlproxy.statements import (
    Kind,
    Literal,
    LiteralKind,
    Marker,
    Parameter,
    Span,
    Statement,
    Using,
    analyse,
    ttl_place,
)
from tests.unit.statements.corpus import batches, writes
from tests.unit.statements.corpus.case import case_of

TEXTS = [case.text for case in writes.CASES if case.kind is Kind.MUTATION]
TEXTS += [case.whole.text for case in batches.CASES]


def written(text: str, span: Span, instead: str) -> str:
    return text[: span.start] + instead + text[span.end :]


def inner(statement: Statement) -> tuple[Statement, ...]:
    return statement.statements or (statement,)


def all_mutations() -> list[tuple[str, int]]:
    return [(text, at) for text in TEXTS for at, one in enumerate(inner(analyse(text))) if one.tables]


# --- the IF clause


@pytest.mark.parametrize(
    ("text", "rest", "markers"),
    [
        (
            "INSERT INTO t (a) VALUES (?) IF NOT EXISTS USING TTL ?",
            "INSERT INTO t (a) VALUES (?)  USING TTL ?",
            (),
        ),
        ("UPDATE t SET a=? WHERE k='x'IF a=?;", "UPDATE t SET a=? WHERE k='x';", (1,)),
        ("DELETE FROM t WHERE k = ? IF a IN (?, :b) -- IF", "DELETE FROM t WHERE k = ?  -- IF", (1, 2)),
        (
            "BEGIN BATCH UPDATE t SET a = ? WHERE k = ? IF a = ? APPLY BATCH",
            "BEGIN BATCH UPDATE t SET a = ? WHERE k = ?  APPLY BATCH",
            (2,),
        ),
        (
            "BEGIN BATCH USING TIMESTAMP ? INSERT INTO t (a) VALUES (?); DELETE FROM t WHERE k='x'IF b=?"
            "DELETE FROM t WHERE k = ? APPLY BATCH",
            "BEGIN BATCH USING TIMESTAMP ? INSERT INTO t (a) VALUES (?); DELETE FROM t WHERE k='x'"
            "DELETE FROM t WHERE k = ? APPLY BATCH",
            (2,),
        ),
    ],
)
def test_a_text_without_its_if_clause_is_the_unconditional_write(
    text: str, rest: str, markers: tuple[int, ...]
) -> None:
    [condition] = [one.condition for one in inner(analyse(text)) if one.condition is not None]

    assert written(text, condition.span, "") == rest
    assert condition.markers == markers


@pytest.mark.parametrize("text", [text for text in TEXTS if analyse(text).conditional])
def test_nothing_but_the_condition_goes_with_its_span(text: str) -> None:
    statement = analyse(text)
    conditions = [one.condition for one in inner(statement) if one.condition is not None]
    rest = text
    for condition in reversed(conditions):
        rest = written(rest, condition.span, "")

    left = analyse(rest)
    assert not left.conditional
    assert (left.kind, left.tables) == (statement.kind, statement.tables)
    assert left.markers == statement.markers - sum(len(condition.markers) for condition in conditions)
    assert len(inner(left)) == len(inner(statement))
    for one, before in zip(inner(left), inner(statement), strict=True):
        told, told_before = case_of(rest, one), case_of(text, before)
        assert (told.ttl, told.timestamp, told.document) == (
            told_before.ttl,
            told_before.timestamp,
            told_before.document,
        )
        assert [binding.column for binding in one.bindings] == [b.column for b in before.bindings]


# --- calls


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("INSERT INTO t (a, b, c) VALUES (?, now(), ?)", [("now()", "now", "timeuuid", 1)]),
        ("INSERT INTO t (a) VALUES (System . NOW ( ))", [("System . NOW ( )", "now", "timeuuid", 0)]),
        ('INSERT INTO t (a) VALUES ("system"."now"())', [('"system"."now"()', "now", "timeuuid", 0)]),
        ("INSERT INTO t (a) VALUES (uuid/* */())", [("uuid/* */()", "uuid", "uuid", 0)]),
        ("INSERT INTO t (a) VALUES (toTimestamp(now()))", [("now()", "now", "timeuuid", 0)]),
        ("INSERT INTO t (a) VALUES (cast(now() as timestamp))", [("now()", "now", "timeuuid", 0)]),
        ("INSERT INTO t (a) VALUES ((timeuuid) now())", [("now()", "now", "timeuuid", 0)]),
        (
            "INSERT INTO t (a) VALUES (? + currentTimestamp() - 1d)",
            [("currentTimestamp()", "currenttimestamp", "timestamp", 1)],
        ),
        (
            "UPDATE t SET a = {?: current_timestamp(), 'b': [currentDate()]}, l = l + [current_time(), ?]"
            " WHERE k = ? AND c > currentTimeUUID() AND d IN (current_date(), ?) IF e = current_timeuuid()"
            " AND f = currentTime()",
            [
                ("current_timestamp()", "current_timestamp", "timestamp", 1),
                ("currentDate()", "currentdate", "date", 1),
                ("current_time()", "current_time", "time", 1),
                ("currentTimeUUID()", "currenttimeuuid", "timeuuid", 3),
                ("current_date()", "current_date", "date", 3),
                ("current_timeuuid()", "current_timeuuid", "timeuuid", 4),
                ("currentTime()", "currenttime", "time", 4),
            ],
        ),
        (
            "DELETE FROM t WHERE k = minTimeuuid(currentTimestamp())",
            [("currentTimestamp()", "currenttimestamp", "timestamp", 0)],
        ),
        ("DELETE FROM t WHERE k = minTimeuuid('2024-01-01') AND c < maxTimeuuid(?)", []),
        (
            "DELETE m[now()] FROM t WHERE (k, c) = (?, uuid())",
            [("now()", "now", "timeuuid", 0), ("uuid()", "uuid", "uuid", 1)],
        ),
        (
            "BEGIN BATCH USING TIMESTAMP ? INSERT INTO t (a) VALUES (?); UPDATE t SET a = uuid() WHERE k = ?;"
            " INSERT INTO t (a, b) VALUES (now(), ?) APPLY BATCH",
            [("uuid()", "uuid", "uuid", 2), ("now()", "now", "timeuuid", 3)],
        ),
        # functions of somebody's own, and what only looks like a call
        ("INSERT INTO t (a) VALUES (ks.now())", []),
        ('INSERT INTO t (a, b) VALUES ("System".now(), "NOW"())', []),
        ("INSERT INTO t (a, now) VALUES ('now()', $$uuid()$$) -- now()", []),
        ("INSERT INTO t (a, b, c) VALUES (now(1), nows(), knows.uuid())", []),
        ("INSERT INTO t (a) VALUES ({now: uuid, uuid: :now})", []),
    ],
)
def test_calls(text: str, calls: list[tuple[str, str, str, int]]) -> None:
    statement = analyse(text)

    told = [(text[c.span.start : c.span.end], c.name, c.cql_type, c.marker) for c in statement.functions]
    assert told == calls
    assert sum((one.functions for one in inner(statement)), ()) == statement.functions


@pytest.mark.parametrize("text", [text for text in TEXTS if analyse(text).functions])
def test_a_typed_marker_takes_the_place_of_a_call(text: str) -> None:
    statement = analyse(text)
    for call in statement.functions:
        bound = written(text, call.span, f"({call.cql_type})?")
        left = analyse(bound)

        assert left.markers == statement.markers + 1
        assert len(left.functions) == len(statement.functions) - 1
        assert len(analyse(written(text, call.span, f"({call.cql_type}) :it")).functions) == len(
            left.functions
        )
        # The marker is where it was said to be: of those before it there are as many as its index says.
        head = bound[: call.span.start]
        assert sum(char == "?" for char in head) + head.count(":") == call.marker


# --- USING


@pytest.mark.parametrize(
    ("text", "using"),
    [
        ("INSERT INTO t (a) VALUES (1)", None),
        (
            "INSERT INTO t (a) VALUES (1) USING TTL 60",
            Using(Span(29, 41), None, Parameter(Literal(LiteralKind.INTEGER, "60"), Span(39, 41))),
        ),
        (
            "UPDATE t USING TIMESTAMP ? AND TTL :ttl SET a = 1 WHERE k = 1",
            Using(
                Span(9, 39),
                Parameter(Marker(0, None), Span(25, 26)),
                Parameter(Marker(1, "ttl"), Span(35, 39)),
            ),
        ),
        (
            "DELETE FROM t USING TIMEOUT 1s AND TIMESTAMP -5 WHERE k = 1",
            Using(Span(14, 47), Parameter(Literal(LiteralKind.INTEGER, "-5"), Span(45, 47)), None),
        ),
        ("DELETE FROM t USING TIMEOUT 1s WHERE k = 1", Using(Span(14, 30), None, None)),
        (
            "UPDATE t USING TTL 1 AND TTL 2 SET a = 1 WHERE k = 1",
            Using(Span(9, 30), None, Parameter(Literal(LiteralKind.INTEGER, "2"), Span(29, 30))),
        ),
        (
            "BEGIN BATCH USING TIMESTAMP 7 APPLY BATCH",
            Using(Span(12, 29), Parameter(Literal(LiteralKind.INTEGER, "7"), Span(28, 29)), None),
        ),
        ("BEGIN BATCH APPLY BATCH", None),
    ],
)
def test_using(text: str, using: Using | None) -> None:
    assert analyse(text).using == using


@pytest.mark.parametrize(
    ("text", "expected", "marker"),
    [
        ("INSERT INTO t (a) VALUES (?) USING TTL 60", "INSERT INTO t (a) VALUES (?) USING TTL  9 ", 1),
        ("INSERT INTO t (a) VALUES (?);-- ?", "INSERT INTO t (a) VALUES (?) USING TTL 9 ;-- ?", 1),
        (
            "INSERT INTO t JSON ? IF NOT EXISTS USING TIMESTAMP ?",
            "INSERT INTO t JSON ? IF NOT EXISTS USING TIMESTAMP ? AND TTL 9 ",
            2,
        ),
        ('UPDATE ks."t"SET a=? WHERE k=?', 'UPDATE ks."t" USING TTL 9 SET a=? WHERE k=?', 0),
        ("UPDATE t USING TTL ?SET a=? WHERE k=?", "UPDATE t USING TTL  9 SET a=? WHERE k=?", 0),
        (
            "UPDATE t USING TTL (int)? AND TIMESTAMP ? SET a=1 WHERE k=1",
            "UPDATE t USING TTL  9  AND TIMESTAMP ? SET a=1 WHERE k=1",
            0,
        ),
    ],
)
def test_a_ttl_is_written_where_it_belongs(text: str, expected: str, marker: int) -> None:
    place = ttl_place(text, analyse(text))

    assert written(text, place.span, place.written("9")) == expected
    assert place.marker == marker


@pytest.mark.parametrize(("text", "at"), all_mutations())
def test_a_write_with_a_ttl_is_otherwise_as_it_was(text: str, at: int) -> None:
    before = inner(analyse(text))[at]
    if before.verb == "DELETE":
        with pytest.raises(ValueError, match="only INSERT and UPDATE"):
            ttl_place(text, before)
        return
    place = ttl_place(text, before)

    rest = written(text, place.span, place.written("9"))
    after = inner(analyse(rest))[at]
    assert after.using is not None
    assert after.using.ttl is not None
    assert after.using.ttl.term == Literal(LiteralKind.INTEGER, "9")
    assert len(after.bindings) == len(before.bindings)
    assert after.tables == before.tables
    assert (after.condition is None) == (before.condition is None)

    bound = inner(analyse(written(text, place.span, place.written("?"))))[at]
    assert bound.using is not None
    assert bound.using.ttl is not None
    assert bound.using.ttl.term == Marker(place.marker, None)


@pytest.mark.parametrize("text", ["SELECT a FROM t", "", "BEGIN BATCH APPLY BATCH"])
def test_only_writes_of_rows_have_a_ttl(text: str) -> None:
    with pytest.raises(ValueError, match="has no TTL"):
        ttl_place(text, analyse(text))


def test_a_named_marker_called_like_its_column_is_no_addition() -> None:
    assert not analyse("UPDATE t SET a = :a WHERE k = 1").relative
    assert analyse("UPDATE t SET a = [1] + a WHERE k = 1").relative
