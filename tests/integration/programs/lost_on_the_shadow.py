"""Writes to a table that only the primary has.

Arguments: contact point, port, primary's address and port, and a keyspace unless it is ``only_primary``. The
table is made on the primary directly, so that the shadow never hears of it. Prints one JSON object.
"""

import json
import sys

from cassandra.cluster import Cluster

WRITES = 10


def main(host: str, port: int, primary: str, primary_port: int, keyspace: str = "only_primary") -> None:
    replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
    with Cluster([primary], port=primary_port) as direct:
        session = direct.connect()
        session.execute(f"CREATE KEYSPACE {keyspace} WITH replication = {replication}")
        session.execute(f"CREATE TABLE {keyspace}.t (id int PRIMARY KEY, v text)")
    with Cluster([host], port=port) as cluster:
        session = cluster.connect()
        insert = session.prepare(f"INSERT INTO {keyspace}.t (id, v) VALUES (?, ?)")
        for number in range(WRITES):
            session.execute(insert, (number, "prepared"))
            session.execute(f"INSERT INTO {keyspace}.t (id, v) VALUES ({-number}, 'plain')")
        rows = len(list(session.execute(f"SELECT id FROM {keyspace}.t")))
    print(json.dumps({"writes": 2 * WRITES, "rows": rows}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), *sys.argv[5:])
