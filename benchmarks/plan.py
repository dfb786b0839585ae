"""What a load generator is asked to do, the words in which it is told, and what it reports. Pure."""

from __future__ import annotations

from array import array
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
    connections: int = 8
    window: int = 32
    processes: int = 1
    """Generator processes that the connections are dealt to."""
    rate: float | None = None
    """Requests a second that are sent whether or not others have been answered; None: a closed loop."""

    def connections_of(self, process: int) -> range:
        """The numbers of the connections that a process makes."""
        return range(process, self.connections, self.processes)


@dataclass(slots=True)
class Load:
    """What the generators saw while they counted."""

    latencies: array[float] = field(default_factory=lambda: array("d"))
    """Seconds, one for each answer, in no order; in an open loop from when its request was due."""
    cpu_seconds: float = 0.0
    """Processor time that the generators took themselves, all together."""
    errors: int = 0
    """Answers that were not a RESULT."""
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
