"""What a node has of the load of ``noted_load.py``, in few bytes for each row: there may be a million.

Arguments: contact point, port, keyspace. Prints one JSON object: ``rows``, a list of [id, write time];
``wrong``, ids of rows that have another value than the load gave them; ``counts``, a list of [row, count].
"""

import json
import sys

from cassandra.cluster import Cluster


def main(address: str, port: int, keyspace: str) -> None:
    with Cluster([address], port=port, schema_metadata_enabled=False) as cluster:
        session = cluster.connect(keyspace)
        rows, wrong = [], []
        for number, value, time in session.execute("SELECT id, v, writetime(v) FROM rows", timeout=60):
            rows.append([number, time])
            if value != f"value {number}":
                wrong.append(number)
        counts = [[row, count] for row, count in session.execute("SELECT id, n FROM counts", timeout=60)]
    print(json.dumps({"rows": rows, "wrong": wrong, "counts": counts}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
