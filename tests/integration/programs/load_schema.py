"""Creates keyspace and table that ``load.py`` uses. Arguments: contact point, port, keyspace."""

import json
import sys

from cassandra.cluster import Cluster


def main(host: str, port: int, keyspace: str) -> None:
    cluster = Cluster([host], port=port)
    session = cluster.connect()
    replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
    session.execute(f"CREATE KEYSPACE {keyspace} WITH replication = {replication}")
    session.execute(f"CREATE TABLE {keyspace}.steady (id int PRIMARY KEY, v text)")
    cluster.shutdown()
    print(json.dumps({"created": keyspace}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
