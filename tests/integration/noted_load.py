"""The program ``noted_load.py``, running, and what has become of each of its requests on either cluster."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, cast

from tests.integration.comparison import Table, Tables, contents
from tests.integration.programs.noted_requests import counter_row, kind
from tests.nodes import CassandraNode, DriverProgram, ProxyProcess

_PROGRAM = Path(__file__).parent / "programs" / "noted_load.py"
_WINDOW = 1.0
"""Seconds of load in a window of `Requests.p99`."""


class Noted(NamedTuple):
    """One request: when it was sent (Unix time), how long until its answer (seconds), its error."""

    number: int
    started: float
    seconds: float
    error: str | None


@dataclass(frozen=True)
class Requests:
    """Requests in the order in which they were sent."""

    all: list[Noted]
    retried: int = 0
    """How often the driver sent one again."""

    @property
    def errors(self) -> list[Noted]:
        return [request for request in self.all if request.error is not None]

    @property
    def slowest(self) -> float:
        """Seconds."""
        return max(request.seconds for request in self.all)

    def between(self, begin: float, end: float) -> Requests:
        """Those sent between two Unix times."""
        return Requests([request for request in self.all if begin <= request.started < end])

    def p99(self) -> float:
        """Seconds: the median, over windows of a second, of what 99 % in the window do not exceed.

        A pause of a whole machine, or of a garbage collection, falls into a window or two and so into none of
        the figures; what is slower all the time, or every second, is in all of them.
        """
        windows: dict[int, list[float]] = {}
        for request in self.all:
            windows.setdefault(int(request.started / _WINDOW), []).append(request.seconds)
        return statistics.median(
            sorted(seconds)[int(len(seconds) * 0.99)] for seconds in list(windows.values())[1:-1]
        )

    def inserted(self, *, acknowledged: bool = True) -> set[int]:
        """Ids of the rows that were written; of those whose client was told so, or was told of an error."""
        return {
            request.number
            for request in self.all
            if kind(request.number) == "insert" and (request.error is None) == acknowledged
        }

    def counted(self, *, acknowledged: bool = True) -> Counter[int]:
        """By row how much was added to it; by requests as for `inserted`."""
        return Counter(
            counter_row(request.number)
            for request in self.all
            if kind(request.number) == "counter" and (request.error is None) == acknowledged
        )


class NotedLoad:
    """`rate` requests a second until `end`, at most for `seconds`; `retries` as for the program."""

    def __init__(
        self,
        proxy: ProxyProcess,
        keyspace: str,
        *,
        rate: int,
        retries: int = 0,
        seconds: float = 300,
        root: Path,
    ) -> None:
        self.keyspace = keyspace
        self._proxy = proxy
        self._root = root
        self._stop = root / f"{keyspace}.stop"
        self._program = DriverProgram(
            _PROGRAM,
            *(proxy.address, proxy.port, keyspace, f"--rate={rate}", f"--stop={self._stop}"),
            *(f"--retries={retries}", f"--seconds={seconds}"),
            root=root,
        )
        self.wait_running()

    def wait_running(self, requests: int = 100, timeout: float = 30) -> None:
        """Wait until the proxy has answered so many more writes."""
        wanted = self._proxy.count("successful_writes") + requests
        self._proxy.wait_until(
            lambda stats: cast(int, stats["successful_writes"]) >= wanted, timeout, what=f"{requests} writes"
        )

    def end(self) -> Requests:
        """Stop it; its requests."""
        self._stop.touch()
        said = self._program.result(90)
        requests = cast("list[tuple[int, float, float, str | None]]", said["requests"])
        return Requests(sorted(Noted(*request) for request in requests), cast(int, said["retried"]))

    def on(self, node: CassandraNode) -> Landed:
        """What a node has of it."""
        return Landed.of(contents(node, self.keyspace, root=self._root), self.keyspace)


@dataclass(frozen=True)
class Landed:
    """What one cluster holds of a load."""

    rows: Table
    counters: Table

    @classmethod
    def of(cls, tables: Tables, keyspace: str) -> Landed:
        """From all that was read of a cluster."""
        return cls(tables[f"{keyspace}.rows"], tables[f"{keyspace}.counts"])

    def ids(self) -> set[int]:
        """Ids of the rows that were inserted."""
        return {int(key.strip("[]")) for key in self.rows}

    def counts(self) -> Counter[int]:
        """By row how much was added to it."""
        return Counter(
            {int(key.strip("[]")): int(str(cells["n"][0])) for key, cells in self.counters.items()}
        )


def wait_for(seconds: float) -> tuple[float, float]:
    """A phase of a load: let it go on for so long; the Unix times of its beginning and its end."""
    begin = time.time()
    time.sleep(seconds)
    return begin, time.time()
