"""Copies under way to a shadow that is not there: held, let go, and becoming fewer."""

from __future__ import annotations

from dataclasses import dataclass, field

from cqlproxy.admin.view import MirrorRefusedError, NoMirrorError
from cqlproxy.cluster.side import Side

COPIES_PER_SECOND = 100.0


@dataclass
class Mirrors:
    """Implements ``admin.view.MirrorsView``. Each second that is waited, a hundred copies arrive.

    ``refusal`` is why nothing may be paused; without a ``shadow`` there are no copies at all.
    """

    remaining: int = 0
    shadow: bool = True
    refusal: str | None = None
    lag: float = 0.0
    """Age of the oldest copy, in seconds."""
    paused: dict[Side, str] = field(default_factory=dict)
    """By whom, the target that is."""
    waited: list[float] = field(default_factory=list)

    def shown(self) -> list[dict[str, object]]:
        return [self._shown(side) for side in Side] if self.shadow else []

    def pause(self, target: Side | None, *, by: str) -> None:
        for side in self._chosen(target):
            if self.refusal is not None:
                raise MirrorRefusedError(self.refusal)
            self.paused.setdefault(side, by)

    def resume(self, target: Side | None, *, by: str) -> None:
        for side in self._chosen(target):
            self.paused.pop(side, None)

    async def drain(self, target: Side | None, seconds: float) -> dict[str, object]:
        chosen = self._chosen(target)
        if self.remaining and any(side in self.paused for side in chosen):
            raise MirrorRefusedError("copies are paused, and so none is delivered: resume first")
        self.waited.append(seconds)
        self.remaining = max(0, self.remaining - int(seconds * COPIES_PER_SECOND))
        return {
            "drained": not self.remaining,
            "remaining": self.remaining,
            "copies_per_second": COPIES_PER_SECOND,
            "seconds_left": self.remaining / COPIES_PER_SECOND,
            "waited_seconds": seconds,
            "mirrors": self.shown(),
        }

    def _chosen(self, target: Side | None) -> list[Side]:
        if not self.shadow:
            raise NoMirrorError("no shadow cluster is configured, so nothing is copied")
        return [side for side in Side if target in (None, side)]

    def _shown(self, side: Side) -> dict[str, object]:
        remaining = self.remaining if side is Side.SHADOW else 0
        by = self.paused.get(side)
        return {
            "target": side.label,
            "paused": by is not None,
            "paused_since": None if by is None else 1_700_000_000.25,
            "paused_by": by,
            "queue_depth": remaining,
            "queue_bytes": remaining * 100,
            "in_flight": 0,
            "journal_depth": 0,
            "remaining": remaining,
            "lag_seconds": self.lag if remaining else 0.0,
            "copies_per_second": COPIES_PER_SECOND,
            "seconds_left": remaining / COPIES_PER_SECOND,
            "window": 64,
            "circuit": "closed",
        }
