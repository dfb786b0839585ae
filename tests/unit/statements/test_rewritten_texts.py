"""Texts without conditions, with values in place of functions, with another time to live."""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.statements import Kind, Marker, Statement, analyse
from cqlproxy.statements.analysed_text import MOST_MARKERS
from cqlproxy.statements.rewriting import (
    Added,
    Rewritten,
    aging,
    decided,
    evaluable,
    expirable,
    values_of,
    with_constants,
    with_markers,
    with_ttls,
)
from tests.unit.statements.corpus import batches, writes

TEXTS: Final = [case.text for case in writes.CASES if case.kind is Kind.MUTATION]
BATCHES: Final = [case.whole.text for case in batches.CASES]

_NOW: Final = Added("cqlproxy_0", "timeuuid", "now")


def each(statement: Statement) -> tuple[Statement, ...]:
    return statement.statements or (statement,)


# --- conditions


@pytest.mark.parametrize(
    ("text", "rest", "markers"),
    [
        (
            "INSERT INTO t (a) VALUES (?) IF NOT EXISTS USING TTL ?",
            "INSERT INTO t (a) VALUES (?)   USING TTL ?",
            (0, 1),
        ),
        ("INSERT INTO t JSON ? IF NOT EXISTS", "INSERT INTO t JSON ?  ", (0,)),
        ("UPDATE t SET a=? WHERE k='x'IF a=?;", "UPDATE t SET a=? WHERE k='x' ;", (0,)),
        (
            "DELETE FROM t WHERE k = ? IF a IN (?, :b) AND m[?] = 'IF' -- IF",
            "DELETE FROM t WHERE k = ?   -- IF",
            (0,),
        ),
        ("DELETE a FROM t WHERE k = :k /* IF */if exists", "DELETE a FROM t WHERE k = :k /* IF */ ", (0,)),
        (
            "BEGIN BATCH USING TIMESTAMP ? INSERT INTO t (a) VALUES (?) IF NOT EXISTS;"
            "DELETE FROM t WHERE k='x'IF b=?DELETE FROM t WHERE k = ? APPLY BATCH",
            "BEGIN BATCH USING TIMESTAMP ? INSERT INTO t (a) VALUES (?)  ;"
            "DELETE FROM t WHERE k='x' DELETE FROM t WHERE k = ? APPLY BATCH",
            (0, 1, 3),
        ),
        ("DELETE FROM t WHERE k = ?", "DELETE FROM t WHERE k = ?", (0,)),
    ],
)
def test_a_decided_write_has_no_conditions(text: str, rest: str, markers: tuple[int, ...]) -> None:
    assert decided(text, analyse(text)) == Rewritten(rest, markers)


@pytest.mark.parametrize("text", TEXTS + BATCHES)
def test_a_decided_write_does_the_same(text: str) -> None:
    statement = analyse(text)
    rest = decided(text, statement)
    found = analyse(rest.text)

    assert not found.conditional
    assert found.markers == len(rest.markers)
    assert (found.kind, found.verb, found.tables) == (statement.kind, statement.verb, statement.tables)
    for one, before in zip(each(found), each(statement), strict=True):
        assert [binding.column for binding in one.bindings] == [b.column for b in before.bindings]
        assert (one.sets_ttl, one.sets_timestamp) == (before.sets_ttl, before.sets_timestamp)


# --- functions


def _constants(text: str) -> str:
    """The text with what the first and the second value are written as, for ``date@0`` and the like."""
    for number in (0, 1):
        value = bytes([number, 255, *bytes(14)])
        text = text.replace(f"timeuuid@{number}", f"(timeuuid) {UUID(bytes=value)}")
        text = re.sub(rf"(\w+)@{number}", rf"blobas\1(0x{value.hex()})", text)
    return text


