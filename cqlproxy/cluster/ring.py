"""Who holds a row: nodes, their connections by shard, and the replicas of a token."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from cassandra.cmurmur3 import murmur3

from cqlproxy.cluster.circuit import NodeCircuit
from cqlproxy.cluster.driver import RawConnection


class Node:
    """One node of a cluster and the connections of the proxy to it.

    ``circuit``: the node's, where it is not this object's own.
    """

    __slots__ = (
        "_next",
        "_shards",
        "circuit",
        "connections",
        "host",
        "in_turn",
        "passed_over",
        "requests_lost",
    )

    def __init__(self, host: Any, circuit: NodeCircuit | None = None) -> None:
        self.host = host
        self.circuit = NodeCircuit() if circuit is None else circuit
        self.connections: list[RawConnection] = []
        """All that are open."""
        self.in_turn: list[RawConnection] = []
        """Those of them that requests are sent on; none while others are used instead."""
        self.passed_over = False
        """What the circuit said when that was chosen."""
        self.requests_lost = 0
        """Those that were under way on its connections when they were closed."""
        self._shards: dict[int, RawConnection] = {}
        self._next = 0

    @property
    def address(self) -> str:
        return str(self.host.endpoint)

    def add(self, connection: RawConnection) -> None:
        self.connections.append(connection)
        self.use([*self.in_turn, connection])

    def discard(self, connection: RawConnection) -> None:
        if connection in self.connections:
            self.connections.remove(connection)
            self.use([held for held in self.in_turn if held is not connection])

    def use(self, connections: list[RawConnection]) -> None:
        """Send requests on these of its connections."""
        self.in_turn = connections
        self._shards = {connection.features.shard_id: connection for connection in connections}

    def connection_for(self, token: int) -> RawConnection | None:
        """The connection to the shard that owns ``token``; any in turn where there are no shards."""
        sharding = self.host.sharding_info
        if sharding is not None:
            connection = self._shards.get(sharding.shard_id_from_token(token))
            if connection is not None and connection.alive:
                return connection
        connections = self.in_turn
        if not connections:
            return None
        self._next = turn = (self._next + 1) % len(connections)
        return connections[turn]


class Ring:
    """The replicas of one keyspace by token, as of the moment it was built."""

    __slots__ = ("_ends", "_replicas", "_turn")

    def __init__(self, ends: list[int], replicas: list[tuple[Node, ...]]) -> None:
        self._ends = ends
        self._replicas = replicas
        self._turn = 0

    @classmethod
    def of(cls, token_map: Any, keyspace: str, nodes: dict[Any, Node]) -> Ring:
        """Build from the driver's token map; ``nodes`` by endpoint. Slow: not for the event loop."""
        ends = [token.value for token in token_map.ring]
        replicas = [
            tuple(
                nodes[host.endpoint]
                for host in token_map.get_replicas(keyspace, token)
                if host.endpoint in nodes
            )
            for token in token_map.ring
        ]
        return cls(ends, replicas)

    def replicas_of(self, routing_key: bytes) -> tuple[int, tuple[Node, ...]]:
        """The token of a partition and its replicas, each time another one first."""
        token: int = murmur3(routing_key)
        ends = self._ends
        if not ends:
            return token, ()
        at = bisect_left(ends, token)
        replicas = self._replicas[at if at < len(ends) else 0]
        self._turn = turn = self._turn + 1
        first = turn % len(replicas) if replicas else 0
        return token, replicas[first:] + replicas[:first]

    def connection_for(self, routing_key: bytes) -> RawConnection | None:
        """A connection to a replica of the partition; the replicas take turns."""
        ends = self._ends
        if not ends:
            return None
        token: int = murmur3(routing_key)
        at = bisect_left(ends, token)
        replicas = self._replicas[at if at < len(ends) else 0]
        count = len(replicas)
        self._turn = turn = self._turn + 1
        for offset in range(count):
            connection = replicas[(turn + offset) % count].connection_for(token)
            if connection is not None:
                return connection
        return None
