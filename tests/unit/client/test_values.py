"""What is sent for a value, and the CQL of writes made from names and values."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from ipaddress import ip_address
from typing import cast
from uuid import UUID

import pytest

from cqlproxy.client import statements
from cqlproxy.client.json_values import Value, as_json

FORMS: list[tuple[Value, object]] = [
    (None, None),
    (True, True),
    (2**70, 2**70),
    ("text", "text"),
    (1.5, 1.5),
    (float("nan"), "NaN"),
    (float("inf"), "Infinity"),
    (float("-inf"), "-Infinity"),
    (Decimal("1.10"), "1.10"),
    (b"\x00\xff", "AP8="),
    (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
    (datetime(2026, 3, 4, 5, 6, 7, 8000), "2026-03-04T05:06:07.008000+00:00"),
    (datetime(2026, 3, 4, tzinfo=timezone(timedelta(hours=2))), "2026-03-04T00:00:00+02:00"),
    (datetime(2026, 3, 4, tzinfo=UTC), "2026-03-04T00:00:00+00:00"),
    (date(2024, 2, 29), "2024-02-29"),
    (time(12, 34, 56, 789), "12:34:56.000789"),
    (ip_address("2001:db8::1"), "2001:db8::1"),
    ([1, b"a"], [1, "YQ=="]),
    ((1, None), [1, None]),
    ({3}, [3]),
    (frozenset({"a"}), ["a"]),
    ({"street": "x", "at": date(2024, 1, 1)}, {"street": "x", "at": "2024-01-01"}),
    ({1: "a", 2: b"b"}, [[1, "a"], [2, "Yg=="]]),
    ({(1, 2): {"k": [UUID(int=1)]}}, [[[1, 2], {"k": ["00000000-0000-0000-0000-000000000001"]}]]),
    ({}, {}),
]


@pytest.mark.parametrize(("value", "form"), FORMS, ids=[repr(value)[:30] for value, _ in FORMS])
def test_forms_of_values(value: Value, form: object) -> None:
    assert as_json(value) == form
    assert json.loads(json.dumps(as_json(value), allow_nan=False)) == form


def test_what_no_column_has_is_a_type_error() -> None:
    nothing = cast(Value, object())
    with pytest.raises(TypeError, match="a value of type object cannot be written"):
        as_json(nothing)


def test_insert() -> None:
    assert statements.insert("ks", "t", {"id": 1, "V": "a"}) == (
        'INSERT INTO "ks"."t" ("id", "V") VALUES (?, ?)',
        [1, "a"],
    )
    assert statements.insert("ks", "t", {"id": 1}, ttl=60, if_not_exists=True) == (
        'INSERT INTO "ks"."t" ("id") VALUES (?) IF NOT EXISTS USING TTL ?',
        [1, 60],
    )


def test_update() -> None:
    assert statements.update("ks", "t", {"v": "a", "w": None}, {"id": 1, "c": 2}, ttl=5, if_exists=True) == (
        'UPDATE "ks"."t" USING TTL ? SET "v" = ?, "w" = ? WHERE "id" = ? AND "c" = ? IF EXISTS',
        [5, "a", None, 1, 2],
    )


def test_delete() -> None:
    assert statements.delete("ks", "t", {"id": 1}) == ('DELETE FROM "ks"."t" WHERE "id" = ?', [1])
    assert statements.delete("ks", "t", {"id": 1}, columns=["a", "b"], if_exists=True) == (
        'DELETE "a", "b" FROM "ks"."t" WHERE "id" = ? IF EXISTS',
        [1],
    )


def test_names_are_quoted_whatever_is_in_them() -> None:
    assert statements.insert('K"s', "select", {"a; DROP": 1}).query == (
        'INSERT INTO "K""s"."select" ("a; DROP") VALUES (?)'
    )


def test_what_writes_nothing_or_everything_is_refused() -> None:
    with pytest.raises(ValueError, match="values must name a column"):
        statements.insert("ks", "t", {})
    with pytest.raises(ValueError, match="where must name a column"):
        statements.delete("ks", "t", {})
