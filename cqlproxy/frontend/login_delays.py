"""Who fails to log in waits before the next attempt, by client address, longer each time. Pure.

All attempts from an address that has failed lately take turns, so that many connections guess no faster than
one. The table is bounded; what is forgotten first is what failed longest ago.
"""

from __future__ import annotations

from collections import OrderedDict
from ipaddress import IPv6Address
from typing import Final

from cqlproxy.frontend.addresses import client_address

MAX_ADDRESSES: Final = 10_000

FIRST_SECONDS: Final = 0.1
LONGEST_SECONDS: Final = 3.2
"""Short enough for the server's error to come before drivers give a connection up (5 s)."""

MAX_WAIT_SECONDS: Final = 4.0
"""An attempt whose turn is further away than this is refused."""

FORGOTTEN_SECONDS: Final = 300.0
"""Without a failure for so long, an address has none."""


class _Failures:
    __slots__ = ("count", "free_at", "last")

    def __init__(self) -> None:
        self.count = 0
        self.last = 0.0
        self.free_at = 0.0

    @property
    def delay(self) -> float:
        return min(FIRST_SECONDS * 2.0 ** min(self.count - 1, 10), LONGEST_SECONDS)


class LoginDelays:
    """All times are of one clock that never goes back, in seconds; addresses are as sockets tell them."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def __len__(self) -> int:
        return len(self._failures)

    def turn(self, address: str, now: float) -> float | None:
        """How long an attempt from ``address`` has to wait; None when it is to be refused."""
        key = _network(address)
        failures = self._failures.get(key)
        if failures is None:
            return 0.0
        if now - failures.last > FORGOTTEN_SECONDS:
            del self._failures[key]
            return 0.0
        wait = max(0.0, failures.free_at - now)
        if wait > MAX_WAIT_SECONDS:
            return None
        failures.free_at = now + wait + failures.delay
        return wait

    def failed(self, address: str, now: float) -> float:
        """An attempt failed. Returns how long its error is to be held back."""
        key = _network(address)
        failures = self._failures.get(key)
        if failures is None:
            failures = self._failures[key] = _Failures()
            if len(self._failures) > MAX_ADDRESSES:
                self._failures.popitem(last=False)
        self._failures.move_to_end(key)
        failures.count += 1
        failures.last = now
        failures.free_at = max(failures.free_at, now + failures.delay)
        return failures.delay


def _network(address: str) -> str:
    """Whoever has one IPv6 address has its /64."""
    try:
        found = client_address(address)
    except ValueError:
        return address
    return found.packed[:8].hex() if isinstance(found, IPv6Address) else str(found)
