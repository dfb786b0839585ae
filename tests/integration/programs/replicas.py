"""Which node owns tokens, told by the driver that asks a real cluster directly.

Arguments: contact point, port, keyspace, tokens. Prints one JSON object: address by token.
"""

import json
import sys

from cassandra.cluster import Cluster
from cassandra.metadata import Murmur3Token


def main(host: str, port: int, keyspace: str, *tokens: str) -> None:
    cluster = Cluster([host], port=port)
    cluster.connect()
    owners = {}
    for token in tokens:
        (replica,) = cluster.metadata.token_map.get_replicas(keyspace, Murmur3Token(int(token)))
        owners[token] = replica.address
    cluster.shutdown()
    print(json.dumps({"owners": owners}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], *sys.argv[4:])
