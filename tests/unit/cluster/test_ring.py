"""Replicas by token, held against the driver's own token map."""

from types import SimpleNamespace
from typing import cast
from uuid import uuid4

from cassandra.cmurmur3 import murmur3
from cassandra.connection import DefaultEndPoint
from cassandra.metadata import KeyspaceMetadata, Metadata, Murmur3Token, TokenMap
from cassandra.policies import SimpleConvictionPolicy
from cassandra.pool import Host
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.cluster.driver import RawConnection
from cqlproxy.cluster.ring import Node, Ring

NODES = 5
TOKENS_PER_NODE = 8
REPLICATION_FACTOR = 3


def connection(node: str, shard: int = 0) -> RawConnection:
    """Stands for an open connection to one shard of a node."""
    return cast(
        RawConnection, SimpleNamespace(node=node, alive=True, features=SimpleNamespace(shard_id=shard))
    )


def nodes_chosen(ring: Ring, routing_key: bytes, times: int) -> list[str]:
    chosen = [ring.connection_for(routing_key) for _ in range(times)]
    return [str(getattr(connection, "node", None)) for connection in chosen]


def token_map() -> tuple[TokenMap, dict[object, Node]]:
    metadata = Metadata()
    hosts = [
        Host(DefaultEndPoint(f"127.0.0.{n}", 9042), SimpleConvictionPolicy, host_id=uuid4())
        for n in range(1, NODES + 1)
    ]
    owners = {}
    for position in range(NODES * TOKENS_PER_NODE):
        token = Murmur3Token(-(2**63) + 1 + position * (2**64 // (NODES * TOKENS_PER_NODE)))
        owners[token] = hosts[(position * 7) % NODES]
    options = {"class": "SimpleStrategy", "replication_factor": str(REPLICATION_FACTOR)}
    metadata.keyspaces["ks"] = KeyspaceMetadata("ks", True, "SimpleStrategy", options)
    nodes: dict[object, Node] = {}
    for host in hosts:
        node = nodes[host.endpoint] = Node(host)
        node.add(connection(node.address))
    return TokenMap(Murmur3Token, owners, sorted(owners), metadata), nodes


TOKEN_MAP, BY_ENDPOINT = token_map()


@given(st.binary(min_size=1, max_size=64))
def test_the_connections_chosen_are_those_of_the_drivers_replicas(routing_key: bytes) -> None:
    ring = Ring.of(TOKEN_MAP, "ks", BY_ENDPOINT)
    replicas = TOKEN_MAP.get_replicas("ks", Murmur3Token(murmur3(routing_key)))
    # Sorted lists: the replicas take turns, so each is chosen once.
    assert sorted(nodes_chosen(ring, routing_key, REPLICATION_FACTOR)) == sorted(
        str(host.endpoint) for host in replicas
    )


def test_a_replica_without_a_connection_is_passed_over() -> None:
    token_map_, nodes = token_map()
    ring = Ring.of(token_map_, "ks", nodes)
    replicas = list(token_map_.get_replicas("ks", Murmur3Token(murmur3(b"key"))))
    for host in replicas[:-1]:
        nodes[host.endpoint].discard(nodes[host.endpoint].connections[0])
    assert set(nodes_chosen(ring, b"key", 10)) == {str(replicas[-1].endpoint)}


def test_a_keyspace_with_no_replica_in_reach_has_no_connection() -> None:
    assert Ring([], []).connection_for(b"key") is None
    assert Ring([0], [()]).connection_for(b"key") is None


def test_the_shard_that_owns_the_token_is_chosen() -> None:
    sharding = SimpleNamespace(shard_id_from_token=lambda token: token % 4)
    node = Node(SimpleNamespace(endpoint="n", sharding_info=sharding))
    shards = [connection("n", shard) for shard in range(4)]
    for held in shards:
        node.add(held)
    assert node.connection_for(6) is shards[2]
    shards[2].alive = False
    assert node.connection_for(6) in shards
