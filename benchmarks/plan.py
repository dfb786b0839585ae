"""What a load generator is asked to do, the words in which it is told, and what it reports. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

GO: Final = "go"
COUNT: Final = "count"
REPORT: Final = "report"
STOP: Final = "stop"


@dataclass(frozen=True, slots=True)
class Plan:
    """What the generators do together. Without `rate`, each connection keeps `window` requests in flight."""

    host: str
    port: int
    workload: str
    """A name of `workload.WORKLOADS`."""
    size: int | None = None
    """Of the workload; None: the usual one."""
    connections: int = 8
    window: int = 32
    processes: int = 1
    """Generator processes that the connections are dealt to."""
    rate: float | None = None
    """Requests a second that are sent whether or not others have been answered; None: a closed loop."""

    def connections_of(self, process: int) -> range:
        """The numbers of the connections that a process makes."""
        return range(process, self.connections, self.processes)

    def share(self, bodies: Sequence[bytes], connection: int) -> Sequence[bytes]:
        """Those of the bodies that a connection sends; all, when there are more connections than bodies."""
        return bodies[connection :: self.connections] or bodies


@dataclass(slots=True)
class Load:
    """What the generators saw while they counted."""

    latencies: array[float] = field(default_factory=lambda: array("d"))
    """Seconds, one for each answer, in no order; in an open loop from when its request was due."""
    cpu_seconds: float = 0.0
    """Processor time that the generators took themselves, all together."""
    errors: int = 0
    """Answers other than what was asked for."""
    first_error: str = ""
    late: int = 0
    """In an open loop, requests that were sent long after they were due: the generator was at its limit."""

    def add(self, other: Load) -> None:
        """Take in what another generator saw."""
        self.latencies.extend(other.latencies)
        self.cpu_seconds += other.cpu_seconds
        self.errors += other.errors
        self.first_error = self.first_error or other.first_error
        self.late += other.late
