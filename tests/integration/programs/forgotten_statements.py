"""Prepared statements that servers forget in the middle: a changed table makes a server drop them.

Arguments: contact point and port of the proxy, address and port of the primary, the same of the shadow.
Prepares through the proxy, then changes the tables directly on one cluster, then on the other, and goes on
executing. Prints one JSON object: what was read through the proxy, the counter, and the shadow's counter.
"""

import json
import sys
import time

from cassandra import InvalidRequest
from cassandra.cluster import Cluster

KEYSPACE = "forgotten"
ROUNDS = 20


def main(host: str, port: int, primary: str, primary_port: int, shadow: str, shadow_port: int) -> None:
    cluster = Cluster([host], port=port)
    session = cluster.connect()
    replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
    session.execute(f"CREATE KEYSPACE {KEYSPACE} WITH replication = {replication}")
    session.execute(f"CREATE TABLE {KEYSPACE}.t (id int PRIMARY KEY, v text)")
    session.execute(f"CREATE TABLE {KEYSPACE}.c (id int PRIMARY KEY, n counter)")
    session.set_keyspace(KEYSPACE)
    insert = session.prepare("INSERT INTO t (id, v) VALUES (?, ?)")
    count = session.prepare("UPDATE c SET n = n + 1 WHERE id = ?")
    select = session.prepare("SELECT * FROM t WHERE id = ?")
    seen = []

    def work(name: str) -> None:
        for number in range(ROUNDS):
            session.execute(insert, (number, name))
            session.execute(count, (0,))
        seen.append([list(row) for row in session.execute(select, (1,))])

    def copied() -> int:
        """The shadow's counter, when it has come as far as the primary's or has had the time to."""
        deadline = time.monotonic() + 20
        with Cluster([shadow], port=shadow_port) as direct:
            connection = direct.connect()
            while True:
                try:
                    row = connection.execute(f"SELECT n FROM {KEYSPACE}.c WHERE id = 0").one()
                except InvalidRequest:
                    row = None  # the table has not been copied yet
                if (row and row[0] == len(seen) * ROUNDS) or time.monotonic() > deadline:
                    return int(row[0]) if row else 0
                time.sleep(0.05)

    work("before")
    copied()  # the shadow's tables exist now
    for address, node_port in ((shadow, shadow_port), (primary, primary_port)):
        direct = Cluster([address], port=node_port)
        connection = direct.connect(KEYSPACE)
        for table in ("t", "c"):
            kind = "counter" if table == "c" else "text"
            connection.execute(f"ALTER TABLE {table} ADD added {kind}")
        direct.shutdown()
        work("after the shadow" if address == shadow else "after the primary")
    total = session.execute(f"SELECT n FROM {KEYSPACE}.c WHERE id = 0").one()[0]
    said = {"seen": seen, "counter": total, "shadow_counter": copied()}
    cluster.shutdown()
    print(json.dumps(said))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5], int(sys.argv[6]))
