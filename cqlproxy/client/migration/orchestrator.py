"""Walks proxies through the phases of a migration, as the plan says, and back."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self

from cqlproxy.client.migration.errors import (
    ForeignSwitchError,
    NoSuchStepError,
    NotConfirmedError,
    WouldLoseError,
)
from cqlproxy.client.migration.fleet import Fleet
from cqlproxy.client.migration.history import History, places_of
from cqlproxy.client.migration.journal import Event, Journal
from cqlproxy.client.migration.looks import Look, mode_in_common
from cqlproxy.client.migration.phases import answered_by_shadow, is_before
from cqlproxy.client.migration.plan import Plan, Step
from cqlproxy.client.migration.progress import Progress
from cqlproxy.client.migration.switching import PASSING, Switching
from cqlproxy.client.migration.watching import Watch
from cqlproxy.modes import Mode, parse_mode

Confirm = Callable[[str], Awaitable[bool]]


class MigrationOrchestrator:
    """Carries out ``plan``; a context manager on one event loop. One at a time uses the plan's journal.

    ``by`` says who does it. ``told`` gets every line of the journal as it is written, ``watched`` how things
    stand at each look, ``confirm`` a question to which a step needs a yes: without it, or after a no, `run`
    ends with ``NotConfirmedError``.

    What is awaited raises ``MigrationError``, and ``ClientError`` when a proxy cannot be asked at the
    beginning; later on that is waited for. It may be cancelled, or killed, at any time: the proxies stay in
    the phase that they are in, and the next `run` goes on from there.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        by: str = "cqlproxy-client",
        told: Callable[[Event], None] = lambda event: None,
        watched: Callable[[Progress], None] = lambda progress: None,
        confirm: Confirm | None = None,
    ) -> None:
        self.plan = plan
        self.history = History()
        """Where the migration stands, as far as this program and its journal know."""
        self._by = by
        self._told = told
        self._watched = watched
        self._confirm = confirm
        self._fleet = Fleet(plan.addresses(f"cqlproxy migrate ({by})"), time.time)
        self._journal = Journal(plan.journal, self._noted)
        self._switching = Switching(self._fleet, self.history, self._journal, plan.look_every)
        self._watch = Watch(self.history)
        self._paused = False

    async def __aenter__(self) -> Self:
        try:
            self._journal.__enter__()
            for event in self._journal.events:
                self.history.add(event)
        except BaseException:
            await self._fleet.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._journal.close()
        await self._fleet.close()

    async def run(self, until: Mode | str | None = None, *, adopt: bool = False, force: bool = False) -> Mode:
        """Take step after step, each when its conditions hold, to the end of the plan or to ``until``.

        ``until`` is a phase in any of its spellings, else a ValueError. ``adopt``: go on from where somebody
        else has put the proxies. ``force``: take the steps whatever holds, even if a proxy thinks that the
        cluster that will answer is not ready. Returns the phase that was reached.
        """
        last = self.plan.steps[-1].to if until is None else parse_mode(until)
        phase = await self._begin(adopt)
        if is_before(last, phase):
            raise NoSuchStepError(f"the proxies are in {phase}, which is after {last}: go back by --rollback")
        if last is not phase and last not in (step.to for step in self.plan.steps):
            raise NoSuchStepError(f"the plan does not lead to {last}")
        while is_before(phase, last):
            step = self.plan.step_after(phase)
            assert step is not None
            why = "by force" if force else await self._until_it_may(step)
            await self._switch(phase, step.to, why=why, force=force)
            phase = step.to
        if phase is self.plan.steps[-1].to and self._journal.events[-1].get("event") != "finished":
            self._journal.write("finished", phase=phase.value)
        return phase

    async def rollback(
        self,
        to: Mode | str | None = None,
        *,
        adopt: bool = False,
        force: bool = False,
        accept_loss: bool = False,
    ) -> Mode:
        """Go back at once to the phase before, or to ``to``; returns the phase.

        The proxies let copies arrive before another cluster answers, and are asked again until they have,
        unless ``force``. ``accept_loss``: leave behind what only the shadow has. A proxy that cannot be
        reached keeps none of the others from going back.
        """
        looks, errors = await self._fleet.look_where_possible()
        if not looks or (errors and (adopt or self.history.id is None)):
            raise errors[0]
        await self._take_up(looks, adopt)
        phase = max((place.mode for place in self.history.places.values()), key=list(Mode).index)
        target = self.plan.phase_before(phase) if to is None else parse_mode(to)
        if target is None or not is_before(target, phase):
            what = "nothing is" if target is None else f"{target} is not"
            raise NoSuchStepError(f"the proxies are in {phase}, and {what} before it")
        if self.history.left_alone and not answered_by_shadow(target) and not accept_loss:
            raise WouldLoseError(
                f"in target_only the shadow alone was written, and in {target} the primary answers: it"
                " lacks those writes. Stay in shadow_primary until they are there, or leave them behind"
                " (--accept-loss)"
            )
        await self._switch(phase, target, why="rollback", force=force, back=True)
        return target

    def pause(self) -> None:
        """Take no step until ``resume``; a step under way is finished."""
        if not self._paused:
            self._paused = True
            self._journal.write("paused", phase=self.history.phase)

    def resume(self) -> None:
        """Go on."""
        if self._paused:
            self._paused = False
            self._journal.write("resumed", phase=self.history.phase)

    def _noted(self, event: Event) -> None:
        self.history.add(event)
        self._told(event)

    async def _begin(self, adopt: bool) -> Mode:
        """The phase to go on from; a step that was under way is finished first."""
        looks = await self._fleet.look()
        going, back = self.history.going, self.history.going_back
        phase = mode_in_common(looks)
        if self.history.id is not None and not adopt:
            await self._switching.check(looks)
        if phase is None and (going is None or adopt):
            modes = ", ".join(f"{look.url} in {look.stats.mode}" for look in looks)
            raise ForeignSwitchError(
                f"the proxies are in several modes: {modes}. Bring them into one by cqlproxy mode set"
            )
        await self._take_up(looks, adopt)
        if going is not None and not adopt:
            await self._switch(self.history.phase or going, going, why="gone on with", back=back)
            return going
        assert phase is not None
        return phase

    async def _take_up(self, looks: Sequence[Look], adopt: bool) -> None:
        """Begin where the proxies are, or go on if they are where they were left."""
        if self.history.id is None:
            self._journal.write("began", id=uuid.uuid4().hex[:12], by=self._by, proxies=places_of(looks))
        elif adopt:
            self._journal.write("adopted", by=self._by, proxies=places_of(looks))
        else:
            await self._switching.check(looks)

    async def _until_it_may(self, step: Step) -> str:
        """Look until the step may be taken; what allows it."""
        self._journal.write("waiting", phase=self.history.phase, to=step.to.value)
        while True:
            try:
                looks = await self._fleet.look()
            except PASSING as error:
                self._watch.blind()
                self._watched(self._blind(step.to, str(error)))
            else:
                await self._switching.check(looks)
                progress = self._watch.judge(looks, self.history.phase, step, paused=self._paused)
                self._watched(progress)
                if progress.lacks == ["confirm"] and not self._paused:
                    await self._ask(step)
                    continue
                if progress.may_go and not self._paused:
                    return "; ".join(condition.says for condition in progress.conditions)
            await asyncio.sleep(self.plan.look_every)

    def _blind(self, to: Mode, trouble: str) -> Progress:
        """While there is nothing to judge by."""
        modes = {url: place.mode.value for url, place in self.history.places.items()}
        return Progress(
            self.history.phase, to, modes, 0.0, (), 0.0, 0.0, trouble=trouble, paused=self._paused
        )

    async def _ask(self, step: Step) -> None:
        question = step.when.confirm
        assert question is not None
        if self._confirm is None or not await self._confirm(question):
            raise NotConfirmedError(
                f"the step to {step.to} waits for a yes: {question} Run this again with --confirm to say it"
            )
        self._journal.write("confirmed", to=step.to.value, question=question, by=self._by)

    async def _switch(
        self, phase: Mode, to: Mode, *, why: str, force: bool = False, back: bool = False
    ) -> None:
        def trouble(said: str) -> None:
            self._watched(self._blind(to, said))

        await self._switching.switch(phase, to, why=why, force=force, back=back, trouble=trouble)
        self._watch = Watch(self.history)
