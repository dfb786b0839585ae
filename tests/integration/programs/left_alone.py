"""An application that connects, asks nothing, and waits until both its connections are closed.

Arguments: address, port. Prints one JSON object: how many of its connections it has seen closed.
"""

import json
import sys
import time

from cassandra.cluster import Cluster


def main(host: str, port: int) -> None:
    with Cluster([host], port=port, protocol_version=4, idle_heartbeat_interval=0) as cluster:
        session = cluster.connect()
        (pool,) = session.get_pools()
        connections = (pool._connection, cluster.control_connection._connection)
        deadline = time.monotonic() + 10
        while not all(connection.is_closed for connection in connections) and time.monotonic() < deadline:
            time.sleep(0.01)
        print(json.dumps({"closed": sum(connection.is_closed for connection in connections)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
