"""The clocks of nodes, beside that of this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

from cqlproxy.cluster.backend import Backend
from cqlproxy.preflight.finding import Finding

MOST_SKEW_SECONDS: Final = 0.5
"""Write times of the proxy and of nodes decide which write of a row counts."""

_QUERY: Final = "SELECT toTimestamp(now()) AS now FROM system.local"
_RESOLUTION: Final = 0.001


async def clock_findings(backend: Backend, clock: Callable[[], float]) -> list[Finding]:
    """Ask each node that is up for the time; ``clock`` gives this machine's, in seconds since the epoch."""
    found = []
    hosts: Iterable[Any] = backend.schema.all_hosts()
    for host in sorted((host for host in hosts if host.is_up), key=str):
        before = clock()
        (row,) = await backend.rows(_QUERY, host)
        after = clock()
        told = skew(row.now.replace(tzinfo=UTC), before, after)
        if told is not None:
            line = (
                f"the clock of the {backend.name}'s node {host.address} is {told} this machine's:"
                " let NTP set both, since write times decide which write counts"
            )
            found.append(Finding("clock", True, line))
    return found


def skew(told: datetime, before: float, after: float) -> str | None:
    """By how much a clock is off that has told this time between two others; None when it need not be."""
    between = told.timestamp() - (before + after) / 2
    # The answer was made somewhere between the two.
    off = abs(between) - (after - before) / 2 - _RESOLUTION
    if off <= MOST_SKEW_SECONDS:
        return None
    return f"{abs(between):.1f} s {'ahead of' if between > 0 else 'behind'}"
