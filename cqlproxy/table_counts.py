"""Counts by keyspace and table that stay bounded, whatever names clients come up with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

MAX_SERIES: Final = 1000
"""How many combinations one family tells apart before the rest is counted under `OTHER`."""

OTHER: Final = "other"


class CountsByReason(dict[tuple[str, str, str], int]):
    """Counts by (reason, keyspace, table); the names are empty where they are not known."""

    __slots__ = ()

    def add(self, reason: str, keyspace: str | None, table: str | None) -> None:
        """Count one more; once the family is full, what is new to it as (reason, OTHER, OTHER)."""
        key = (reason, keyspace or "", table or "")
        count = self.get(key)
        if count is None and len(self) >= MAX_SERIES:
            key = (reason, OTHER, OTHER)
            count = self.get(key)
        self[key] = (count or 0) + 1

    def by_reason(self) -> dict[str, int]:
        """The same by reason alone."""
        sums: dict[str, int] = {}
        for (reason, _, _), count in self.items():
            sums[reason] = sums.get(reason, 0) + count
        return sums


class CountsByTable(dict[tuple[str | None, str | None], int]):
    """Counts by (keyspace, table)."""

    __slots__ = ()

    # Hot path: once per copy. Most are of one table, which was counted before.
    def add(self, tables: Iterable[tuple[str | None, str | None]]) -> None:
        """Count one more for each of ``tables``."""
        for table in tables:
            try:
                self[table] += 1
            except KeyError:
                if len(self) >= MAX_SERIES:
                    table = (OTHER, OTHER)
                self[table] = self.get(table, 0) + 1
