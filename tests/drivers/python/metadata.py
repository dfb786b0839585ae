"""Features 1 to 3, 17 and 18: what the driver knows of the cluster and its schema."""

import time
from collections.abc import Callable

from cassandra.cluster import Cluster, Session

from tests.drivers.python.notes import KEYSPACE, REPLICATED_ONCE, Feature

_LISTENER = "https://docs.datastax.com/en/developer/python-driver/3.29/api/cassandra/cluster/"


def connect(session: Session) -> None:
    feature = Feature("connect", session)
    feature.note("protocol", str(session.cluster.protocol_version))
    feature.execute(
        "local",
        "SELECT key, bootstrapped, cluster_name, cql_version, data_center, native_protocol_version,"
        " partitioner, rack, release_version FROM system.local",
    )


def discover(session: Session) -> None:
    feature = Feature("discover", session)
    known = session.cluster.metadata
    tokens = known.token_map.token_to_host_owner if known.token_map else {}
    feature.note(
        "nodes",
        [
            {
                "address": host.address,
                "port": str(host.endpoint.port),
                "datacenter": host.datacenter,
                "rack": host.rack,
                "version": host.release_version,
                "tokens": str(sum(owner == host for owner in tokens.values())),
            }
            for host in known.all_hosts()
        ],
    )
    if hasattr(known.all_hosts()[0], "sharding_info"):
        # scylla-driver: whether it has been told of shards, to open a connection to each.
        feature.note("shards", [host.sharding_info is not None for host in known.all_hosts()])
    feature.execute("peers", "SELECT count(*) FROM system.peers")
    feature.execute("peers_v2", "SELECT count(*) FROM system.peers_v2")


def schema(session: Session, statements: list[str]) -> None:
    feature = Feature("schema", session)
    session.execute(f"CREATE KEYSPACE {KEYSPACE} {REPLICATED_ONCE}")
    session.set_keyspace(KEYSPACE)
    agreed = True
    for statement in statements:
        result = session.execute(statement)
        agreed = agreed and result.response_future.is_schema_agreed
    feature.note("agreed", agreed)
    known = session.cluster.metadata.keyspaces[KEYSPACE]
    feature.note("tables", sorted(known.tables))
    items = known.tables["items"]
    feature.note("items", sorted([column.name, column.cql_type] for column in items.columns.values()))
    feature.note(
        "key",
        [[column.name for column in columns] for columns in (items.partition_key, items.clustering_key)],
    )
    address = known.user_types["address"]
    feature.note(
        "type", [[name, kind] for name, kind in zip(address.field_names, address.field_types, strict=True)]
    )


def metadata(session: Session) -> None:
    feature = Feature("metadata", session)
    known = session.cluster.metadata.keyspaces
    before = session.prepare("SELECT * FROM altered WHERE k = ?")
    session.execute("INSERT INTO altered (k, v) VALUES (1, 'a')")
    result = session.execute("ALTER TABLE altered ADD extra int")
    _within(10, lambda: "extra" in known[KEYSPACE].tables["altered"].columns)
    feature.note("columns", sorted(known[KEYSPACE].tables["altered"].columns))
    session.execute("UPDATE altered SET extra = 7 WHERE k = 1")
    feature.execute("prepared before", before, (1,))
    feature.note("agreed", result.response_future.is_schema_agreed)


def events(session: Session, other: Cluster) -> None:
    feature = Feature("events", session)
    known = other.metadata.keyspaces
    session.execute("CREATE TABLE heard (k int PRIMARY KEY)")
    feature.note("created", _within(10, lambda: "heard" in known[KEYSPACE].tables))
    session.execute("DROP TABLE heard")
    feature.note("dropped", _within(10, lambda: "heard" not in known[KEYSPACE].tables))
    feature.unsupported(
        "told", "no listener for changes of the schema, only metadata that follow them", _LISTENER
    )


def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
