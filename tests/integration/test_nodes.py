"""The test bed's node: it keeps its data through every way to end it, and a pause is only a pause."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nodes import DURABLE, CassandraNode, DriverProgram, ProcessError, loopback_address

_OPTIONS_FRAME = bytes.fromhex("040000000500000000")

_PROGRAM = """
import json, sys
from cassandra.cluster import Cluster

address, statement = sys.argv[1:]
with Cluster([address]) as cluster:
    rows = cluster.connect().execute(statement)
    print(json.dumps({"rows": [list(row) for row in rows]}))
"""


@pytest.fixture(scope="module")
def node(root: Path) -> Iterator[CassandraNode]:
    node = CassandraNode(
        "alone", loopback_address(), root, settings={"cluster_name": "of one's own", **DURABLE}
    )
    try:
        node.start()
        yield node
    finally:
        node.kill()


def _run(node: CassandraNode, tmp_path: Path, statement: str) -> object:
    script = tmp_path / "statement.py"
    script.write_text(_PROGRAM)
    return DriverProgram(script, node.address, statement, root=tmp_path).result(60)["rows"]


def _answers(node: CassandraNode, timeout: float) -> bool:
    """Whether OPTIONS is answered within `timeout` seconds."""
    with socket.create_connection((node.address, node.port)) as connection:
        connection.settimeout(timeout)
        connection.sendall(_OPTIONS_FRAME)
        try:
            return connection.recv(9)[:1] == b"\x84"
        except TimeoutError:
            return False


def test_settings_reach_the_node(node: CassandraNode, tmp_path: Path) -> None:
    assert _run(node, tmp_path, "SELECT cluster_name FROM system.local") == [["of one's own"]]


def test_pause_and_resume(node: CassandraNode) -> None:
    assert _answers(node, timeout=10)
    node.pause()
    assert not _answers(node, timeout=0.2)
    node.resume()
    assert _answers(node, timeout=10)


def test_data_outlive_kill_and_restart(node: CassandraNode, tmp_path: Path) -> None:
    _run(
        node,
        tmp_path,
        "CREATE KEYSPACE kept WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    )
    _run(node, tmp_path, "CREATE TABLE kept.t (k int PRIMARY KEY, v text)")
    _run(node, tmp_path, "INSERT INTO kept.t (k, v) VALUES (1, 'one')")

    node.kill()
    assert not node.is_running()
    node.start()
    assert _run(node, tmp_path, "SELECT k, v FROM kept.t") == [[1, "one"]]

    node.restart()
    assert _run(node, tmp_path, "SELECT k, v FROM kept.t") == [[1, "one"]]


def test_a_start_that_fails_shows_the_log(root: Path, node: CassandraNode) -> None:
    broken = CassandraNode("broken", node.address, root, settings={"no_such_setting": 1})
    with pytest.raises(ProcessError, match=r"broken ended with status (?s:.*)no_such_setting"):
        broken.start()