@pytest.mark.parametrize(
    ("text", "with_values", "rewritten"),
    [
        (
            "INSERT INTO t (a, b, c) VALUES (?, now(), ?)",
            "INSERT INTO t (a, b, c) VALUES (?, timeuuid@0, ?)",
            Rewritten(
                "INSERT INTO t (a, b, c) VALUES (?, (timeuuid) :cqlproxy_0 , ?)",
                (0, _NOW, 1),
            ),
        ),
        (
            "INSERT INTO t (a, b) VALUES (System . UUID ( ), toTimestamp(NOW())) IF NOT EXISTS",
            "INSERT INTO t (a, b) VALUES (uuid@0, toTimestamp(timeuuid@1)) IF NOT EXISTS",
            Rewritten(
                "INSERT INTO t (a, b) VALUES ((uuid) :cqlproxy_0 , toTimestamp((timeuuid) :cqlproxy_1 ))"
                " IF NOT EXISTS",
                (Added("cqlproxy_0", "uuid", "uuid"), Added("cqlproxy_1", "timeuuid", "now")),
            ),
        ),
        (
            "UPDATE t SET m[now()] = ?, a = currentTimestamp() - 1d WHERE k = :cqlproxy_0 AND c = (?, ?)",
            "UPDATE t SET m[timeuuid@0] = ?, a = timestamp@1 - 1d WHERE k = :cqlproxy_0 AND c = (?, ?)",
            Rewritten(
                "UPDATE t SET m[(timeuuid) :cqlproxy_1 ] = ?, a = (timestamp) :cqlproxy_2  - 1d"
                " WHERE k = :cqlproxy_0 AND c = (?, ?)",
                (
                    Added("cqlproxy_1", "timeuuid", "now"),
                    0,
                    Added("cqlproxy_2", "timestamp", "currenttimestamp"),
                    1,
                    2,
                    3,
                ),
            ),
        ),
        (
            "UPDATE t SET a = ? WHERE k = ? AND d = current_date()AND e < current_time() IF b = now()",
            "UPDATE t SET a = ? WHERE k = ? AND d = date@0AND e < time@1 IF b = now()",
            Rewritten(
                "UPDATE t SET a = ? WHERE k = ? AND d = (date) :cqlproxy_0 AND e < (time) :cqlproxy_1 "
                " IF b = now()",
                (
                    0,
                    1,
                    Added("cqlproxy_0", "date", "current_date"),
                    Added("cqlproxy_1", "time", "current_time"),
                ),
            ),
        ),
        # A server gives each row a value of its own: the SET clause of an UPDATE of several is left to it.
        (
            "UPDATE t SET a = now() WHERE k IN (1, ?) AND c = now()",
            "UPDATE t SET a = now() WHERE k IN (1, ?) AND c = timeuuid@0",
            Rewritten("UPDATE t SET a = now() WHERE k IN (1, ?) AND c = (timeuuid) :cqlproxy_0 ", (0, _NOW)),
        ),
        (
            "UPDATE t SET a = now() WHERE (c, d) IN ?",
            "UPDATE t SET a = now() WHERE (c, d) IN ?",
            Rewritten("UPDATE t SET a = now() WHERE (c, d) IN ?", (0,)),
        ),
        (
            "UPDATE t SET a = now() WHERE k IN (?)",
            "UPDATE t SET a = timeuuid@0 WHERE k IN (?)",
            Rewritten("UPDATE t SET a = (timeuuid) :cqlproxy_0  WHERE k IN (?)", (_NOW, 0)),
        ),
        (
            "DELETE FROM t WHERE k IN (now(), ?)",
            "DELETE FROM t WHERE k IN (timeuuid@0, ?)",
            Rewritten("DELETE FROM t WHERE k IN ((timeuuid) :cqlproxy_0 , ?)", (_NOW, 0)),
        ),
        # Cassandra has no markers in the literals of collections.
        (
            "INSERT INTO t (a) VALUES ([now()])",
            "INSERT INTO t (a) VALUES ([timeuuid@0])",
            None,
        ),
        (
            "UPDATE t SET s = s + {?, toDate(now())} WHERE k = ?",
            "UPDATE t SET s = s + {?, toDate(timeuuid@0)} WHERE k = ?",
            None,
        ),
        (
            "INSERT INTO t (a) VALUES ((frozen<list<uuid>>) [uuid()])",
            "INSERT INTO t (a) VALUES ((frozen<list<uuid>>) [uuid@0])",
            None,
        ),
        # Functions of somebody's own, and words that only look like calls.
        (
            "INSERT INTO t (a, b) VALUES (ks.now(), 'now()')",
            "INSERT INTO t (a, b) VALUES (ks.now(), 'now()')",
            Rewritten("INSERT INTO t (a, b) VALUES (ks.now(), 'now()')", ()),
        ),
        (
            "BEGIN BATCH INSERT INTO t (a, b) VALUES (now(), ?); UPDATE t SET a = uuid() WHERE k IN (1, 2)"
            " UPDATE t SET a = uuid() WHERE k = ? IF a = uuid() APPLY BATCH",
            "BEGIN BATCH INSERT INTO t (a, b) VALUES (timeuuid@0, ?);"
            " UPDATE t SET a = uuid() WHERE k IN (1, 2)"
            " UPDATE t SET a = uuid@1 WHERE k = ? IF a = uuid() APPLY BATCH",
            Rewritten(
                "BEGIN BATCH INSERT INTO t (a, b) VALUES ((timeuuid) :cqlproxy_0 , ?);"
                " UPDATE t SET a = uuid() WHERE k IN (1, 2)"
                " UPDATE t SET a = (uuid) :cqlproxy_1  WHERE k = ? IF a = uuid() APPLY BATCH",
                (_NOW, 0, Added("cqlproxy_1", "uuid", "uuid"), 1),
            ),
        ),
    ],
)
def test_functions_give_way_to_values(text: str, with_values: str, rewritten: Rewritten | None) -> None:
    statement = analyse(text)
    calls = evaluable(text, statement)
    values = [bytes([number, 255, *bytes(14)]) for number in range(len(calls))]

    assert with_constants(text, calls, values) == _constants(with_values)
    assert with_markers(text, statement, calls) == rewritten


