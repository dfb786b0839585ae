"""What the shadow's schema lacks of the primary's, or has otherwise: table by table. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from cqlproxy.preflight.finding import Finding


class Column(NamedTuple):
    """``kind`` is how CQL writes its type."""

    kind: str
    static: bool


class Table(NamedTuple):
    """``clustering`` has the clustering columns and whether each is in descending order."""

    columns: Mapping[str, Column]
    partition_key: tuple[str, ...]
    clustering: tuple[tuple[str, bool], ...]
    default_ttl: int = 0


class Keyspace(NamedTuple):
    """Tables and views by name; user types by name, with their fields in order."""

    tables: Mapping[str, Table]
    views: Mapping[str, Table]
    types: Mapping[str, tuple[tuple[str, str], ...]]


def read_schema(metadata: Any) -> dict[str, Keyspace]:
    """All keyspaces of the driver's ``Metadata``."""
    return {
        name: Keyspace(
            {table: _table(found) for table, found in keyspace.tables.items()},
            {view: _table(found) for view, found in keyspace.views.items()},
            {
                kind: tuple(zip(found.field_names, found.field_types, strict=True))
                for kind, found in keyspace.user_types.items()
            },
        )
        for name, keyspace in metadata.keyspaces.items()
    }


def _table(found: Any) -> Table:
    return Table(
        {name: Column(column.cql_type, column.is_static) for name, column in found.columns.items()},
        tuple(column.name for column in found.partition_key),
        tuple((column.name, bool(column.is_reversed)) for column in found.clustering_key),
        found.options.get("default_time_to_live") or 0,
    )


def schema_findings(
    primary: Mapping[str, Keyspace], shadow: Mapping[str, Keyspace], is_copied: Callable[[str, str], bool]
) -> list[Finding]:
    """What matters to writes that are copied; ``is_copied`` says it of a keyspace and a table."""
    return list(_findings(primary, shadow, is_copied))


def _findings(
    primary: Mapping[str, Keyspace], shadow: Mapping[str, Keyspace], is_copied: Callable[[str, str], bool]
) -> Iterator[Finding]:
    for name in sorted(primary):
        ours = primary[name]
        tables = sorted(table for table in ours.tables if is_copied(name, table))
        if not tables:
            continue
        theirs = shadow.get(name)
        if theirs is None:
            count = f"{len(tables)} table{'s' if len(tables) > 1 else ''}"
            yield _serious(f"keyspace {name}, with {count}, is missing on the shadow")
            continue
        yield from _of_types(name, ours, theirs)
        for table in tables:
            if table not in theirs.tables:
                yield _serious(f"table {name}.{table} is missing on the shadow")
            else:
                yield from _of_table(f"{name}.{table}", ours.tables[table], theirs.tables[table])
        for view in sorted(ours.views.keys() - theirs.views.keys()):
            yield Finding(
                "schema",
                False,
                f"materialized view {name}.{view} is missing on the shadow: reads of it fail there",
            )


def _of_types(keyspace: str, ours: Keyspace, theirs: Keyspace) -> Iterator[Finding]:
    for name, fields in sorted(ours.types.items()):
        others = theirs.types.get(name)
        if others is None:
            yield _serious(f"type {keyspace}.{name} is missing on the shadow")
        elif others != fields:
            yield _unlike(f"the fields of type {keyspace}.{name} are", _fields(fields), _fields(others))


def _of_table(name: str, ours: Table, theirs: Table) -> Iterator[Finding]:
    for column, (kind, static) in sorted(ours.columns.items()):
        other = theirs.columns.get(column)
        if other is None:
            yield _serious(f"column {name}.{column} ({kind}) is missing on the shadow")
        elif other.kind != kind:
            yield _unlike(f"column {name}.{column} is", kind, other.kind)
        elif other.static != static:
            words = ("static", "not static")
            yield _unlike(f"column {name}.{column} is", words[not static], words[static])
    if _key(ours) != _key(theirs):
        yield _unlike(f"the primary key of {name} is", _key(ours), _key(theirs))
    elif ours.clustering != theirs.clustering:
        yield _unlike(f"the clustering order of {name} is", _order(ours), _order(theirs))
    if ours.default_ttl != theirs.default_ttl:
        told = f"{ours.default_ttl} on the primary and {theirs.default_ttl} on the shadow"
        yield Finding("schema", False, f"default_time_to_live of {name} is {told}")


def _serious(told: str) -> Finding:
    return Finding("schema", True, told)


def _unlike(what: str, ours: str, theirs: str) -> Finding:
    return _serious(f"{what} {ours} on the primary and {theirs} on the shadow")


def _fields(fields: tuple[tuple[str, str], ...]) -> str:
    return f"({', '.join(f'{name} {kind}' for name, kind in fields)})"


def _key(table: Table) -> str:
    partition = f"({', '.join(table.partition_key)})"
    return f"({', '.join((partition, *(name for name, _ in table.clustering)))})"


def _order(table: Table) -> str:
    columns = [f"{name} {'DESC' if descending else 'ASC'}" for name, descending in table.clustering]
    return f"({', '.join(columns)})"
