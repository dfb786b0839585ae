"""What a program learns of the cluster from system.local, system.peers and system.peers_v2."""

from tests.integration.programs.transcript import Transcript, conversation

TEXTS = (
    "SELECT * FROM system.local",
    "SELECT * FROM system.local WHERE key = 'local'",
    "SELECT key, rpc_address, broadcast_address, listen_address FROM system.local WHERE key='local'",
    'SELECT rpc_address AS a, host_id AS "Id", rpc_port FROM system.local',
    "SELECT CAST(rpc_address AS text), CAST(host_id AS text) FROM system.local",
    "SELECT CAST(rpc_address AS text) AS there FROM system.local",
    "SELECT JSON * FROM system.local",
    "SELECT JSON rpc_address, tokens FROM system.local",
    "SELECT DISTINCT key FROM system.local",
    "SELECT count(*) FROM system.local",
    "SELECT count(*) AS n FROM system.local WHERE key = 'local'",
    "SELECT count(rpc_address), max(rpc_port) FROM system.local",
    "SELECT tokens FROM system.local LIMIT 1",
    "SELECT * FROM system.local WHERE key = 'none'",
    "SELECT rpc_address FROM system.local WHERE key IN ('local', 'none')",
    "SELECT data_center, rack, release_version, partitioner, cluster_name FROM system.local",
    "SELECT cql_version, native_protocol_version FROM system.local",
    'SELECT * FROM "system"."local"',
    "/* driver */ select RPC_ADDRESS from System.Local where Key='local';",
    "SELECT * FROM system.peers",
    "SELECT peer, rpc_address, tokens FROM system.peers",
    "SELECT count(*) FROM system.peers",
    "SELECT count(*) AS n, max(rack) FROM system.peers",
    "SELECT JSON * FROM system.peers",
    "SELECT * FROM system.peers WHERE peer = '127.0.0.1'",
    "SELECT * FROM system.peers_v2",
    "SELECT count(*) FROM system.peers_v2",
)
BOUND = (
    ("SELECT * FROM system.local WHERE key = ?", ("local",)),
    ("SELECT * FROM system.local WHERE key = ?", ("none",)),
    ("SELECT rpc_address, host_id FROM system.local WHERE key = ?", ("local",)),
    ("SELECT count(*) FROM system.local", ()),
    ("SELECT * FROM system.peers", ()),
    ("SELECT count(*) FROM system.peers", ()),
    ("SELECT * FROM system.peers_v2 WHERE peer = ? AND peer_port = ?", ("127.0.0.1", 7000)),
)


def hosts(saw: Transcript) -> None:
    """The driver's own view of it."""
    metadata = saw.cluster.metadata
    saw.note(
        "hosts",
        [
            [
                str(host.endpoint),
                str(host.broadcast_rpc_address),
                host.datacenter,
                host.rack,
                host.release_version,
            ]
            for host in metadata.all_hosts()
        ],
    )
    saw.note("up", [host.is_up for host in metadata.all_hosts()])
    saw.note("cluster name", metadata.cluster_name)
    saw.note("partitioner", metadata.partitioner)
    saw.note("tokens", len(metadata.token_map.ring))
    saw.note("owners of the ring", len(set(metadata.token_map.token_to_host_owner.values())))
    replicas = metadata.get_replicas("system_distributed", b"key")
    saw.note("replicas", [str(host.endpoint) for host in replicas])


def reads(saw: Transcript) -> None:
    for cql in TEXTS:
        saw.ask(cql, cql)
    for cql, values in BOUND:
        statement = saw.session.prepare(cql)
        saw.ask(f"{cql} with {values}", statement, values)
        variables = [
            (column.name, column.type.cql_parameterized_type()) for column in statement.column_metadata
        ]
        saw.note(f"{cql} with {values}: variables", variables)
    saw.session.execute("USE system")
    saw.ask("unqualified local", "SELECT key, rpc_address FROM local")
    saw.ask("unqualified peers", "SELECT * FROM peers")
    saw.ask("unqualified, prepared", saw.session.prepare("SELECT rpc_address FROM local"))


def refused(saw: Transcript) -> None:
    saw.refused("unknown column", "SELECT nothing FROM system.local")
    saw.refused("filtering", "SELECT * FROM system.local WHERE rack = 'x'")
    saw.refused("wrong type", "SELECT * FROM system.local WHERE key = 1")
    saw.refused("no such table", "SELECT * FROM system.local2")


if __name__ == "__main__":
    with conversation() as saw:
        hosts(saw)
        reads(saw)
        refused(saw)