@pytest.mark.parametrize("text", [text for text in TEXTS + BATCHES if analyse(text).functions])
def test_evaluated_texts_do_the_same(text: str) -> None:
    statement = analyse(text)
    calls = evaluable(text, statement)
    values = [bytes(16)] * len(calls)
    rewritten = with_markers(text, statement, calls)

    texts = [with_constants(text, calls, values)]
    if rewritten is not None:
        texts.append(rewritten.text)
    for evaluated in texts:
        found = analyse(evaluated)
        assert (found.kind, found.tables, found.conditional) == (
            statement.kind,
            statement.tables,
            statement.conditional,
        )
        assert not evaluable(evaluated, found)
        for one, before in zip(each(found), each(statement), strict=True):
            assert [binding.column for binding in one.bindings] == [b.column for b in before.bindings]
    assert analyse(texts[0]).markers == statement.markers
    if rewritten is not None:
        assert analyse(rewritten.text).markers == len(rewritten.markers)
        assert [origin for origin in rewritten.markers if isinstance(origin, int)] == [
            *range(statement.markers)
        ]


@pytest.mark.parametrize(("markers", "possible"), [(0xFFFE, True), (0xFFFF, False)])
def test_no_more_markers_than_a_request_has_values(markers: int, possible: bool) -> None:
    text = f"INSERT INTO t (a, b) VALUES ((?{', ?' * (markers - 1)}), now())"
    statement = analyse(text)
    assert statement.markers == markers
    rewritten = with_markers(text, statement, evaluable(text, statement))
    assert (rewritten is not None) is possible


