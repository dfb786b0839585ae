"""Makes a table with a column of many types through the proxy. Arguments: contact point, port, keyspace,
table.

Prints one JSON object.
"""

import json
import sys

from cassandra.cluster import Cluster

_COLUMNS = (
    'id uuid PRIMARY KEY, "Name" text, big bigint, huge varint, amount decimal, ratio double, flag boolean,'
    " raw blob, at timestamp, day date, moment time, peer inet, tags set<text>, steps list<int>,"
    " names map<int, text>, pair frozen<tuple<int, text>>, nothing text"
)


def main(address: str, port: str, keyspace: str, table: str) -> None:
    with Cluster([address], port=int(port)) as cluster:
        session = cluster.connect()
        replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
        session.execute(f"CREATE KEYSPACE {keyspace} WITH replication = {replication}")
        session.execute(f'CREATE TABLE {keyspace}."{table}" ({_COLUMNS})')
    print(json.dumps({"made": table}))


if __name__ == "__main__":
    main(*sys.argv[1:])
