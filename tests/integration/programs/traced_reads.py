"""Which node coordinates the reads of single partitions, told by the server's own traces.

Arguments: contact point, port. Makes sure of keyspace ``routed`` with one replica, reads and traces 60
partitions by a prepared statement, and prints one JSON object: per key its token, its value, its coordinator.
"""

import json
import sys

from cassandra.cluster import Cluster

KEYS = 60


def main(host: str, port: int) -> None:
    cluster = Cluster([host], port=port)
    session = cluster.connect()
    session.execute(
        "CREATE KEYSPACE IF NOT EXISTS routed "
        "WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
    )
    session.execute("CREATE TABLE IF NOT EXISTS routed.t (a int, b text, v int, PRIMARY KEY ((a, b)))")
    insert = session.prepare("INSERT INTO routed.t (a, b, v) VALUES (?, ?, ?)")
    for key in range(KEYS):
        session.execute(insert, (key, f"key {key}", key))
    # The markers are not in the order of the partition key.
    select = session.prepare("SELECT token(a, b), v FROM routed.t WHERE b = ? AND a = ?")
    seen = {}
    for key in range(KEYS):
        result = session.execute(select, (f"key {key}", key), trace=True)
        row = result.one()
        seen[key] = [row[0], row[1], result.get_query_trace(max_wait_sec=10).coordinator]
    cluster.shutdown()
    print(json.dumps({"reads": seen}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
