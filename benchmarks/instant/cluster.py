"""A cluster that answers at once: a Cassandra node, and the process of the instant backend before it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.instant.control import Counts, tell
from benchmarks.instant.relay import Behaviour
from bootstrap.environments import CHECKOUT
from tests.nodes import CassandraNode, GuardedProcess, loopback_address
from tests.nodes.addresses import NATIVE_PORT
from tests.nodes.node import QUICK_START

_START_SECONDS = 30.0
_HEAP = "1G"
_MANY = {"memtable_allocation_type": "unslabbed_heap_buffers", "prepared_statements_cache_size": "64MiB"}
"""Settings for a thousand tables, for each of which a slab would be a megabyte, and as many statements."""
_QUICK_TABLES = "-Dcassandra.test.flush_local_schema_changes=false"
"""A table is made in milliseconds: nobody needs it after a crash."""


class InstantCluster:
    """A whole cluster to whoever connects to `address`. Its files are in ``root/name``."""

    def __init__(self, name: str, root: Path) -> None:
        self.name = name
        self.address = loopback_address()
        self.port = NATIVE_PORT
        # Drivers connect where the node says that its clients are served.
        settings: dict[str, object] = {"broadcast_rpc_address": self.address, **_MANY}
        self._node = CassandraNode(
            name,
            loopback_address(),
            root,
            heap=_HEAP,
            settings=settings,
            java_options=(*QUICK_START, _QUICK_TABLES),
        )
        self._root = root
        self._control = root / name / "instant.socket"
        self._process: GuardedProcess | None = None

    def launch(self) -> None:
        """Start both processes and return at once."""
        self._node.launch()
        command = [
            *(sys.executable, "-m", "benchmarks.instant"),
            f"{self.address}:{self.port}",
            f"{self._node.address}:{self._node.port}",
            *("--control", str(self._control)),
        ]
        self._process = GuardedProcess(
            f"{self.name}'s instant backend",
            command,
            log=self._root / self.name / "instant.log",
            ready_text="ready",
            cwd=CHECKOUT,
        )

    def wait_ready(self) -> None:
        """Wait until it serves clients. Raises `ProcessError`."""
        if self._process is not None:
            self._process.wait_ready(_START_SECONDS)
        self._node.wait_ready()

    @property
    def pid(self) -> int:
        """Of the process that answers; not of the node behind it."""
        assert self._process is not None
        return self._process.pid

    def behave(self, behaviour: Behaviour) -> None:
        """From now on. Raises `BenchmarkError`."""
        tell(self._control, behaviour)

    def counts(self) -> Counts:
        """What became of the requests so far. Raises `BenchmarkError`."""
        return tell(self._control)

    def kill(self) -> None:
        """End both processes."""
        if self._process is not None:
            self._process.kill()
        self._node.kill()


@contextmanager
def instant_clusters(root: Path, *names: str) -> Iterator[list[InstantCluster]]:
    """One cluster for each name, started together; killed at the end, data and all."""
    clusters = [InstantCluster(name, root) for name in names]
    try:
        for cluster in clusters:
            cluster.launch()
        for cluster in clusters:
            cluster.wait_ready()
        yield clusters
    finally:
        for cluster in clusters:
            cluster.kill()
