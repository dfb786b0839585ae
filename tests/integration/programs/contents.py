"""All that is in some keyspaces, read straight from a node: rows, write times, times of expiry.

Arguments: contact point, port, then the beginnings of names of keyspaces. Prints one JSON object: by table
(``keyspace.table``), by primary key, by column: value, write time, Unix time at which it expires. The last
two are None for parts of the key and for counters, and lists for collections, which have one for each
element. The time of expiry is that of reading and the TTL in full seconds: late by the time that reading
took, early by a second at most.
"""

import json
import sys
import time

from cassandra.cluster import Cluster, Session
from cassandra.metadata import TableMetadata, protect_name


def contents(session: Session, table: TableMetadata) -> dict[str, dict[str, list[object]]]:
    keys = [column.name for column in table.primary_key]
    timed = [
        name for name, column in table.columns.items() if name not in keys and column.cql_type != "counter"
    ]
    untimed = [name for name in table.columns if name not in keys and name not in timed]
    names = [protect_name(name) for name in (*keys, *untimed, *timed)]
    names += [f"{of}({protect_name(name)})" for of in ("writetime", "ttl") for name in timed]
    found = {}
    where = f"{protect_name(table.keyspace_name)}.{protect_name(table.name)}"
    for row in map(list, session.execute(f"SELECT {', '.join(names)} FROM {where}", timeout=60)):
        key, row = row[: len(keys)], row[len(keys) :]
        values, times = row[: len(untimed) + len(timed)], row[len(untimed) + len(timed) :]
        cells: dict[str, list[object]] = {
            name: [repr(value), None, None] for name, value in zip((*untimed, *timed), values, strict=True)
        }
        for index, name in enumerate(timed):
            cells[name][1:] = times[index], expiry(times[len(timed) + index])
        found[repr(key)] = cells
    return found


def expiry(ttl: int | list[int | None] | None) -> object:
    """The Unix time at which what has this time to live expires; as the node gives it, one or a list."""
    if isinstance(ttl, list):
        return [expiry(one) for one in ttl]
    return None if ttl is None else time.time() + ttl


def main(address: str, port: int, *beginnings: str) -> None:
    with Cluster([address], port=port) as cluster:
        session = cluster.connect()
        tables = {
            f"{keyspace.name}.{table.name}": contents(session, table)
            for keyspace in cluster.metadata.keyspaces.values()
            if keyspace.name.startswith(beginnings)
            for table in keyspace.tables.values()
        }
    print(json.dumps(tables))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
