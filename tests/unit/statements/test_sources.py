"""What the governor is told of a statement."""

from __future__ import annotations

import pytest

from cqlproxy.statements import analyse, tenant_sources
from filters import JsonSource, LiteralSource, MarkerSource, TenantSource, UnknownSource

UUID = "550e8400-e29b-41d4-a716-446655440000"


@pytest.mark.parametrize(
    ("text", "types", "expected"),
    [
        (f"INSERT INTO t (a) VALUES ({UUID.upper()})", None, [LiteralSource("a", "uuid", UUID)]),
        ("INSERT INTO t (a) VALUES ('it''s')", None, [LiteralSource("a", "string", "it's")]),
        ("INSERT INTO t (a) VALUES (-7)", None, [LiteralSource("a", "integer", "-7")]),
        (
            "INSERT INTO t (a, b) VALUES (?, :b)",
            ["uuid", None],
            [MarkerSource("a", 0, "uuid", False), MarkerSource("b", 1, None, False)],
        ),
        ("INSERT INTO t (a) VALUES (?)", [], [MarkerSource("a", 0, None, False)]),
        ("INSERT INTO t (a) VALUES (uuid())", None, [UnknownSource("a")]),
        (
            "UPDATE t SET a = ? WHERE k = ? AND c IN (?, 'x')",
            ["int", "text", "text"],
            [
                MarkerSource("a", 0, "int", False),
                MarkerSource("k", 1, "text", False),
                MarkerSource("c", 2, "text", False),
                LiteralSource("c", "string", "x"),
            ],
        ),
        ("DELETE FROM t WHERE k IN ?", ["list<uuid>"], [MarkerSource("k", 0, "list<uuid>", True)]),
        (
            "DELETE FROM t WHERE (k, c) = (1, ?)",
            None,
            [LiteralSource("k", "integer", "1"), MarkerSource("c", 0, None, False)],
        ),
        ("DELETE FROM t WHERE (k, c) IN ?", None, [UnknownSource("k"), UnknownSource("c")]),
        (
            "UPDATE t SET c = c + ?, l[0] = 'x' WHERE k = 1 AND r > 5",
            None,
            [LiteralSource("k", "integer", "1"), UnknownSource("r")],
        ),
        (
            "DELETE FROM t WHERE k = 1 AND r >= 'a' AND r < ?",
            None,
            [LiteralSource("k", "integer", "1"), UnknownSource("r"), UnknownSource("r")],
        ),
        ("INSERT INTO t JSON '{\"a\": 1}'", None, [JsonSource('{"a": 1}', None)]),
        ("INSERT INTO t JSON ?", ["text"], [JsonSource(None, 0)]),
        ("INSERT INTO t JSON f('x')", None, [JsonSource(None, None)]),
        ("BEGIN BATCH DELETE FROM t WHERE k = 1 APPLY BATCH", None, []),
        ("garbage", None, []),
    ],
)
def test_sources(text: str, types: list[str | None] | None, expected: list[TenantSource]) -> None:
    assert tenant_sources(analyse(text), types) == tuple(expected)
    assert [type(source) for source in tenant_sources(analyse(text), types)] == [
        type(one) for one in expected
    ]


def test_markers_of_a_batch_are_those_of_its_whole_text() -> None:
    batch = analyse("BEGIN BATCH DELETE FROM t WHERE k = ?; DELETE FROM u WHERE k = ? APPLY BATCH")

    sources = [tenant_sources(inner, ["int", "text"]) for inner in batch.statements]

    assert sources == [(MarkerSource("k", 0, "int", False),), (MarkerSource("k", 1, "text", False),)]


def test_only_the_columns_that_are_asked_for() -> None:
    statement = analyse("UPDATE t SET a = 1 WHERE k = 2 AND a = 3")

    assert tenant_sources(statement, None, {"a"}) == (
        LiteralSource("a", "integer", "1"),
        LiteralSource("a", "integer", "3"),
    )
