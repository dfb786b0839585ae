"""The conditions of a step, judged look after look: since when they hold."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from cqlproxy.client.migration.fleet import Fleet
from cqlproxy.client.migration.gates import Condition, Seen, judge
from cqlproxy.client.migration.history import History
from cqlproxy.client.migration.journal import read_events
from cqlproxy.client.migration.looks import Calm, Look, mode_in_common
from cqlproxy.client.migration.plan import Plan, Step
from cqlproxy.client.migration.progress import Progress
from cqlproxy.modes import Mode


class Watch:
    """What is judged while proxies are in one phase. ``clock`` gives seconds that never go back."""

    def __init__(self, history: History, clock: Callable[[], float] = time.monotonic) -> None:
        self._history = history
        self._clock = clock
        self._calm = Calm()
        self._held_since: float | None = None

    def blind(self) -> None:
        """A look that showed nothing: what held before may not have held since."""
        self._held_since = None

    def judge(
        self, looks: Sequence[Look], phase: Mode | None, step: Step | None, *, paused: bool
    ) -> Progress:
        """How the conditions of ``step`` stand by a look just taken."""
        now = self._clock()
        self._calm.add(looks, now)
        in_phase = max(0.0, min(look.taken_at - look.mode_since for look in looks))
        conditions: list[Condition] = []
        if step is not None:
            confirmed = self._history.confirmed is step.to
            seen = Seen(looks, self._history.baselines, self._calm, in_phase, now, confirmed)
            conditions = judge(step.when, seen)
        if not all(condition.met for condition in conditions):
            self._held_since = None
        elif self._held_since is None:
            self._held_since = now
        return Progress(
            phase=phase,
            to=None if step is None else step.to,
            modes={look.url: look.stats.mode.value for look in looks},
            in_phase_seconds=in_phase,
            conditions=conditions,
            held_seconds=0.0 if self._held_since is None else now - self._held_since,
            held_for=0.0 if step is None else step.when.held_for,
            paused=paused,
        )


async def look_at(plan: Plan, agent: str) -> tuple[History, Progress]:
    """Where a migration stands, beside whoever carries it out: nothing is changed or noted.

    Raises ``ClientError`` and ``JournalError``. The progress has ``trouble`` when a proxy is not where the
    migration has left it.
    """
    history = History.of(read_events(plan.journal))
    fleet = Fleet(plan.addresses(agent), time.time)
    try:
        looks = await fleet.look()
    finally:
        await fleet.close()
    phase = mode_in_common(looks)
    step = None if phase is None else plan.step_after(phase)
    return history, Watch(history).judge(looks, phase, step, paused=False).but(_elsewhere(history, looks))


def _elsewhere(history: History, looks: Sequence[Look]) -> str | None:
    if history.id is None:
        return None
    found = [
        f"{look.url} is in {look.stats.mode}, not where this migration has left it"
        for look in looks
        if (place := history.places.get(look.url)) is None
        or (place.mode, place.since) != (look.stats.mode, look.mode_since)
    ]
    return "; ".join(found) or None
