"""The script of work by cassandra-driver, or by a driver made from it: scylla-driver.

$REACTOR: "asyncio" for the driver's asyncio event loop; without it the driver takes the one that it prefers.
"""

import json
import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.query import tuple_factory

from tests.drivers.python import connections, data, metadata, requests
from tests.drivers.said import ask, say

_PATIENCE = 30.0


def cluster(host: str, port: str, **settings: object) -> Cluster:
    """A cluster of the driver's default settings, but for time-outs, and for rows that are not named."""
    if os.environ.get("REACTOR") == "asyncio":
        from cassandra.io.asyncioreactor import AsyncioConnection

        settings["connection_class"] = AsyncioConnection
    profile = ExecutionProfile(request_timeout=_PATIENCE, row_factory=tuple_factory)
    return Cluster(
        [host],
        port=int(port),
        connect_timeout=_PATIENCE,
        control_connection_timeout=_PATIENCE,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        **settings,
    )


def main() -> None:
    script = json.loads(Path(os.environ["CQL_SCRIPT"]).read_text())
    try:
        say({"client": "scylla-driver", "version": version("scylla-driver")})
    except PackageNotFoundError:
        say({"client": "cassandra-driver", "version": version("cassandra-driver")})
    with cluster(os.environ["CQL_HOST"], os.environ["CQL_PORT"]) as main_cluster:
        session = main_cluster.connect()
        metadata.connect(session)
        metadata.discover(session)
        metadata.schema(session, script["schema"])
        data.statements(session)
        data.round_trip(session, "types", script)
        data.nulls(session)
        for feature in ("collections", "udt", "tuple", "vector"):
            data.round_trip(session, feature, script)
        data.lwt(session)
        data.counters(session)
        ask("middle")
        requests.batches(session)
        requests.paging(session)
        requests.named_values(session)
        requests.use(session)
        metadata.metadata(session)
        with cluster(os.environ["CQL_HOST"], os.environ["CQL_PORT"]) as other:
            other.connect()
            metadata.events(session, other)
        requests.tracing(session)
        requests.consistency(session)
        requests.timestamps(session)
        requests.ttl(session)
        requests.errors(session, script["errors"])
        requests.concurrency(session)
        connections.compression(session)
        connections.restart(session)
    connections.authentication(cluster)
    connections.tls(cluster)


if __name__ == "__main__":
    main()
