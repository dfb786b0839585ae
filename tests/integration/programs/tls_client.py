"""An application that connects by TLS, writes a row and reads it.

Arguments: address, port, authority file, then certificate and key to show, or nothing. Prints one JSON
object: the rows that it read, or the error that it met.
"""

import json
import ssl
import sys

from cassandra.cluster import Cluster, NoHostAvailable

KEYSPACE = "by_tls"


def main(host: str, port: int, authority: str, *own: str) -> None:
    context = ssl.create_default_context(cafile=authority)
    if own:
        context.load_cert_chain(*own)
    try:
        # A context that checks names has the driver check the certificate for the node's address.
        with Cluster([host], port=port, ssl_context=context, connect_timeout=1) as cluster:
            session = cluster.connect()
            session.execute(
                f"CREATE KEYSPACE IF NOT EXISTS {KEYSPACE} WITH replication = "
                "{'class': 'SimpleStrategy', 'replication_factor': 1}"
            )
            session.execute(f"CREATE TABLE IF NOT EXISTS {KEYSPACE}.t (k int PRIMARY KEY, v text)")
            insert = session.prepare(f"INSERT INTO {KEYSPACE}.t (k, v) VALUES (?, ?)")
            session.execute(insert, (1, "x" * 100_000))
            rows = session.execute(f"SELECT k, v FROM {KEYSPACE}.t WHERE k = 1")
            print(json.dumps({"rows": [[row.k, len(row.v)] for row in rows]}))
    except NoHostAvailable as error:
        print(json.dumps({"error": str(error)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
