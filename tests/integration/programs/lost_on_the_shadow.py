"""Writes to a table that only the primary has. Arguments: contact point, port, primary's address and port.

The table is made on the primary directly, so that the shadow never hears of it. Prints one JSON object.
"""

import json
import sys

from cassandra.cluster import Cluster

WRITES = 10


def main(host: str, port: int, primary: str, primary_port: int) -> None:
    replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
    with Cluster([primary], port=primary_port) as direct:
        session = direct.connect()
        session.execute(f"CREATE KEYSPACE only_primary WITH replication = {replication}")
        session.execute("CREATE TABLE only_primary.t (id int PRIMARY KEY, v text)")
    with Cluster([host], port=port) as cluster:
        session = cluster.connect()
        insert = session.prepare("INSERT INTO only_primary.t (id, v) VALUES (?, ?)")
        for number in range(WRITES):
            session.execute(insert, (number, "prepared"))
            session.execute(f"INSERT INTO only_primary.t (id, v) VALUES ({-number}, 'plain')")
        rows = len(list(session.execute("SELECT id FROM only_primary.t")))
    print(json.dumps({"writes": 2 * WRITES, "rows": rows}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
