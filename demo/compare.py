"""Two clusters, compared directly and row by row: every value, and every write time where there is one.

Run by an interpreter that has cassandra-driver:

    python demo/compare.py PRIMARY SHADOW PORT KEYSPACE [TENANT_COLUMN]

Prints one line, a JSON object: for each table of the keyspace on the primary

    primary, shadow   rows on each
    missing           rows that only the primary has, by the text of their tenant column ("" without one)
    unexpected        rows that only the shadow has
    different         rows on both that differ in a value or in a write time, the first few described
    write_times       write times that were compared and equal

A table that the shadow does not have counts as an empty one.
"""

import json
import sys
from collections import Counter

from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, Session
from cassandra.policies import WhiteListRoundRobinPolicy
from cassandra.query import tuple_factory

_SHOWN = 5

Row = tuple[object, ...]


def main() -> None:
    primary, shadow, port, keyspace, *rest = sys.argv[1:]
    tenant_column = rest[0] if rest else None
    with connect(primary, int(port)) as one, connect(shadow, int(port)) as other:
        print(json.dumps(compare(one.connect(), other.connect(), keyspace, tenant_column)))


def connect(address: str, port: int) -> Cluster:
    profile = ExecutionProfile(
        load_balancing_policy=WhiteListRoundRobinPolicy([address]),
        row_factory=tuple_factory,
        request_timeout=60,
    )
    return Cluster([address], port=port, execution_profiles={EXEC_PROFILE_DEFAULT: profile})


def compare(primary: Session, shadow: Session, keyspace: str, tenant_column: str | None) -> dict[str, object]:
    """What main prints; for sessions whose rows are tuples."""
    on_shadow = _tables(shadow, keyspace)
    return {
        table: _compare_table(primary, shadow if table in on_shadow else None, keyspace, table, tenant_column)
        for table in sorted(_tables(primary, keyspace))
    }


def _tables(session: Session, keyspace: str) -> set[str]:
    rows = session.execute(
        "SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s", (keyspace,)
    )
    return {table for (table,) in rows}


def _compare_table(
    primary: Session, shadow: Session | None, keyspace: str, table: str, tenant_column: str | None
) -> dict[str, object]:
    columns = _columns(primary, keyspace, table)
    key = [name for name, kind, _ in columns if kind in ("partition_key", "clustering")]
    values = [name for name, kind, _ in columns if kind not in ("partition_key", "clustering")]
    timed = [name for name, kind, cql_type in columns if name in values and cql_type != "counter"]
    selected = [*map(_quoted, [*key, *values]), *(f"WRITETIME({_quoted(name)})" for name in timed)]
    names = [*key, *values, *(f"WRITETIME({name})" for name in timed)]
    query = f"SELECT {', '.join(selected)} FROM {_quoted(keyspace)}.{_quoted(table)}"
    here = _by_key(primary, query, len(key))
    there = _by_key(shadow, query, len(key)) if shadow is not None else {}

    tenant_at = names.index(tenant_column) if tenant_column in names else None
    missing = Counter(
        "" if tenant_at is None else str(row[tenant_at]) for known, row in here.items() if known not in there
    )
    both = [(here[known], there[known]) for known in here if known in there]
    different = [(row, copy) for row, copy in both if row != copy]
    return {
        "primary": len(here),
        "shadow": len(there),
        "missing": dict(missing),
        "unexpected": len(there.keys() - here.keys()),
        "different": len(different),
        "differences": [_describe(names, row, copy) for row, copy in different[:_SHOWN]],
        "write_times": sum(
            written is not None
            for row, copy in both
            if row == copy
            for written in row[len(key) + len(values) :]
        ),
    }


def _columns(session: Session, keyspace: str, table: str) -> list[tuple[str, str, str]]:
    """Name, kind and type of each column; the key's first, in its order."""
    rows = session.execute(
        "SELECT column_name, kind, type, position FROM system_schema.columns"
        " WHERE keyspace_name = %s AND table_name = %s",
        (keyspace, table),
    )
    order = ("partition_key", "clustering", "static", "regular")
    return [
        (name, kind, cql_type)
        for name, kind, cql_type, position in sorted(
            rows, key=lambda row: (order.index(row[1]), row[3], row[0])
        )
    ]


def _by_key(session: Session, query: str, key_length: int) -> dict[str, Row]:
    """Rows by the text of their key, for keys may hold values that cannot be hashed."""
    return {repr(row[:key_length]): row for row in session.execute(query)}


def _describe(names: list[str], row: Row, copy: Row) -> str:
    unequal = (
        f"{name}: {ours!r} and {theirs!r}"
        for name, ours, theirs in zip(names, row, copy, strict=True)
        if ours != theirs
    )
    return f"{row}: {'; '.join(unequal)}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


if __name__ == "__main__":
    main()
