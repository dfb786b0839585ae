"""Two clusters, and the contestants that are started between them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import uvloop

from benchmarks.contestants.contestant import Clusters, Contestant
from benchmarks.errors import BenchmarkError
from benchmarks.instant.cluster import InstantCluster, instant_clusters
from benchmarks.proxy_under_load import Measured
from benchmarks.tables import prepare_tables
from benchmarks.workload import workload
from bootstrap.commands import BootstrapError
from tests.nodes import CassandraNode, ProcessError, loopback_address, start_together, workspace
from tests.nodes.jars import cassandra_jars

DIRECT = "direct"
"""The name of the primary itself, asked without anyone in between."""

_HEAP = "1G"


class Cluster(Protocol):
    """A cluster that was started here."""

    address: str
    port: int

    @property
    def pid(self) -> int:
        """Of the process that answers."""


_Cluster = TypeVar("_Cluster", bound=Cluster, covariant=True)


@dataclass
class Arena(Generic[_Cluster]):
    """Where contestants meet. What could not be measured is in `failures`, a sentence each."""

    primary: _Cluster
    shadow: _Cluster
    instant: bool
    """Whether the clusters answer at once what they have seen."""
    failures: list[str] = field(default_factory=list)

    @property
    def clusters(self) -> Clusters:
        """Those between which contestants stand."""
        return Clusters(self.primary, self.shadow)

    @property
    def backends(self) -> tuple[int, int]:
        """The processes of the clusters."""
        return self.primary.pid, self.shadow.pid

    def show(self, name: str, size: int | None = None) -> str:
        """Make both clusters ready for a workload; their release. Raises `BenchmarkError`.

        An instant backend need not ask its node about it any more.
        """
        asked = workload(name, size)

        async def both() -> str:
            releases = await asyncio.gather(
                *(
                    prepare_tables(cluster.address, cluster.port, [asked], whole=not self.instant)
                    for cluster in self.clusters
                )
            )
            return releases[0]

        return uvloop.run(both())

    def direct(self) -> Measured:
        """The primary without anyone in between: it is itself what is measured."""
        return Measured(self.primary.address, self.primary.port, self.primary.pid)

    @contextmanager
    def started(self, contestants: Sequence[Contestant]) -> Iterator[dict[str, Measured]]:
        """All that can be started; the others are among the `failures`."""
        with ExitStack() as running:
            found: dict[str, Measured] = {}
            for contestant in contestants:
                try:
                    found[contestant.name] = contestant.start(running, self.clusters)
                except (BenchmarkError, BootstrapError, ProcessError) as error:
                    self.failures.append(f"{contestant.name} was not measured: {error}")
            yield found

    def raise_failures(self) -> None:
        """Raises `BenchmarkError` when anything could not be measured."""
        if self.failures:
            raise BenchmarkError("; ".join(self.failures))


@contextmanager
def instant_arena() -> Iterator[Arena[InstantCluster]]:
    """Backends that answer at once. Raises `BootstrapError`, `ProcessError`."""
    with ExitStack() as running:
        cassandra_jars()
        root = running.enter_context(workspace())
        primary, shadow = running.enter_context(instant_clusters(root, "primary", "shadow"))
        yield Arena(primary, shadow, instant=True)


@contextmanager
def real_arena() -> Iterator[Arena[CassandraNode]]:
    """Two nodes of Cassandra. Raises as `instant_arena`."""
    with ExitStack() as running:
        cassandra_jars()
        root = running.enter_context(workspace())
        # Java's own defaults: a node that is quick to start is slow to serve.
        primary, shadow = (
            CassandraNode(name, loopback_address(), root, heap=_HEAP, java_options=())
            for name in ("primary", "shadow")
        )
        running.enter_context(start_together(primary, shadow))
        yield Arena(primary, shadow, instant=False)
