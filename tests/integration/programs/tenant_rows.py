"""Which rows each request of ``tenant_load.py`` writes: for the program, and for whoever looks for them."""

from collections.abc import Callable
from typing import Final

Rows = list[tuple[str, int]]
"""Tables, and the position of the tenant whose row it is."""

TENANTS: Final = 3


def tenant_of(number: int) -> int:
    """The position of the tenant of a request that writes one row."""
    return number // len(WAYS) % TENANTS


def _one(number: int) -> Rows:
    return [("orders", tenant_of(number))]


def _all(number: int) -> Rows:
    return [*(("orders", tenant) for tenant in range(TENANTS)), ("audit", tenant_of(number))]


ROWS: Final[dict[str, Callable[[int], Rows]]] = {
    "prepared": _one,
    "plain": _one,
    "json": _one,
    "named": _one,
    "batch": _all,
    "text_batch": _all,
    "audit": lambda number: [("audit", tenant_of(number))],
}
WAYS: Final = tuple(ROWS)
