"""An EXECUTE goes to a node that holds its row: two real nodes in one cluster, and the server's traces."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nodes import CassandraNode, DriverProgram, ProxyProcess, loopback_address, proxy_settings

_PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture
def two_nodes(root: Path) -> Iterator[tuple[CassandraNode, CassandraNode]]:
    """One cluster of two nodes, each owning a part of the ring."""
    first = CassandraNode("ring-1", loopback_address(), root)
    together: dict[str, object] = {
        "cluster_name": first.name,
        "auto_bootstrap": False,  # there is nothing yet to stream
        "seed_provider": [
            {
                "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                "parameters": [{"seeds": f"{first.address}:7000"}],
            }
        ],
    }
    second = CassandraNode("ring-2", loopback_address(), root, settings=together)
    try:
        first.start()
        second.start()
        yield first, second
    finally:
        second.kill()
        first.kill()


def test_an_execute_goes_to_a_node_that_holds_its_row(
    two_nodes: tuple[CassandraNode, CassandraNode], root: Path
) -> None:
    first, _ = two_nodes
    settings = proxy_settings(loopback_address(), first, None, mode="primary_only")
    proxy = ProxyProcess(settings, Path(tempfile.mkdtemp(prefix="routing-", dir=root)))
    proxy.start()
    try:
        program = DriverProgram(_PROGRAMS / "traced_reads.py", proxy.address, proxy.port, root=root)
        reads = program.result(90)["reads"]
        assert isinstance(reads, dict)
        tokens = [token for token, _, _ in reads.values()]
        asked = DriverProgram(
            _PROGRAMS / "replicas.py", first.address, first.port, "routed", *tokens, root=root
        )
        owners = asked.result(60)["owners"]
        assert isinstance(owners, dict)
        assert [value for _, value, _ in reads.values()] == list(range(len(reads)))
        wrong = {token: at for token, _, at in reads.values() if owners[str(token)] != at}
        assert wrong == {}
        assert len(set(owners.values())) == 2  # both nodes own some of the rows, so this could have failed
    finally:
        proxy.stop()
