"""A Cassandra cluster of several nodes, in one datacenter, each on a loopback address of its own."""

from pathlib import Path

from tests.nodes.addresses import STORAGE_PORT, loopback_address
from tests.nodes.node import CassandraNode

_RING = 2**64

# A node that comes back hears of the others before it serves clients: the least that is enough here.
_SETTLING = {
    "cassandra.skip_wait_for_gossip_to_settle": 4,
    "cassandra.gossip_settle_min_wait_ms": 500,
    "cassandra.gossip_settle_interval_ms": 250,
    "cassandra.gossip_settle_poll_success_required": 2,
}


def nodes_of_one_cluster(name: str, count: int, root: Path) -> list[CassandraNode]:
    """`count` nodes that know each other, none of them started; each owns an equal part of the ring.

    All are seeds with given tokens, so that they can be started at the same time: nobody has anything to
    stream or to wait for.
    """
    addresses = [loopback_address() for _ in range(count)]
    seeds = ",".join(f"{address}:{STORAGE_PORT}" for address in addresses)
    return [
        CassandraNode(
            f"{name}-{number}",
            address,
            root,
            heap="400M",
            settings={
                # What one node loses when it is killed, the others have.
                "commitlog_sync_period": "200ms",
                "cluster_name": name,
                "num_tokens": 1,
                "initial_token": str((number - 1) * _RING // count - _RING // 2),
                "allocate_tokens_for_local_replication_factor": None,
                "auto_bootstrap": False,
                "seed_provider": [
                    {
                        "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                        "parameters": [{"seeds": seeds}],
                    }
                ],
            },
            properties=_SETTLING,
        )
        for number, address in enumerate(addresses, start=1)
    ]
