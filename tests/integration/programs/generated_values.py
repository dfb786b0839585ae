"""A thousand rows whose values, keys among them, are made by functions: half prepared, half plain texts.

Arguments: contact point, port, keyspace. Prints one JSON object: ``variables``, the names of the bind markers
of the prepared statements, and ``rows``, how many were written.
"""

import json
import sys

from cassandra.cluster import Cluster
from cassandra.concurrent import execute_concurrent, execute_concurrent_with_args

EACH = 250
_TABLE = (
    "CREATE TABLE {}.t (k int, at timeuuid, id uuid, n int, stamp timestamp, day date, hour time, "
    "later timeuuid, PRIMARY KEY (k, at, id))"
)
_KEYS = "INSERT INTO {}.t (k, at, id, n) VALUES ({}, now(), uuid(), {})"
_VALUES = (
    "INSERT INTO {}.t (k, at, id, n, stamp, day, hour, later) VALUES "
    "({}, now(), uuid(), {}, to_timestamp(now()), current_date(), current_time(), current_timeuuid())"
)


def main(host: str, port: int, keyspace: str) -> None:
    with Cluster([host], port=port) as cluster:
        session = cluster.connect()
        replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
        session.execute(f"CREATE KEYSPACE {keyspace} WITH replication = {replication}")
        session.execute(_TABLE.format(keyspace))
        variables = []
        for key, text in enumerate((_KEYS, _VALUES)):
            statement = session.prepare(text.format(keyspace, "?", "?"))
            variables.append([column.name for column in statement.column_metadata])
            rows = [(key, number) for number in range(EACH)]
            execute_concurrent_with_args(session, statement, rows, raise_on_first_error=True)
            texts = [(text.format(keyspace, key + 2, number), None) for number in range(EACH)]
            execute_concurrent(session, texts, raise_on_first_error=True)
    print(json.dumps({"variables": variables, "rows": 4 * EACH}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
