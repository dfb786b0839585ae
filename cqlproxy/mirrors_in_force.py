"""The copies under way to each cluster, as operators see them, hold them back and let them go on."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Final, NamedTuple

from cqlproxy.admin.view import MirrorRefusedError, NoMirrorError
from cqlproxy.cluster.side import Side
from cqlproxy.metrics import Metrics
from cqlproxy.mirror.progress import Progress
from cqlproxy.mirror.worker import Mirror
from cqlproxy.modes import Mode
from cqlproxy.routing.route import SERVING

log = logging.getLogger(__name__)

_DRAINED_CHECK_SECONDS: Final = 0.05


class _Pause(NamedTuple):
    since: float
    by: str


class MirrorsInForce:
    """Implements ``admin.view.MirrorsView``. ``mode`` tells the one in force."""

    def __init__(self, mirrors: Sequence[Mirror], metrics: Metrics, mode: Callable[[], Mode]) -> None:
        self._mirrors = mirrors
        self._metrics = metrics
        self._mode = mode
        self._pauses: dict[Side, _Pause] = {}
        self._progress = {mirror.side: Progress() for mirror in mirrors}

    def note(self, now: float) -> None:
        """Look at what is left; to be called about every second. ``now`` is ``time.monotonic()``."""
        for mirror in self._mirrors:
            self._progress[mirror.side].note(now, mirror.remaining, self._delivered(mirror))

    def shown(self) -> list[dict[str, object]]:
        """See ``admin.view.MirrorsView``."""
        return [self._shown(mirror) for mirror in self._mirrors]

    def pause(self, target: Side | None, *, by: str) -> None:
        """See ``admin.view.MirrorsView``."""
        chosen = self._chosen(target)
        serving = SERVING[self._mode()]
        if serving.awaited and any(mirror.side is serving.side.other for mirror in chosen):
            raise MirrorRefusedError(
                f"in {self._mode()} clients wait for their copies: switch to another mode first"
            )
        for mirror in chosen:
            if not mirror.paused:
                mirror.pause()
                self._pauses[mirror.side] = _Pause(time.time(), by)
                log.warning(
                    f"copies to the {mirror.side.label} cluster are paused: they wait, in memory and in the"
                    " journal",
                    extra={"by": by},
                )

    def resume(self, target: Side | None, *, by: str) -> None:
        """See ``admin.view.MirrorsView``."""
        for mirror in self._chosen(target):
            if mirror.paused:
                del self._pauses[mirror.side]
                log.info(f"copies to the {mirror.side.label} cluster go on", extra={"by": by})
                mirror.resume()

    async def drain(self, target: Side | None, seconds: float) -> dict[str, object]:
        """See ``admin.view.MirrorsView``."""
        chosen = self._chosen(target)
        began = monotonic()
        while not (drained := self._have_drained(chosen, began)) and monotonic() - began < seconds:
            await asyncio.sleep(_DRAINED_CHECK_SECONDS)
        now = monotonic()
        left = [self._seconds_left(mirror, now) for mirror in chosen]
        known = [seconds for seconds in left if seconds is not None]
        return {
            "drained": drained,
            "remaining": sum(mirror.remaining for mirror in chosen),
            "copies_per_second": round(sum(self._rate(mirror, now) for mirror in chosen), 1),
            "seconds_left": max(known) if len(known) == len(left) else None,
            "waited_seconds": round(now - began, 3),
            "mirrors": self.shown(),
        }

    def _have_drained(self, chosen: Sequence[Mirror], began: float) -> bool:
        """Whether all that was taken before ``began`` is settled; others may have come since."""
        if any(mirror.paused and mirror.remaining for mirror in chosen):
            raise MirrorRefusedError("copies are paused, and so none is delivered: resume first")
        return not any(
            mirror.remaining and (mirror.backlog or mirror.lag > monotonic() - began) for mirror in chosen
        )

    def _chosen(self, target: Side | None) -> list[Mirror]:
        if not self._mirrors:
            raise NoMirrorError("no shadow cluster is configured, so nothing is copied")
        return [mirror for mirror in self._mirrors if target in (None, mirror.side)]

    def _shown(self, mirror: Mirror) -> dict[str, object]:
        now = monotonic()
        pause = self._pauses.get(mirror.side)
        return {
            "target": mirror.side.label,
            "paused": mirror.paused,
            "paused_since": None if pause is None else pause.since,
            "paused_by": None if pause is None else pause.by,
            "queue_depth": mirror.depth,
            "queue_bytes": mirror.depth_bytes,
            "in_flight": mirror.in_flight,
            "journal_depth": mirror.backlog,
            "remaining": mirror.remaining,
            "lag_seconds": round(mirror.lag, 6),
            "copies_per_second": round(self._rate(mirror, now), 1),
            "seconds_left": self._seconds_left(mirror, now),
            "window": mirror.window,
            "circuit": mirror.circuit.value,
        }

    def _rate(self, mirror: Mirror, now: float) -> float:
        return self._progress[mirror.side].rate(now, self._delivered(mirror))

    def _seconds_left(self, mirror: Mirror, now: float) -> float | None:
        left = self._progress[mirror.side].seconds_left(now, mirror.remaining)
        return None if left is None else round(left, 1)

    def _delivered(self, mirror: Mirror) -> int:
        return self._metrics.copy_latency_ok[mirror.side].count
