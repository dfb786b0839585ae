"""The program ``workload.py`` through a proxy, and what of its tables can be compared afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict, cast

from tests.nodes import DriverProgram, ProxyProcess

KEYS = 2_000
CLIENTS = 48
_PROGRAMS = Path(__file__).parent / "programs"

EXPIRED_AFTER = 3.0
"""Seconds after the last write when what was written to expire soon has done so everywhere."""

BY_VALUE: Mapping[str, str] = {
    "counts": "a counter has no write time that can be read or given",
    "accounts": "the write time of a conditional write is its Paxos ballot, which each server makes itself",
    "ledger": "as accounts: conditional batches",
}
"""Tables of the workload that are compared by value and time of expiry, and why not by write time."""


FILLED = (
    *("items", "parts", "events", "generated", "appended", "indexed"),
    *("accounts", "ledger", "counts"),
)
"""Tables that have many rows after a workload."""


class WorkloadResult(TypedDict):
    """What the program says at its end; see there."""

    sent: int
    seconds: float
    kinds: dict[str, int]
    applied: int
    not_applied: int
    errors: list[str]


class Workload:
    """`operations` of every kind at `rate` a second, running."""

    def __init__(
        self,
        proxy: ProxyProcess,
        keyspace: str,
        *,
        operations: int,
        rate: int,
        seed: int = 1,
        root: Path,
    ) -> None:
        self.keyspace = keyspace
        self.by_value = [f"{keyspace}.{table}" for table in BY_VALUE]
        self._operations = operations
        self._timeout = 120 + 3 * operations / rate
        at = (proxy.address, proxy.port, keyspace)
        DriverProgram(_PROGRAMS / "workload_schema.py", *at, root=root).result(60)
        proxy.wait_copied()
        options = {"operations": operations, "keys": KEYS, "clients": CLIENTS, "rate": rate, "seed": seed}
        self._program = DriverProgram(
            _PROGRAMS / "workload.py",
            *at,
            *(f"--{name}={value}" for name, value in options.items()),
            root=root,
        )

    def is_running(self) -> bool:
        return self._program.is_running()

    def result(self) -> WorkloadResult:
        """What it was answered, once it has sent all."""
        return cast(WorkloadResult, self._program.result(self._timeout))