def test_each_added_marker_has_a_name_of_its_own() -> None:
    text = f"INSERT INTO t (a, b) VALUES (:CQLPROXY_1, ({', '.join(['now()'] * 500)}))"
    statement = analyse(text)
    rewritten = with_markers(text, statement, evaluable(text, statement))
    assert rewritten is not None
    names = [marker.name for marker in rewritten.markers if isinstance(marker, Added)]
    assert len({*names, "cqlproxy_1"}) == 501


_TERMS: Final = st.sampled_from(
    ["?", ":a", "1", "'?:now()'", "now()", "system.uuid ()", "toDate(currentdate())"]
)
_SPACES: Final = st.sampled_from(["", " ", "\n-- now() ?\n", "/* :a IF */"])


@given(st.lists(_TERMS, min_size=1, max_size=8), _SPACES)
def test_each_marker_keeps_its_value(terms: list[str], space: str) -> None:
    columns = ", ".join(f"c{number}" for number in range(len(terms)))
    text = f"INSERT INTO t ({columns}) VALUES ({space}{f'{space},'.join(terms)}{space})"
    statement = analyse(text)
    rewritten = with_markers(text, statement, evaluable(text, statement))

    assert rewritten is not None
    found = analyse(rewritten.text)
    assert len(found.bindings) == len(terms)
    bound = [
        rewritten.markers[term.index]
        for binding in found.bindings
        for term in (binding.terms[0], *getattr(binding.terms[0], "markers", ()))
        if isinstance(term, Marker)
    ]
    old = iter(range(len(terms)))
    names = {"now()": "now", "system.uuid ()": "uuid", "toDate(currentdate())": "currentdate"}
    expected = [
        next(old) if term in ("?", ":a") else names[term] for term in terms if term not in ("1", "'?:now()'")
    ]
    assert [origin if isinstance(origin, int) else origin.function for origin in bound] == expected


# --- servers that take markers of the same name for one variable


@pytest.mark.parametrize(
    ("text", "variables", "values"),
    [
        ("UPDATE t SET a = :x, b = ? WHERE k = :x IF a = :y", 4, (0, 1, 2)),
        ("UPDATE t SET a = :x, b = ? WHERE k = :x IF a = :y", 3, (0, 1)),
        ("UPDATE t SET a = :x, b = ? WHERE k = ? IF a = :x", 3, (0, 1, 2)),
        ("UPDATE t SET a = ? WHERE k = ? IF a = :x AND b = :x", 3, (0, 1)),
        ("UPDATE t SET a = :x, b = ? WHERE k = :x IF a = :y", 2, None),
        ("UPDATE t SET a = ? WHERE k = ?", 1, None),
    ],
)
def test_values_by_the_variables_of_the_server(
    text: str, variables: int, values: tuple[int, ...] | None
) -> None:
    statement = analyse(text)
    assert values_of(text, statement, decided(text, statement), variables) == values


def test_added_values_stand_among_those_of_merged_variables() -> None:
    text = "UPDATE t SET a = now(), b = :x, c = now() WHERE k = :x"
    statement = analyse(text)
    rewritten = with_markers(text, statement, evaluable(text, statement))
    assert rewritten is not None
    second = Added("cqlproxy_1", "timeuuid", "now")
    assert values_of(text, statement, rewritten, 1) == (_NOW, 0, second)
    assert values_of(text, statement, rewritten, 2) == (_NOW, 0, second, 1)


# --- time to live


