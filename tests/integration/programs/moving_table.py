"""A table before its migration: made on both clusters, filled on the old one, loaded from it onto the new
one.

Arguments: keyspace, what to do, then addresses with ports (``host:port``).
``make A B``: the keyspace and its table on each. ``fill A ROWS``: so many rows, with ids from -1 downwards.
``load A B``: every row of A is written to B with its write time, so that newer ones there stay. Each prints
one JSON object: ``rows``, how many were written.
"""

import json
import sys

from cassandra.cluster import Cluster, Session

_SCHEMA = (
    "CREATE KEYSPACE IF NOT EXISTS {} WITH replication = "
    "{{'class': 'SimpleStrategy', 'replication_factor': 1}}",
    "CREATE TABLE IF NOT EXISTS {}.t (id int PRIMARY KEY, v text)",
)


def connected(place: str) -> Cluster:
    host, _, port = place.rpartition(":")
    return Cluster([host], port=int(port))


def make(keyspace: str, *places: str) -> int:
    for place in places:
        with connected(place) as cluster:
            session = cluster.connect()
            for statement in _SCHEMA:
                session.execute(statement.format(keyspace))
    return 0


def fill(keyspace: str, place: str, rows: str) -> int:
    with connected(place) as cluster:
        session = cluster.connect()
        insert = session.prepare(f"INSERT INTO {keyspace}.t (id, v) VALUES (?, ?)")
        for number in range(1, int(rows) + 1):
            session.execute(insert, (-number, f"from before: {number}"))
    return int(rows)


def load(keyspace: str, old: str, new: str) -> int:
    with connected(old) as source, connected(new) as target:
        return _copied(keyspace, source.connect(), target.connect())


def _copied(keyspace: str, source: Session, target: Session) -> int:
    insert = target.prepare(f"INSERT INTO {keyspace}.t (id, v) VALUES (?, ?) USING TIMESTAMP ?")
    rows = 0
    for row in source.execute(f"SELECT id, v, writetime(v) AS written FROM {keyspace}.t"):
        target.execute(insert, (row.id, row.v, row.written))
        rows += 1
    return rows


def main(keyspace: str, what: str, *rest: str) -> None:
    if what == "make":
        rows = make(keyspace, *rest)
    elif what == "fill":
        rows = fill(keyspace, *rest)
    else:
        rows = load(keyspace, *rest)
    print(json.dumps({"rows": rows}))


if __name__ == "__main__":
    main(*sys.argv[1:])
