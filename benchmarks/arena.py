"""Two instant backends, and the contestants that are started between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import uvloop

from benchmarks.contestants.contestant import Clusters, Contestant
from benchmarks.errors import BenchmarkError
from benchmarks.instant.cluster import InstantCluster, instant_clusters
from benchmarks.proxy_under_load import Measured, prepare_tables
from benchmarks.workload import workload
from tests.nodes import ProcessError, workspace
from tests.nodes.jars import cassandra_jars

DIRECT = "direct"
"""The name of the primary's instant backend itself, asked without anyone in between."""


@dataclass
class Arena:
    """Where contestants meet. What could not be measured is in `failures`, a sentence each."""

    primary: InstantCluster
    shadow: InstantCluster
    failures: list[str] = field(default_factory=list)

    @property
    def clusters(self) -> Clusters:
        """Those between which contestants stand."""
        return Clusters(self.primary, self.shadow)

    @property
    def backends(self) -> tuple[int, int]:
        """The processes of the instant backends."""
        return self.primary.pid, self.shadow.pid

    def show(self, name: str, size: int | None = None) -> None:
        """Have both backends know a workload, so that they need not ask their nodes any more.

        Raises `BenchmarkError`.
        """
        for cluster in self.clusters:
            uvloop.run(prepare_tables(cluster.address, cluster.port, [workload(name, size)], whole=False))

    def direct(self) -> Measured:
        """The primary without anyone in between; what is measured is the backend."""
        return Measured(self.primary.address, self.primary.port, self.primary.pid)

    @contextmanager
    def started(self, contestants: Sequence[Contestant]) -> Iterator[dict[str, Measured]]:
        """All that can be started; the others are among the `failures`."""
        with ExitStack() as running:
            found: dict[str, Measured] = {}
            for contestant in contestants:
                try:
                    found[contestant.name] = contestant.start(running, self.clusters)
                except (BenchmarkError, ProcessError) as error:
                    self.failures.append(f"{contestant.name} was not measured: {error}")
            yield found

    def raise_failures(self) -> None:
        """Raises `BenchmarkError` when anything could not be measured."""
        if self.failures:
            raise BenchmarkError("; ".join(self.failures))


@contextmanager
def arena() -> Iterator[Arena]:
    """An arena whose backends run. Raises `BootstrapError`, `ProcessError`."""
    with ExitStack() as running:
        cassandra_jars()
        root = running.enter_context(workspace())
        primary, shadow = running.enter_context(instant_clusters(root, "primary", "shadow"))
        yield Arena(primary, shadow)
