"""Rows and write times of tables, read straight from a node.

Arguments: contact point, port, then tables as ``keyspace.table:column`` (a column to read with its write
time). Prints one JSON object: per table the sorted list of [row as text, write time].
"""

import json
import sys

from cassandra.cluster import Cluster


def main(host: str, port: int, *tables: str) -> None:
    cluster = Cluster([host], port=port)
    session = cluster.connect()
    found = {}
    for named in tables:
        table, column = named.split(":")
        rows = session.execute(f"SELECT id, {column}, writetime({column}) FROM {table}")
        found[table] = sorted([f"{row[0]!r} {row[1]!r}", row[2]] for row in rows)
    cluster.shutdown()
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
