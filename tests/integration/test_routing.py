"""An EXECUTE goes to a node that holds its row: two real nodes in one cluster, and the server's traces."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

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


def traced_reads(proxy: ProxyProcess, root: Path) -> list[tuple[int, int, str]]:
    """Token, value and coordinator of each row that was read."""
    program = DriverProgram(_PROGRAMS / "traced_reads.py", proxy.address, proxy.port, root=root)
    reads = program.result(90)["reads"]
    assert isinstance(reads, dict)
    return [(token, value, coordinator) for token, value, coordinator in reads.values()]


def owners_of(tokens: list[int], node: CassandraNode, root: Path) -> dict[str, str]:
    program = DriverProgram(_PROGRAMS / "replicas.py", node.address, node.port, "routed", *tokens, root=root)
    return cast("dict[str, str]", program.result(60)["owners"])


def test_an_execute_goes_to_a_node_that_holds_its_row(
    two_nodes: tuple[CassandraNode, CassandraNode], root: Path
) -> None:
    first, _ = two_nodes
    settings = proxy_settings(loopback_address(), first, None, mode="primary_only")
    proxy = ProxyProcess(settings, Path(tempfile.mkdtemp(prefix="routing-", dir=root)))
    proxy.start()
    try:
        # The first node may take a moment to hear of the second.
        proxy.wait_until(lambda stats: str(stats["nodes"]).count("True") == 2, 30, what="both nodes up")
        deadline = time.monotonic() + 45
        while True:  # a new keyspace's replicas are known a few seconds after its creation
            reads = traced_reads(proxy, root)
            owners = owners_of([token for token, _, _ in reads], first, root)
            wrong = {token: at for token, _, at in reads if owners[str(token)] != at}
            if not wrong or time.monotonic() > deadline:
                break
        assert wrong == {}
        assert [value for _, value, _ in reads] == list(range(len(reads)))
        assert len(set(owners.values())) == 2  # both nodes own some of the rows, so this could have failed
    finally:
        proxy.stop()
