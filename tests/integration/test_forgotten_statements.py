"""Servers forget prepared statements; the application does not notice, and nothing is applied twice."""

from pathlib import Path

from tests.integration.conftest import StartProxy
from tests.nodes import CassandraNode, DriverProgram

_PROGRAM = Path(__file__).parent / "programs" / "forgotten_statements.py"
ROUNDS = 20


def test_statements_are_prepared_again_where_they_are_forgotten_unseen_by_the_client(
    start_proxy: StartProxy, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    proxy = start_proxy()
    arguments = (proxy.address, proxy.port, primary.address, primary.port, shadow.address, shadow.port)
    said = DriverProgram(_PROGRAM, *arguments, root=root).result(90)
    # The last read has the column that was added meanwhile: its driver was told to prepare again.
    assert said["seen"] == [[[1, "before"]], [[1, "after the shadow"]], [[1, None, "after the primary"]]]
    assert said["counter"] == said["shadow_counter"] == 3 * ROUNDS
    stats = proxy.stats()
    assert stats["reprepared_statements"] == 3  # each of the three, once, on the primary
    assert int(str(stats["retried_writes"])) >= 2  # the two that write, on the shadow
    assert stats["failed_copies"] == stats["dropped_writes"] == stats["failed_writes"] == 0, stats
