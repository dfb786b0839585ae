"""Steady load through a proxy, and what it saw while a node failed."""

import time
from dataclasses import dataclass
from pathlib import Path

from tests.nodes import DriverProgram, ProxyProcess

_PROGRAM = Path(__file__).parent / "programs" / "load.py"
_SCHEMA = Path(__file__).parent / "programs" / "load_schema.py"


@dataclass(frozen=True)
class Operation:
    """One request of the application: when it began (Unix time), how long it took (seconds), its error."""

    started: float
    seconds: float
    error: str | None


@dataclass(frozen=True)
class LoadResult:
    """All operations of a run, in the order of their beginning."""

    operations: list[Operation]

    @property
    def errors(self) -> list[Operation]:
        return [operation for operation in self.operations if operation.error is not None]

    @property
    def slowest(self) -> float:
        """Seconds."""
        return max(operation.seconds for operation in self.operations)

    def between(self, begin: float, end: float) -> "LoadResult":
        """The operations that began between two Unix times."""
        return LoadResult([o for o in self.operations if begin <= o.started < end])

    def percentile(self, share: float) -> float:
        """The duration, in seconds, that ``share`` (0..1) of the operations do not exceed."""
        ordered = sorted(operation.seconds for operation in self.operations)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


class Load:
    """A load program at ``rate`` operations a second, running for ``seconds`` or until it is told to end."""

    def __init__(self, proxy: ProxyProcess, keyspace: str, *, seconds: float, rate: int, root: Path) -> None:
        DriverProgram(_SCHEMA, proxy.address, proxy.port, keyspace, root=root).result(60)
        self._seconds = seconds
        self._end = root / f"end-of-{keyspace}"
        self._program = DriverProgram(
            _PROGRAM, proxy.address, proxy.port, keyspace, str(seconds), rate, str(self._end), root=root
        )

    def wait_until_running(self, proxy: ProxyProcess) -> None:
        """Until its first operations have been answered."""
        before = successful_writes(proxy)
        deadline = time.monotonic() + 20
        while successful_writes(proxy) < before + 100:
            assert time.monotonic() < deadline, "the load did not start"
            time.sleep(0.05)

    def end(self) -> None:
        """Begin no further operations."""
        self._end.touch()

    def result(self) -> LoadResult:
        said = self._program.result(self._seconds + 60)["operations"]
        assert isinstance(said, list)
        return LoadResult([Operation(*entry) for entry in sorted(said)])


def successful_writes(proxy: ProxyProcess) -> int:
    value = proxy.stats()["successful_writes"]
    assert isinstance(value, int)
    return value
