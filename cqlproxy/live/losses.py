"""Copies that were given up, told in the log: how many and why, once in a while."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

log = logging.getLogger(__name__)

TOLD_EVERY_SECONDS: Final = 10.0

_WHAT: Final = {
    "failed_copies_by_reason": "copies were given up; with a journal they are dead letters",
    "dropped_by_reason": "copies were dropped: they are lost",
}
"""By figure of `/stats`."""


class Losses:
    """Looks at the counts of what was given up, and tells of those that have grown."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], tuple[float, int]] = {}
        """By figure and reason: when it was last told of, and how many there were."""

    def look(self, figures: Mapping[str, object], now: float) -> None:
        """``figures`` are those of ``/stats``; ``now`` is ``time.monotonic()``."""
        for name, what in _WHAT.items():
            counts = figures[name]
            assert isinstance(counts, Mapping)
            for reason, count in counts.items():
                at, told = self._told.get((name, reason), (now - TOLD_EVERY_SECONDS, 0))
                if count > told and now - at >= TOLD_EVERY_SECONDS:
                    self._told[name, reason] = now, count
                    # In the message itself, so that one reason does not hide the next (see cqlproxy.logs).
                    log.warning(f"{what} ({reason})", extra={"copies": count - told})