@pytest.mark.parametrize(
    ("text", "with_marker", "markers", "with_literal"),
    [
        (
            "INSERT INTO t (a) VALUES (?) USING TTL 5",
            "INSERT INTO t (a) VALUES (?) USING TTL  :cqlproxy_0 ",
            (0, Added("cqlproxy_0", "int", None)),
            "INSERT INTO t (a) VALUES (?) USING TTL  9 ",
        ),
        (
            "UPDATE t USING TTL 5 AND TIMESTAMP ? SET a = ? WHERE k = 1",
            "UPDATE t USING TTL  :cqlproxy_0  AND TIMESTAMP ? SET a = ? WHERE k = 1",
            (Added("cqlproxy_0", "int", None), 0, 1),
            "UPDATE t USING TTL  9  AND TIMESTAMP ? SET a = ? WHERE k = 1",
        ),
        (
            "UPDATE t USING TIMESTAMP ? AND TTL? SET a = :cqlproxy_0 WHERE k = ?",
            "UPDATE t USING TIMESTAMP ? AND TTL :cqlproxy_1  SET a = :cqlproxy_0 WHERE k = ?",
            (0, Added("cqlproxy_1", "int", None), 2, 3),
            "UPDATE t USING TIMESTAMP ? AND TTL 9  SET a = :cqlproxy_0 WHERE k = ?",
        ),
        (
            "INSERT INTO t (a, b) VALUES (?, :b); -- ?",
            "INSERT INTO t (a, b) VALUES (?, :b) USING TTL :cqlproxy_0 ; -- ?",
            (0, 1, Added("cqlproxy_0", "int", None)),
            "INSERT INTO t (a, b) VALUES (?, :b) USING TTL 9 ; -- ?",
        ),
        (
            "INSERT INTO t JSON ? DEFAULT UNSET USING TIMESTAMP ?",
            "INSERT INTO t JSON ? DEFAULT UNSET USING TIMESTAMP ? AND TTL :cqlproxy_0 ",
            (0, 1, Added("cqlproxy_0", "int", None)),
            "INSERT INTO t JSON ? DEFAULT UNSET USING TIMESTAMP ? AND TTL 9 ",
        ),
        (
            "UPDATE ks.t SET a = ? WHERE k = ?",
            "UPDATE ks.t USING TTL :cqlproxy_0  SET a = ? WHERE k = ?",
            (Added("cqlproxy_0", "int", None), 0, 1),
            "UPDATE ks.t USING TTL 9  SET a = ? WHERE k = ?",
        ),
    ],
)
def test_another_time_to_live(
    text: str, with_marker: str, markers: tuple[int | Added, ...], with_literal: str
) -> None:
    statement = analyse(text)

    assert aging(text, statement) == Rewritten(with_marker, markers)
    assert expirable(statement) == (statement,)
    assert with_ttls(text, [(statement, 9)]) == with_literal


def test_the_times_to_live_of_a_batch() -> None:
    text = (
        "BEGIN BATCH USING TIMESTAMP 1 INSERT INTO t (a) VALUES (1) USING TTL 5;"
        " DELETE FROM t WHERE k = 1; UPDATE t SET a = 1 WHERE k = 2;"
        " UPDATE t USING TTL ? SET a = ? WHERE k = ? APPLY BATCH"
    )
    statement = analyse(text)
    first, second, third = expirable(statement)

    assert (first, second, third) == (statement.statements[0], *statement.statements[2:])
    assert with_ttls(text, [(first, 3), (third, 4)]) == text.replace("TTL 5", "TTL  3 ").replace(
        "TTL ?", "TTL  4 "
    )
    assert with_ttls(text, [(second, 3)]) == text.replace("UPDATE t SET", "UPDATE t USING TTL 3  SET")
    assert with_ttls(text, []) == text


@pytest.mark.parametrize("text", ["DELETE FROM t WHERE k = 1", "TRUNCATE t", "SELECT a FROM t"])
def test_only_a_write_of_rows_ages(text: str) -> None:
    assert expirable(analyse(text)) == ()
    with pytest.raises(ValueError, match="has no TTL"):
        aging(text, analyse(text))


@pytest.mark.parametrize(("using", "room"), [("", False), (" USING TTL ?", True), (" USING TTL 5", False)])
def test_no_text_ages_that_has_no_room_for_another_marker(using: str, room: bool) -> None:
    others = MOST_MARKERS - using.count("?")
    text = f"INSERT INTO t (k, s) VALUES (1, {{{', '.join('?' * others)}}}){using}"
    assert (aging(text, analyse(text)) is not None) == room
