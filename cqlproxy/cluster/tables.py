"""What a cluster's schema says about a table, from the driver's copy of it."""

from __future__ import annotations

from typing import Any, NamedTuple


class TableShape(NamedTuple):
    """A table or materialized view, its columns by their names as stored."""

    partition_key: tuple[str, ...]
    clustering_key: tuple[str, ...]
    columns: frozenset[str]
    view_of: str | None = None
    """The table that a view shows, in the same keyspace; None of a table."""


def table_shape(metadata: Any, keyspace: str, table: str) -> TableShape | None:
    """The table in the driver's ``Metadata``; None when it is not, or not yet, in there.

    What has changed is read soon after (schema_changes.py), on another thread, and each table is put there as
    a whole.
    """
    schema = metadata.keyspaces.get(keyspace)
    if schema is None:
        return None
    found = schema.tables.get(table)
    view_of = None
    if found is None:
        found = schema.views.get(table)
        if found is None:
            return None
        view_of = found.base_table_name
    return TableShape(
        tuple(column.name for column in found.partition_key),
        tuple(column.name for column in found.clustering_key),
        frozenset(found.columns),
        view_of,
    )


def default_ttl(metadata: Any, keyspace: str, table: str) -> int:
    """The table's ``default_time_to_live`` in seconds; 0 for none, or as where ``table_shape`` gives None."""
    # Not kept anywhere: four look-ups are soon done, and a schema that has changed is seen at once.
    schema = metadata.keyspaces.get(keyspace)
    found = None if schema is None else schema.tables.get(table)
    seconds: int | None = None if found is None else found.options.get("default_time_to_live")
    return seconds or 0
