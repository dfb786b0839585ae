"""How many requests of all clients are under way."""

from __future__ import annotations


class Load:
    """One for all connections. Each adds what it has taken, and takes off what it has answered, in one sum
    per turn of the event loop, so that a request costs nothing here.
    """

    __slots__ = ("limit", "requests")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.requests = 0
        """Taken and not answered."""
