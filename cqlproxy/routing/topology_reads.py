"""The reads by which drivers discover a cluster: ``system.local``, ``system.peers``, ``system.peers_v2``."""

from __future__ import annotations

from cqlproxy.statements import Kind, Statement

SYSTEM_KEYSPACE = "system"
LOCAL = "local"
PEERS = ("peers", "peers_v2")


def is_topology_read(statement: Statement, keyspace: str | None) -> bool:
    """Whether a statement reads a table that tells of nodes. ``keyspace`` is the client's."""
    if statement.kind is not Kind.READ or len(statement.tables) != 1:
        return False
    table = statement.tables[0]
    return (table.keyspace or keyspace) == SYSTEM_KEYSPACE and (table.table == LOCAL or table.table in PEERS)
