"""What is found by clocks, schemas and permissions, each by itself."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cqlproxy.preflight.clocks import MOST_SKEW_SECONDS, skew
from cqlproxy.preflight.permissions import ALL, Grants, Needed, missing
from cqlproxy.preflight.schemas import Column, Keyspace, Table, schema_findings

INT = Column("int", False)
PLAIN = Table({"k": INT, "c": INT, "v": Column("text", False)}, ("k",), (("c", False),))


def keyspace(**tables: Table) -> Keyspace:
    return Keyspace(tables, {}, {})


def told(ours: Keyspace, theirs: Keyspace | None) -> list[str]:
    shadow = {} if theirs is None else {"shop": theirs}
    found = schema_findings({"shop": ours}, shadow, lambda keyspace, table: table != "held")
    return [f"{'!' if finding.serious else '?'} {finding.told}" for finding in found]


@pytest.mark.parametrize(
    ("theirs", "line"),
    [
        (PLAIN, None),
        (PLAIN._replace(columns={**PLAIN.columns, "more": INT}), None),
        (PLAIN._replace(columns={"k": INT, "c": INT}), "! column shop.t.v (text) is missing on the shadow"),
        (PLAIN._replace(columns={**PLAIN.columns, "v": INT}),
         "! column shop.t.v is text on the primary and int on the shadow"),
        (PLAIN._replace(columns={**PLAIN.columns, "v": Column("text", True)}),
         "! column shop.t.v is not static on the primary and static on the shadow"),
        (PLAIN._replace(partition_key=("k", "c"), clustering=()),
         "! the primary key of shop.t is ((k), c) on the primary and ((k, c)) on the shadow"),
        (PLAIN._replace(clustering=(("c", True),)),
         "! the clustering order of shop.t is (c ASC) on the primary and (c DESC) on the shadow"),
        (PLAIN._replace(default_ttl=9),
         "? default_time_to_live of shop.t is 0 on the primary and 9 on the shadow"),
    ],
)  # fmt: skip
def test_tables(theirs: Table, line: str | None) -> None:
    assert told(keyspace(t=PLAIN, held=PLAIN), keyspace(t=theirs)) == ([] if line is None else [line])


def test_what_is_missing() -> None:
    ours = Keyspace({"t": PLAIN}, {"seen": PLAIN}, {"address": (("street", "text"), ("number", "int"))})
    assert told(ours, None) == ["! keyspace shop, with 1 table, is missing on the shadow"]
    assert told(ours, Keyspace({}, {}, {"address": (("street", "text"),)})) == [
        "! the fields of type shop.address are (street text, number int) on the primary and (street text) on"
        " the shadow",
        "! table shop.t is missing on the shadow",
        "? materialized view shop.seen is missing on the shadow: reads of it fail there",
    ]
    assert told(ours, Keyspace({"t": PLAIN}, {"seen": PLAIN}, {})) == [
        "! type shop.address is missing on the shadow"
    ]
    assert told(keyspace(held=PLAIN), None) == []


@pytest.mark.parametrize(
    ("ahead", "took", "found"),
    [
        (0.0, 0.0, None),
        (MOST_SKEW_SECONDS, 0.0, None),
        (0.7, 0.0, "0.7 s ahead of"),
        (-12.04, 0.1, "12.0 s behind"),
        # It may have been told at either end of a slow answer.
        (2.0, 4.0, None),
        (2.6, 4.0, "2.6 s ahead of"),
    ],
)
def test_clocks(ahead: float, took: float, found: str | None) -> None:
    middle = 1_700_000_000.0
    time = datetime.fromtimestamp(middle + ahead, UTC)
    assert skew(time, middle - took / 2, middle + took / 2) == found


NEEDED = Needed({"shop": ["orders", "items"]}, ("SELECT", "MODIFY"), ("CREATE",), True, "for copies")


def lacking(*granted: tuple[str, str], needed: Needed = NEEDED) -> list[str]:
    found = missing(Grants(False, frozenset(granted)), "shadow", "copyist", needed)
    return [f"{'!' if finding.serious else '?'} {finding.told}" for finding in found]


NO_SCHEMA = (
    "? copyist may not CREATE in keyspace shop on the shadow, so that schema changes cannot be copied there:"
    " grant it, or set mirror.schema_changes: false"
)


def test_a_superuser_lacks_nothing() -> None:
    assert list(missing(ALL, "shadow", "copyist", NEEDED)) == []


@pytest.mark.parametrize("resource", ["<all keyspaces>", "<keyspace shop>"])
def test_what_is_granted_to_more_is_granted(resource: str) -> None:
    assert lacking(*((one, resource) for one in ("SELECT", "MODIFY", "CREATE"))) == []
    assert lacking(("SELECT", resource), ("MODIFY", resource)) == [NO_SCHEMA]


def test_a_keyspace_without_any_grant_is_one_line() -> None:
    assert lacking(("MODIFY", "<keyspace other>")) == [
        "! copyist may not SELECT or MODIFY keyspace shop on the shadow, which is needed for copies:"
        " GRANT SELECT ON keyspace shop TO copyist; GRANT MODIFY ON keyspace shop TO copyist",
        NO_SCHEMA,
    ]


def test_names_are_written_as_cql_needs_them() -> None:
    needed = Needed({"Shop": ["a"]}, ("MODIFY",), (), True, "for copies")
    (line,) = missing(Grants(False, frozenset()), "shadow", "the-copyist", needed)
    assert line.told.endswith('GRANT MODIFY ON keyspace "Shop" TO "the-copyist"')


def test_tables_are_named_where_some_are_granted() -> None:
    without_schema = NEEDED._replace(schema=(), serious=False)
    granted = (("SELECT", "<all tables in shop>"), ("MODIFY", "<table shop.items>"))
    assert lacking(*granted, needed=without_schema) == [
        "? copyist may not MODIFY table shop.orders on the shadow, which is needed for copies:"
        " GRANT MODIFY ON table shop.orders TO copyist"
    ]
