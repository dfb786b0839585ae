"""A program that leaves everything to the driver. Arguments: contact point, port."""

import json
import sys

from cassandra.cluster import Cluster


def main(address: str, port: int) -> None:
    with Cluster([address], port=port) as cluster:
        row = cluster.connect().execute("SELECT key FROM system.local").one()
        print(
            json.dumps(
                {
                    "version": cluster.protocol_version,
                    "compressed": cluster.control_connection._connection.decompressor is not None,
                    "row": list(row),
                }
            )
        )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
