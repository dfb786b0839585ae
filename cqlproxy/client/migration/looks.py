"""What was seen of the proxies at one moment, and what has been true since when. Clocks are passed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cqlproxy.client.figures import Stats, number
from cqlproxy.modes import Mode

_SAME_START = 5.0
"""Seconds by which two calculations of when a proxy was started may differ."""


@dataclass(frozen=True)
class Look:
    """One proxy at one moment."""

    url: str
    stats: Stats
    taken_at: float
    """Seconds since the epoch."""
    keeps_all: bool = False
    """Whether its journal has every copy, so that a kill loses none."""

    @property
    def mode_since(self) -> float:
        """When its mode was set, in seconds since the epoch."""
        return number(self.stats.figures, "mode_since")

    @property
    def started_at(self) -> float:
        """When it was started, in seconds since the epoch: its counters began with 0 then."""
        return self.taken_at - self.stats.uptime_seconds


@dataclass(frozen=True)
class Baseline:
    """The counters of one proxy when a phase began."""

    started_at: float
    dropped_writes: int

    @classmethod
    def of(cls, look: Look) -> Baseline:
        """As they are in a look."""
        return cls(look.started_at, look.stats.dropped_writes)

    def restarted(self, look: Look) -> bool:
        """Whether the proxy was started again since."""
        return look.started_at > self.started_at + _SAME_START

    def dropped(self, look: Look) -> int:
        """Copies dropped since, as far as the proxy remembers."""
        before = 0 if self.restarted(look) else self.dropped_writes
        return max(0, look.stats.dropped_writes - before)

    def killed(self, look: Look) -> bool:
        """Whether it was killed since, with copies that only its memory held."""
        return self.restarted(look) and look.stats.last_run == "unclean" and not look.keeps_all


class Calm:
    """Since when no read differed between the clusters, and how many were compared since.

    It begins with the first look of this program: what was before it is not known to have been calm.
    """

    def __init__(self) -> None:
        self._last: Mapping[str, Look] = {}
        self._since: float | None = None
        self._compared = 0

    def add(self, looks: Sequence[Look], now: float) -> None:
        """Take in what was seen ``now``, on a clock that never goes back."""
        mismatches = compared = 0
        for look in looks:
            last = self._last.get(look.url)
            same = last is not None and look.started_at <= last.started_at + _SAME_START
            before = last.stats if last is not None and same else None
            if before is None and last is None:
                continue
            mismatches += look.stats.consistency_mismatches - (before.consistency_mismatches if before else 0)
            compared += look.stats.validated_reads - (before.validated_reads if before else 0)
        if self._since is None or mismatches > 0:
            self._since, self._compared = now, 0
        else:
            self._compared += compared
        self._last = {look.url: look for look in looks}

    def seconds(self, now: float) -> float:
        """How long it has been calm."""
        return 0.0 if self._since is None else now - self._since

    @property
    def compared(self) -> int:
        """Reads that were compared in that time."""
        return self._compared


def mode_in_common(looks: Sequence[Look]) -> Mode | None:
    """The mode in which all of them are; None when they are in several."""
    modes = {look.stats.mode for look in looks}
    return modes.pop() if len(modes) == 1 else None
