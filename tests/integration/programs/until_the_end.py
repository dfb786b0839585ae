"""An application of a pod: writes through the proxy until a file is there, or until it cannot any more.

Arguments: contact point, port, keyspace, the file that ends it, and the file of an authority if the proxy is
asked by TLS ("" if not). Prints one JSON object: how many writes were answered (the first so many ids of
``KEYSPACE.t``, in one partition), how many failed, and with what the last one did.
"""

import json
import ssl
import sys
import time
from pathlib import Path

from cassandra.cluster import Cluster

WINDOW = 50


def main(host: str, port: int, keyspace: str, end: Path, authority: str) -> None:
    context = ssl.create_default_context(cafile=authority) if authority else None
    options = {} if context is None else {"ssl_context": context}
    answered: list[int] = []
    errors: list[str] = []
    with Cluster([host], port=port, **options) as cluster:
        session = cluster.connect()
        replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
        session.execute(f"CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = {replication}")
        session.execute(f"CREATE TABLE IF NOT EXISTS {keyspace}.t (id bigint PRIMARY KEY, v text)")
        insert = session.prepare(f"INSERT INTO {keyspace}.t (id, v) VALUES (?, 'x')")
        first = time.time_ns()
        while not errors and not end.exists():
            sent = [
                (number, session.execute_async(insert, (number,))) for number in range(first, first + WINDOW)
            ]
            first += WINDOW
            for number, future in sent:
                try:
                    future.result()
                    answered.append(number)
                except Exception as error:
                    errors.append(f"{type(error).__name__}: {error}")
    print(json.dumps({"answered": answered, "errors": errors}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], Path(sys.argv[4]), sys.argv[5])
