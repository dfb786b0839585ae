"""What is told of a table from the driver's copy of the schema."""

from __future__ import annotations

import pytest
from cassandra.metadata import ColumnMetadata, KeyspaceMetadata, Metadata, TableMetadata

from cqlproxy.cluster.tables import TableShape, default_ttl, table_shape


def metadata(options: dict[str, object]) -> Metadata:
    table = TableMetadata("ks", "t", options=options)
    for name in ("k", "c", "a"):
        table.columns[name] = ColumnMetadata(table, name, "int")
    table.partition_key = [table.columns["k"]]
    table.clustering_key = [table.columns["c"]]
    keyspace = KeyspaceMetadata("ks", True, "SimpleStrategy", {"replication_factor": "1"})
    keyspace.tables["t"] = table
    found = Metadata()
    found.keyspaces["ks"] = keyspace
    return found


def test_the_shape_of_a_table() -> None:
    assert table_shape(metadata({}), "ks", "t") == TableShape(("k",), ("c",), frozenset("kca"))
    assert table_shape(metadata({}), "ks", "T") is None
    assert table_shape(metadata({}), "other", "t") is None


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"default_time_to_live": 86400}, 86400),
        ({"default_time_to_live": 0}, 0),
        ({"default_time_to_live": None}, 0),
        # The driver could not read all of it.
        ({}, 0),
    ],
)
def test_the_time_to_live_that_a_table_gives(options: dict[str, object], expected: int) -> None:
    assert default_ttl(metadata(options), "ks", "t") == expected


def test_a_table_that_is_not_known_gives_no_time_to_live() -> None:
    known = metadata({"default_time_to_live": 5})
    assert default_ttl(known, "ks", "other") == 0
    assert default_ttl(known, "other", "t") == 0
