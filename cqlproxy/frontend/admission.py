"""Who may connect: from which networks, and how many clients, in all and by address. Pure."""

from __future__ import annotations

from cqlproxy.frontend.addresses import client_address
from cqlproxy.frontend.limits import ClientLimits, Turned


class Admission:
    """Counts clients in and out."""

    def __init__(self, limits: ClientLimits) -> None:
        self._limits = limits
        self._by_address: dict[str, int] = {}
        self.count = 0
        """Clients that were admitted and have not left."""

    def admit(self, host: str) -> Turned | None:
        """None, and it is counted until it leaves; else why it may not connect.

        ``host`` is its address as the system tells it, with the zone of a link-local one.
        """
        limits = self._limits
        networks = limits.allowed_networks
        if networks is not None:
            address = client_address(host)
            if not any(address in network for network in networks):
                return Turned.NETWORK
        if self.count >= limits.max_clients:
            return Turned.CLIENTS
        of_address = self._by_address.get(host, 0)
        if of_address >= limits.max_clients_per_address:
            return Turned.ADDRESS
        self.count += 1
        self._by_address[host] = of_address + 1
        return None

    def leave(self, host: str) -> None:
        """A client that was admitted has gone."""
        self.count -= 1
        left = self._by_address[host] - 1
        if left:
            self._by_address[host] = left
        else:
            del self._by_address[host]


class Place:
    """What one client that was admitted takes up until it has left, however often that is said."""

    def __init__(self, admission: Admission, host: str) -> None:
        self._admission: Admission | None = admission
        self._host = host

    def leave(self) -> None:
        if self._admission is not None:
            self._admission.leave(self._host)
            self._admission = None
