"""The mirror: a bounded queue of copies for one cluster.

``offer`` never waits and never fails. A copy that memory cannot take goes to the journal, is dropped, or its
client's answer waits: as the operator has set. Here copies are taken, and the parts of a mirror are put
together: what memory holds (``holding``), where a copy waits (``waiting``), how it is sent (``delivery``),
what is learned from each attempt (``outcomes``), and how a copy ends (``endings``). The rules may change
while copies wait: those that other rules let pass are judged again before they are sent. All of it runs on
the event loop, in callbacks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from itertools import islice
from random import random
from time import monotonic
from typing import Final

from cqlproxy.cluster.backend import Backend
from cqlproxy.cluster.circuit import CircuitState
from cqlproxy.cluster.side import Side
from cqlproxy.journal import Journal, Reason
from cqlproxy.metrics import Metrics
from cqlproxy.mirror.awaited import Awaited
from cqlproxy.mirror.backlog import Backlog
from cqlproxy.mirror.delivery import Delivery
from cqlproxy.mirror.endings import AskAgain, Endings
from cqlproxy.mirror.gathering import MOMENT, Gathering
from cqlproxy.mirror.graves import Graves
from cqlproxy.mirror.holding import Holding
from cqlproxy.mirror.mutation import Mutation, Settled
from cqlproxy.mirror.order import Order, when_offered
from cqlproxy.mirror.outcomes import Outcomes
from cqlproxy.mirror.settings import JournalUse, MirrorSettings, Overflow
from cqlproxy.mirror.turns import Turns
from cqlproxy.mirror.waiting import Waiting
from filters import Rules
from frame_codec import Opcode

_EXECUTE: Final = int(Opcode.EXECUTE)
_BATCH: Final = int(Opcode.BATCH)


def _nobody_waits() -> None:
    """For a copy whose client has its answer already."""


class Mirror:
    """Delivers mutations to ``target``, the cluster on ``side``.

    ``rules`` are those in force, until ``use_rules``; ``ask_again`` judges by them what waited. ``journal``
    is None when there is none. ``clock`` gives seconds that never go back, ``random`` numbers from 0 to 1.
    ``moment`` is for how long a copy may wait for others to be sent with, in seconds; 0: it never does.
    """

    def __init__(
        self,
        target: Backend,
        side: Side,
        settings: MirrorSettings,
        *,
        metrics: Metrics,
        rules: Rules,
        ask_again: AskAgain,
        journal: Journal | None,
        clock: Callable[[], float] = monotonic,
        random: Callable[[], float] = random,
        moment: float = MOMENT,
    ) -> None:
        self.side = side
        self._target = target
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._holding = Holding(settings.max_requests, settings.max_bytes)
        self._backlog: Backlog | None = None
        self._order: Order | None = None
        if journal is not None:
            self._backlog = Backlog(
                journal,
                side,
                rate=settings.replay_rate,
                clock=clock,
                arrived=lambda mutations: self._waiting.read_back(mutations),
                began=lambda mutation: self._endings.had_begun(mutation),
                unusable=lambda stored, error: self._graves.unusable(stored, error),
            )
            self._order = Order(self._backlog, self.in_memory, self._may_keep)
        self._protects = settings.journal is JournalUse.ALWAYS and journal is not None
        self.answers_wait = self._protects or settings.overflow is Overflow.BLOCK
        """Whether clients' answers wait for their copies to be taken: then ``offer_then`` is for these."""
        self._graves = Graves(side, metrics, self._backlog)
        self._awaited = Awaited(
            target.name,
            fails=settings.sync_failure == "fail",
            keeps=self._backlog if self._protects else None,
        )
        self._endings = Endings(
            target,
            self._holding,
            self._awaited,
            self._graves,
            backlog=self._backlog,
            order=self._order,
            ask_again=ask_again,
        )
        self._outcomes = Outcomes(
            target, self._endings, settings, side=side, metrics=metrics, clock=clock, random=random
        )
        self._delivery = self._outcomes.delivery = Delivery(
            target,
            side,
            timeout=settings.timeout,
            rules=rules,
            destiny=self._outcomes,
            clock=clock,
            expired=self._expired,
        )
        self._in_flight = self._delivery.in_flight
        self._turns = Turns(self._delivery, self._outcomes)
        self._starts = self._turns.starts
        self._waiting = self._endings.waiting = Waiting(
            self._turns,
            self._outcomes,
            self._holding,
            self._graves,
            backlog=self._backlog,
            order=self._order,
            protects=self._protects,
            overflow=settings.overflow,
        )
        self._gathering = Gathering(self._send_gathered, moment)

    # --- what is seen from outside ------------------------------------------------------------

    @property
    def depth(self) -> int:
        """Copies in memory that are not settled: waiting or under way."""
        return self._holding.held

    @property
    def depth_bytes(self) -> int:
        """Their size in bytes, bodies and overhead."""
        return self._holding.held_bytes

    @property
    def limits(self) -> tuple[int, int]:
        """How many there may be, and how many bytes."""
        return self._settings.max_requests, self._settings.max_bytes

    @property
    def in_flight(self) -> int:
        """Copies under way."""
        return len(self._in_flight)

    @property
    def backlog(self) -> int:
        """Copies in the journal that wait to be read back, or are read back and wait."""
        return 0 if self._backlog is None else self._backlog.depth

    @property
    def remaining(self) -> int:
        """Copies that are not settled, wherever they wait."""
        # What was read back from the journal is in memory, and counted as of the journal as well.
        beside = 0 if self._backlog is None else self._backlog.depth - len(self._backlog.waiting)
        return self._holding.held + len(self._waiting.blocked) + beside

    @property
    def paused(self) -> bool:
        """Whether an operator wants nothing to be sent."""
        return self._outcomes.paused

    def pause(self) -> None:
        """Send nothing until ``resume``: copies are taken and wait, as while the target is away."""
        self._outcomes.pause(True)

    def resume(self) -> None:
        """Send again."""
        self._outcomes.pause(False)
        self.pump()

    @property
    def window(self) -> int:
        """How many copies the target is trusted to take at the same time."""
        return self._outcomes.window.size

    @property
    def circuit(self) -> CircuitState:
        return self._outcomes.circuit.state

    @property
    def lag(self) -> float:
        """Age in seconds of the oldest copy in memory that is not settled; 0 when there is none."""
        # Asked for at each scrape: not a look at each of tens of thousands that wait in order.
        gathered = self._gathering.copies[:1]
        candidates = [*self._delivery, *self._outcomes.retries, *self._turns.oldest(), *gathered]
        if self._backlog is not None:
            candidates.extend(islice(self._backlog.waiting, 1))
        oldest = min((mutation.offered for mutation in candidates), default=None)
        return 0.0 if oldest is None else max(0.0, self._clock() - oldest)

    def in_memory(self) -> list[Mutation]:
        """The copies in memory that are not settled, in no order; each time a list of them all."""
        found = [*self._delivery, *self._outcomes.retries, *self._turns, *self._gathering.copies]
        if self._backlog is not None:
            found.extend(self._backlog.waiting)
        return found

    # --- taking copies ------------------------------------------------------------------------

    def offer(self, mutation: Mutation) -> None:
        """Take a copy for delivery. Never waits, never fails."""
        # Hot path: once for every mutation.
        if self._protects:
            self.offer_then(mutation, _nobody_waits)
            return
        holding = self._holding
        size = mutation.size
        if holding.held >= holding.max_requests or holding.held_bytes + size > holding.max_bytes:
            self._waiting.overflow(mutation, _nobody_waits)
            return
        holding.held += 1
        holding.held_bytes += size
        gathering = self._gathering
        if self._waiting.calm and not mutation.ordered:
            if mutation.opcode != _BATCH:
                if gathering.takes(mutation):
                    return
            elif gathering.copies:
                gathering.end()
            if self._starts(mutation):
                return
        else:
            gathering.end()
        self._waiting.add(mutation)

    def _offer_now(self, mutation: Mutation) -> None:
        """As ``offer``, without waiting for company."""
        # Hot path: once for every copy for a cluster of several nodes.
        holding = self._holding
        size = mutation.size
        if holding.held >= holding.max_requests or holding.held_bytes + size > holding.max_bytes:
            self._waiting.overflow(mutation, _nobody_waits)
            return
        holding.held += 1
        holding.held_bytes += size
        if not self._waiting.calm or mutation.ordered or not self._starts(mutation):
            self._waiting.add(mutation)

    def _send_gathered(self, mutations: list[Mutation]) -> None:
        # Hot path.
        room = self._outcomes.limit - len(self._in_flight)
        started = 0
        if self._waiting.calm and room > 0 and self._target.only is not None:
            started = self._delivery.start_together(mutations if room >= len(mutations) else mutations[:room])
        start = self._delivery.start
        for mutation in mutations[started:]:
            if room <= started or not self._waiting.calm or not start(mutation):
                self._waiting.add(mutation)
            started += 1

    def offer_together(self, mutations: list[Mutation]) -> None:
        """Take copies that may be sent at once; as ``offer`` for each."""
        # Hot path.
        holding = self._holding
        count = len(mutations)
        started = 0
        room = min(self._outcomes.limit - len(self._in_flight), holding.max_requests - holding.held)
        if self._waiting.calm and room > 0 and not self._protects:
            offered = mutations if room >= count else mutations[:room]
            size = sum([mutation.size for mutation in offered])
            if holding.held_bytes + size <= holding.max_bytes:
                if offered is mutations and self._gathering.takes_together(mutations):
                    started = count
                else:
                    self._gathering.end()
                    started = self._delivery.start_together(offered)
                if started == count:
                    holding.held += count
                    holding.held_bytes += size
                    return
                if started:
                    if started < len(offered):
                        size = sum([mutation.size for mutation in offered[:started]])
                    holding.held += started
                    holding.held_bytes += size
            if started < len(offered):
                for mutation in mutations[started:]:
                    self._offer_now(mutation)
                return
        if started < count:
            self._wait_together(mutations[started:])

    def _wait_together(self, mutations: list[Mutation]) -> None:
        """Offer copies that have to wait, since others do: they join the queue at once where each would."""
        self._gathering.end()
        holding = self._holding
        held = holding.held + len(mutations)
        held_bytes = holding.held_bytes + sum([mutation.size for mutation in mutations])
        fits = held <= holding.max_requests and held_bytes <= holding.max_bytes
        if self._protects or self._backlog or not fits or any(mutation.ordered for mutation in mutations):
            for mutation in mutations:
                self.offer(mutation)
            return
        holding.held, holding.held_bytes = held, held_bytes
        self._waiting.add_together(mutations)

    def offer_then(self, mutation: Mutation, taken: Callable[[], None]) -> None:
        """Take a copy whose client has no answer yet; ``taken()`` is called once, when it may be given.

        That is when the journal has the copy, if it takes all of them; else as soon as memory has room.
        """
        self._gathering.end()
        waiting = self._waiting
        fits = self._holding.fits(mutation)
        if self._protects:
            assert self._backlog is not None
            if fits and not waiting.comes_later(mutation):
                self._backlog.protect(mutation, taken)
            else:
                waiting.spill(mutation, taken)
                return
        elif fits:
            taken()
        else:
            waiting.overflow(mutation, taken)
            return
        self._holding.take(mutation)
        if not waiting.calm or mutation.ordered or not self._starts(mutation):
            waiting.add(mutation)

    def offer_together_then(self, mutations: list[Mutation], taken: Callable[[], None]) -> bool:
        """As ``offer_then`` for each, with one ``taken`` for all of them.

        Returns False, with none of them taken, when they have to be offered one by one.
        """
        # Hot path, when the journal takes every copy.
        backlog, holding = self._backlog, self._holding
        if backlog is None or not self._protects or backlog or not self._waiting.calm or holding.closed:
            return False
        size = 0
        for mutation in mutations:
            if mutation.ordered or not mutation.repeatable or mutation.opcode != _EXECUTE:
                return False
            size += mutation.size
        count = len(mutations)
        if holding.held + count > holding.max_requests or holding.held_bytes + size > holding.max_bytes:
            return False
        backlog.protect_together(mutations, taken)
        holding.held += count
        holding.held_bytes += size
        room = max(self._outcomes.limit - len(self._in_flight), 0)
        started = self._delivery.start_together(mutations[:room])
        if started < count:
            self._waiting.add_together(mutations[started:])
        return True

    def deliver(self, mutation: Mutation, settled: Settled) -> None:
        """Make one attempt to deliver a copy, for which a client waits.

        ``settled`` is called once: with None when the copy arrived, else with the client's error, and the
        copy is a dead letter. Under ``sync_failure`` ``queue`` always with None: a copy whose attempt failed
        goes on as if it had been offered.
        """
        self._gathering.end()
        why: str | None = None
        if not self._target.ready:
            why = "no node of it is connected"
        elif self.circuit is CircuitState.OPEN:
            why = "it fails, and is not tried at the moment"
        elif self.paused:
            why = "copies to it are paused"
        elif not self._holding.fits(mutation):
            why = "the queue is full"
        elif self._waiting.comes_later(mutation):
            why = "copies that must come before it wait in the journal"
        elif self._holding.closed:
            why = "the proxy is stopping"
        if why is None:
            self._awaited.take(mutation, settled)
            self._holding.take(mutation)
            if not self._waiting.calm or mutation.ordered or not self._starts(mutation):
                self._loop.call_later(self._settings.timeout, self._is_late, mutation)
                self._waiting.add(mutation)
        elif self._awaited.fails:
            mutation.awaited = settled
            self._endings.bury(mutation, Reason.SYNC_FAILED, why)
        else:
            self.offer_then(mutation, partial(settled, None))

    def never_confirmed(self, mutation: Mutation) -> None:
        """The cluster that answers gave no answer, so that it may not have the write: it is not copied."""
        error = "the cluster that answers clients gave no answer"
        self._endings.bury(mutation, Reason.UNCONFIRMED, error)

    def _is_late(self, mutation: Mutation) -> None:
        """A client has waited for a copy as long as for an attempt: it waits no longer for its turn."""
        if mutation.awaited is None or self._delivery.is_under_way(mutation) or self._holding.closed:
            return
        self._endings.too_late(mutation)

    def _may_keep(self, mutation: Mutation) -> bool:
        """Whether the next process may deliver a copy that is in memory."""
        if mutation.awaited is not None and self._awaited.fails:
            return False
        # One under way that must not be sent twice would be.
        return mutation.repeatable or not self._delivery.is_under_way(mutation)

    def _expired(self) -> None:
        self._metrics.expired[self.side] += 1

    # --- what has changed, and the end --------------------------------------------------------

    def pump(self) -> None:
        """Send what may be sent now; to be called when nodes change, or copies come back to the journal."""
        self._waiting.pump()

    def use_settings(self, settings: MirrorSettings) -> None:
        """Other bounds, another rate and another patience from now on.

        ``overflow``, ``journal`` and ``sync_failure`` stay as they were: what waits was taken under them.
        """
        self._settings = settings
        self._holding.limit(settings.max_requests, settings.max_bytes)
        self._delivery.use_timeout(settings.timeout)
        self._outcomes.use_patience(settings)
        if self._backlog is not None:
            self._backlog.use_rate(settings.replay_rate)
        # There may be room now for what has waited for it.
        self._waiting.pump()

    def use_rules(self, rules: Rules) -> None:
        """From now on nothing is sent that these rules do not let pass, whenever it was taken."""
        self._delivery.use_rules(rules)

    @property
    def sent_under_earlier_rules(self) -> int:
        """Copies under way that were sent before the rules in force were."""
        return self._delivery.sent_under_earlier_rules

    async def settle_earlier(self) -> None:
        """Wait until each copy that was sent under earlier rules has its answer or is past its time-out."""
        await self._delivery.settle_earlier()

    async def drain(self, seconds: float) -> bool:
        """Wait until all copies are settled, ``seconds`` at most; returns whether they are."""
        if self.paused:
            return not self.remaining
        holding = self._holding
        try:
            async with asyncio.timeout(seconds):
                while holding.held or self._waiting.blocked or self._backlog:
                    holding.idle.clear()
                    self._waiting.pump()
                    await holding.idle.wait()
        except TimeoutError:
            return False
        return True

    async def stop(self) -> None:
        """Send no more: what is not delivered goes to the journal, or is dropped and counted."""
        self._holding.close()
        self._outcomes.stop()
        self._waiting.stop()
        await self._endings.stop()
        read_back = [] if self._backlog is None else await self._backlog.stop()
        not_sent = list(self._delivery.not_sent())
        waiting: list[Mutation] = []
        for mutation in await self._delivery.stop():
            if mutation.repeatable:
                waiting.append(mutation)
            else:
                error = "the proxy stopped before the answer came"
                self._endings.give_up(mutation, Reason.UNKNOWN_OUTCOME, error)
        waiting.extend((*not_sent, *self._outcomes.retries.clear(), *self._turns.clear(), *read_back))
        waiting.extend(self._gathering.clear())
        # In the order in which they were written; what has started stood before what has not.
        waiting.sort(key=when_offered)
        for mutation in waiting:
            self._endings.leave(mutation)
        while self._waiting.blocked:
            mutation, taken = self._waiting.blocked.popleft()
            self._holding.take(mutation)
            self._endings.leave(mutation)
            taken()
        # What is left is a schema change that arrived: the journal is about to know it.
        self._holding.clear()
