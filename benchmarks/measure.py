"""What a process takes: processor time and resident memory, as the kernel counts them."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.errors import BenchmarkError

_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")

_ALL_THREADS: Final = 2
"""CPUCLOCK_SCHED of Linux: the time that the scheduler has given to all threads of a process."""

_IDLE_SHARE: Final = 0.05
_IDLE_SAMPLE_SECONDS: Final = 0.25


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has taken up to one moment."""

    at: float
    """``time.monotonic()``, in seconds."""
    cpu_seconds: float
    """User and system time of all its threads."""
    resident_bytes: int
    waited_seconds: float = 0.0
    """For a processor, by its main thread: others had them all."""


def usage(pid: int) -> Usage:
    """What the process `pid` has taken up to now. Raises `BenchmarkError` when there is none."""
    try:
        statm = Path("/proc", str(pid), "statm").read_text()
        schedstat = Path("/proc", str(pid), "schedstat").read_text()
        cpu_seconds = time.clock_gettime(_cpu_clock(pid))
    except OSError as error:
        raise BenchmarkError(f"process {pid} cannot be watched: {error.strerror}") from error
    resident_bytes = resident_pages(statm) * _PAGE_BYTES
    return Usage(time.monotonic(), cpu_seconds, resident_bytes, waited_seconds(schedstat))


def _cpu_clock(pid: int) -> int:
    """The clock that clock_getcpuclockid(3) names: it counts nanoseconds, where /proc/PID/stat has ticks."""
    return ~pid << 3 | _ALL_THREADS


def resident_pages(statm: str) -> int:
    """Resident memory in a ``/proc/PID/statm``, in pages."""
    return int(statm.split()[1])


def waited_seconds(schedstat: str) -> float:
    """Time on a run queue in a ``/proc/PID/schedstat``: its second number, in nanoseconds."""
    return int(schedstat.split()[1]) / 1e9


def wait_idle(pid: int, timeout: float) -> None:
    """Wait until the process takes less than 5 % of a core, so that nothing of what was before is left.

    Raises `BenchmarkError` when that takes longer than `timeout` seconds.
    """
    before = usage(pid)
    deadline = before.at + timeout
    while True:
        time.sleep(_IDLE_SAMPLE_SECONDS)
        now = usage(pid)
        if now.cpu_seconds - before.cpu_seconds < _IDLE_SHARE * (now.at - before.at):
            return
        if now.at > deadline:
            raise BenchmarkError(
                f"process {pid} still works {timeout:g} s after the load has ended: other clients use it, "
                "or copies are queued; a measurement now would not be of the load alone"
            )
        before = now
