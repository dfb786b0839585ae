"""The mirror: a bounded queue of copies for one cluster, and the order in which they go.

``offer`` never waits and never fails. A copy that memory cannot take goes to the journal, is dropped, or its
client's answer waits: as the operator has set. What becomes of one that was sent is decided in ``outcomes``;
here is what waits, what may go next, and what stays within the bounds. The rules may change while copies
wait: those that other rules let pass are judged again before they are sent. All of it runs on the event
loop, in callbacks.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import islice
from random import random
from time import monotonic
from typing import Final

from cqlproxy.cluster.backend import Backend
from cqlproxy.cluster.side import Side
from cqlproxy.journal import Entry, Journal, Reason
from cqlproxy.metrics import Metrics
from cqlproxy.mirror.awaited import Awaited
from cqlproxy.mirror.backlog import Backlog
from cqlproxy.mirror.circuit import CircuitState
from cqlproxy.mirror.delivery import Delivery
from cqlproxy.mirror.graves import Graves
from cqlproxy.mirror.mutation import Mutation, Settled
from cqlproxy.mirror.order import Order, when_offered
from cqlproxy.mirror.outcomes import Outcomes
from cqlproxy.mirror.settings import JournalUse, MirrorSettings, Overflow
from cqlproxy.mirror.turns import Turns
from cqlproxy.supervision import Supervisor
from filters import Rules
from frame_codec import ErrorResponse, Opcode

AskAgain = Callable[[Mutation], bool]
"""Judges a copy by the rules in force; False when nothing of it may be sent. Sets its ``rules``."""

_EXECUTE: Final = int(Opcode.EXECUTE)

_GIVEN_UP: Final = Rules()
"""In place of the rules of a copy that is a dead letter, and is forgotten when its turn comes."""


def _nobody_waits() -> None:
    """For a copy whose client has its answer already."""


class Mirror:
    """Delivers mutations to ``target``, the cluster on ``side``.

    ``rules`` are those in force, until ``use_rules``; ``ask_again`` judges by them what waited. ``journal``
    is None when there is none. ``clock`` gives seconds that never go back, ``random`` numbers from 0 to 1.
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
    ) -> None:
        self.side = side
        self._target = target
        self._settings = settings
        self._max_requests = settings.max_requests
        self._max_bytes = settings.max_bytes
        self._metrics = metrics
        self._ask_again = ask_again
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._outcomes = Outcomes(
            target, self, settings, side=side, metrics=metrics, clock=clock, random=random
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
        self._backlog: Backlog | None = None
        if journal is not None:
            self._backlog = Backlog(
                journal,
                side,
                rate=settings.replay_rate,
                clock=clock,
                arrived=self._read_back,
                began=self._had_begun,
                unusable=lambda stored, error: self._graves.unusable(stored, error),
            )
        self._order: Order | None = None
        if self._backlog is not None:
            self._order = Order(self._backlog, self.in_memory, self._may_keep)
        self._graves = Graves(side, metrics, self._backlog)
        self._protects = settings.journal is JournalUse.ALWAYS and journal is not None
        self._awaited = Awaited(
            target.name,
            fails=settings.sync_failure == "fail",
            keeps=self._backlog if self._protects else None,
        )
        self.answers_wait = self._protects or settings.overflow is Overflow.BLOCK
        """Whether clients' answers wait for their copies to be taken: then ``offer_then`` is for these."""
        self._blocked: deque[tuple[Mutation, Callable[[], None]]] = deque()
        """Copies that memory cannot take, whose clients wait for their answers."""
        self._held = 0
        self._held_bytes = 0
        self._calm = self._backlog is None
        """Whether nothing waits but for its next attempt, so that a copy may start as it comes."""
        self._pumping = False
        self._pump_again = False
        self._replay_timer: asyncio.TimerHandle | None = None
        self._stopped = False
        self._supervisor = Supervisor()
        self._idle = asyncio.Event()

    # --- what is seen from outside ------------------------------------------------------------

    @property
    def depth(self) -> int:
        """Copies in memory that are not settled: waiting or under way."""
        return self._held

    @property
    def depth_bytes(self) -> int:
        """Their size in bytes, bodies and overhead."""
        return self._held_bytes

    @property
    def in_flight(self) -> int:
        """Copies under way."""
        return len(self._in_flight)

    @property
    def backlog(self) -> int:
        """Copies in the journal that wait to be read back, or are read back and wait."""
        return 0 if self._backlog is None else self._backlog.depth

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
        candidates = [*self._delivery, *self._outcomes.retries, *self._turns.oldest()]
        if self._backlog is not None:
            candidates.extend(islice(self._backlog.waiting, 1))
        oldest = min((mutation.offered for mutation in candidates), default=None)
        return 0.0 if oldest is None else max(0.0, self._clock() - oldest)

    def in_memory(self) -> list[Mutation]:
        """The copies in memory that are not settled, in no order; each time a list of them all."""
        found = [*self._delivery, *self._outcomes.retries, *self._turns]
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
        size = mutation.size
        if self._held >= self._max_requests or self._held_bytes + size > self._max_bytes:
            self._overflow(mutation, _nobody_waits)
            return
        self._held += 1
        self._held_bytes += size
        if not self._calm or mutation.ordered or not self._starts(mutation):
            self._wait(mutation)

    def offer_together(self, mutations: list[Mutation]) -> None:
        """Take copies that may be sent at once; as ``offer`` for each."""
        # Hot path.
        started = 0
        room = min(self._outcomes.limit - len(self._in_flight), self._max_requests - self._held)
        if self._calm and room > 0 and not self._protects:
            offered = mutations if room >= len(mutations) else mutations[:room]
            size = sum([mutation.size for mutation in offered])
            if self._held_bytes + size <= self._max_bytes:
                started = self._delivery.start_together(offered)
                if started < len(offered):
                    size = sum([mutation.size for mutation in offered[:started]])
                self._held += started
                self._held_bytes += size
            if started < len(offered):
                for mutation in mutations[started:]:
                    self.offer(mutation)
                return
        if started < len(mutations):
            self._wait_together(mutations[started:])

    def _wait_together(self, mutations: list[Mutation]) -> None:
        """Offer copies that have to wait, since others do: they join the queue at once where each would."""
        held = self._held + len(mutations)
        held_bytes = self._held_bytes + sum([mutation.size for mutation in mutations])
        fits = held <= self._max_requests and held_bytes <= self._max_bytes
        if self._protects or self._backlog or not fits or any(mutation.ordered for mutation in mutations):
            for mutation in mutations:
                self.offer(mutation)
            return
        self._held, self._held_bytes = held, held_bytes
        self._turns.queue.extend(mutations)
        self._calm = False
        self.pump()

    def offer_then(self, mutation: Mutation, taken: Callable[[], None]) -> None:
        """Take a copy whose client has no answer yet; ``taken()`` is called once, when it may be given.

        That is when the journal has the copy, if it takes all of them; else as soon as memory has room.
        """
        fits = self._fits(mutation)
        if self._protects:
            assert self._backlog is not None
            if fits and not self._comes_later(mutation):
                self._backlog.protect(mutation, taken)
            else:
                self._spill(mutation, taken)
                return
        elif fits:
            taken()
        else:
            self._overflow(mutation, taken)
            return
        self._hold(mutation)
        if not self._calm or mutation.ordered or not self._starts(mutation):
            self._wait(mutation)

    def offer_together_then(self, mutations: list[Mutation], taken: Callable[[], None]) -> bool:
        """As ``offer_then`` for each, with one ``taken`` for all of them.

        Returns False, with none of them taken, when they have to be offered one by one.
        """
        # Hot path, when the journal takes every copy.
        backlog = self._backlog
        if backlog is None or not self._protects or backlog or not self._calm or self._stopped:
            return False
        size = 0
        for mutation in mutations:
            if mutation.ordered or not mutation.repeatable or mutation.opcode != _EXECUTE:
                return False
            size += mutation.size
        if self._held + len(mutations) > self._max_requests or self._held_bytes + size > self._max_bytes:
            return False
        backlog.protect_together(mutations, taken)
        self._held += len(mutations)
        self._held_bytes += size
        room = max(self._outcomes.limit - len(self._in_flight), 0)
        started = self._delivery.start_together(mutations[:room])
        for mutation in mutations[started:]:
            self._turns.queue.append(mutation)
        if started < len(mutations):
            self.pump()
        return True

    def deliver(self, mutation: Mutation, settled: Settled) -> None:
        """Make one attempt to deliver a copy, for which a client waits.

        ``settled`` is called once: with None when the copy arrived, else with the client's error, and the
        copy is a dead letter. Under ``sync_failure`` ``queue`` always with None: a copy whose attempt failed
        goes on as if it had been offered.
        """
        why: str | None = None
        if not self._target.ready:
            why = "no node of it is connected"
        elif self.circuit is CircuitState.OPEN:
            why = "it fails, and is not tried at the moment"
        elif not self._fits(mutation):
            why = "the queue is full"
        elif self._comes_later(mutation):
            why = "copies that must come before it wait in the journal"
        elif self._stopped:
            why = "the proxy is stopping"
        if why is None:
            self._awaited.take(mutation, settled)
            self._hold(mutation)
            if not self._calm or mutation.ordered or not self._starts(mutation):
                self._loop.call_later(self._settings.timeout, self._is_late, mutation)
                self._wait(mutation)
        elif self._awaited.fails:
            mutation.awaited = settled
            self._bury(mutation, Reason.SYNC_FAILED, why, None)
        else:
            self.offer_then(mutation, partial(settled, None))

    def never_confirmed(self, mutation: Mutation) -> None:
        """The cluster that answers gave no answer, so that it may not have the write: it is not copied."""
        self._bury(mutation, Reason.UNCONFIRMED, "the cluster that answers clients gave no answer", None)

    def _fits(self, mutation: Mutation) -> bool:
        return self._held < self._max_requests and self._held_bytes + mutation.size <= self._max_bytes

    def _comes_later(self, mutation: Mutation) -> bool:
        return self._order is not None and self._order.comes_later(mutation)

    def _hold(self, mutation: Mutation) -> None:
        self._held += 1
        self._held_bytes += mutation.size

    def _release(self, mutation: Mutation) -> None:
        self._held -= 1
        self._held_bytes -= mutation.size

    def _wait(self, mutation: Mutation) -> None:
        """A copy that is held waits for its turn, in memory or behind those in the journal."""
        if mutation.entry is None:
            if mutation.awaited is None and self._comes_later(mutation):
                self._release(mutation)
                self._spill(mutation, None)
                return
            if self._order is not None:
                self._order.in_memory(mutation)
        self._turns.queue.append(mutation)
        self.pump()

    def _overflow(self, mutation: Mutation, taken: Callable[[], None]) -> None:
        """Memory cannot take a copy."""
        if self._settings.overflow is Overflow.BLOCK and not self._stopped:
            self._blocked.append((mutation, taken))
            self._calm = False
            return
        if self._stopped and self._backlog is None:
            self._graves.drop(mutation, "shutdown")
        elif self._settings.overflow is Overflow.DROP or self._backlog is None:
            self._graves.drop(mutation, "queue_full")
        else:
            self._spill(mutation, None)
        taken()

    def _spill(self, mutation: Mutation, stored: Callable[[], None] | None) -> None:
        assert self._backlog is not None
        assert self._order is not None
        if not self._protects:
            self._order.before_spilling(mutation)
        self._backlog.spill(mutation, stored)
        self._calm = False
        if not self._held:
            self.pump()

    def _may_keep(self, mutation: Mutation) -> bool:
        """Whether the next process may deliver a copy that is in memory."""
        if mutation.awaited is not None and self._awaited.fails:
            return False
        # One under way that must not be sent twice would be.
        return mutation.repeatable or not self._delivery.is_under_way(mutation)

    # --- rules, and the end -------------------------------------------------------------------

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
        try:
            async with asyncio.timeout(seconds):
                while self._held or self._blocked or self._backlog:
                    self._idle.clear()
                    self.pump()
                    await self._idle.wait()
        except TimeoutError:
            return False
        return True

    async def stop(self) -> None:
        """Send no more: what is not delivered goes to the journal, or is dropped and counted."""
        self._stopped = True
        self._max_requests = 0
        self._outcomes.stop()
        if self._replay_timer is not None:
            self._replay_timer.cancel()
        await self._supervisor.stop()
        read_back = [] if self._backlog is None else await self._backlog.stop()
        not_sent = list(self._delivery.not_sent())
        waiting: list[Mutation] = []
        for mutation in await self._delivery.stop():
            if mutation.repeatable:
                waiting.append(mutation)
            else:
                self.give_up(mutation, Reason.UNKNOWN_OUTCOME, "the proxy stopped before the answer came")
        waiting.extend((*not_sent, *self._outcomes.retries.clear(), *self._turns.clear(), *read_back))
        # In the order in which they were written; what has started stood before what has not.
        waiting.sort(key=when_offered)
        for mutation in waiting:
            self._leave(mutation)
        while self._blocked:
            mutation, taken = self._blocked.popleft()
            self._hold(mutation)
            self._leave(mutation)
            taken()
        # What is left is a schema change that arrived: the journal is about to know it.
        self._held = self._held_bytes = 0

    def _leave(self, mutation: Mutation) -> None:
        """A copy is not delivered by this process."""
        if mutation.rules is _GIVEN_UP:
            self._forget(mutation)
        elif mutation.awaited is not None and not self.goes_on(mutation, "the proxy is stopping"):
            return
        elif self._backlog is None:
            self._graves.drop(mutation, "shutdown")
            self._forget(mutation)
        else:
            self._backlog.give_back(mutation)
            self._forget(mutation)

    # --- whose turn it is ---------------------------------------------------------------------

    def pump(self) -> None:
        """Send what may be sent now. Called whenever something has changed; cheap when nothing has."""
        if self._pumping or self._stopped:
            self._pump_again = True
            return
        self._pumping = self._pump_again = True
        try:
            while self._pump_again:
                self._pump_again = False
                self._pump()
        finally:
            self._pumping = False

    def _pump(self) -> None:
        turns, backlog = self._turns, self._backlog
        if self._outcomes.troubled:
            turns.ready.extend(self._outcomes.due())
        if self._blocked:
            self._unblock()
        turns.advance()
        if backlog is not None and backlog:
            if not turns.waits_for_window:
                self._replay(backlog)
            if self._held_bytes * 2 <= self._max_bytes:
                backlog.read_soon(self._max_requests - self._held, self._max_requests)
            self._calm = False
        else:
            self._calm = not (turns or self._blocked)

    def _unblock(self) -> None:
        while self._blocked and self._fits(self._blocked[0][0]):
            mutation, taken = self._blocked.popleft()
            self._hold(mutation)
            self._wait(mutation)
            taken()

    def go_on(self, mutations: list[Mutation]) -> None:
        """See ``outcomes.Holder``."""
        self._turns.ready.extend(mutations)
        self.pump()

    # --- from the journal ---------------------------------------------------------------------

    def _replay(self, backlog: Backlog) -> None:
        """Nothing else is to be sent: go on with what was read back, as the rate allows."""
        pause = self._turns.replay(backlog)
        if pause and self._replay_timer is None:
            self._replay_timer = self._loop.call_later(pause, self._replay_again)

    def _replay_again(self) -> None:
        self._replay_timer = None
        self.pump()

    def _read_back(self, mutations: list[Mutation]) -> bool:
        """Copies of the backlog have come. Returns whether memory can take them all; if not, those after the
        last that it took stay where they were.
        """
        assert self._backlog is not None
        fits = not self._stopped
        for mutation in mutations:
            fits = fits and (self._fits(mutation) or not self._held)
            if fits:
                self._hold(mutation)
                self._backlog.waiting.append(mutation)
            else:
                self._backlog.give_back(mutation)
        self.pump()
        return fits

    def _had_begun(self, mutation: Mutation) -> None:
        """It was about to be sent when the process ended, and must not be sent twice."""
        error = "the proxy ended while it was being sent"
        self._bury(mutation, Reason.UNKNOWN_OUTCOME, error, None)

    # --- what became of it --------------------------------------------------------------------

    def arrived(self, mutation: Mutation) -> None:
        """See ``outcomes.Holder``."""
        self.arrived_together([mutation])

    def arrived_together(self, mutations: list[Mutation]) -> None:
        """See ``outcomes.Holder``."""
        # Hot path.
        entries: list[Entry] = []
        size = 0
        for mutation in mutations:
            if mutation.schema:
                self._schema_arrived(mutation)
                continue
            self._held -= 1
            size += mutation.size
            if mutation.entry is not None:
                entries.append(mutation.entry)
            if mutation.awaited is not None:
                self._awaited.tell(mutation, None)
        self._held_bytes -= size
        if entries:
            Entry.settle_together(entries)
        if not self._calm:
            for mutation in mutations:
                if not mutation.schema:
                    self._turns.settled(mutation)
            if self._turns.waits_for_window:
                self._outcomes.window_was_full(len(mutations))
            self.pump()
        if not self._held:
            self._idle.set()

    def _schema_arrived(self, mutation: Mutation) -> None:
        """What comes after a schema change waits until a kill cannot bring it back, and all nodes know it."""
        if mutation.entry is None:
            self._schema_settled(mutation)
        else:
            mutation.entry.settle_then(partial(self._schema_settled, mutation))

    def _schema_settled(self, mutation: Mutation) -> None:
        if self._target.may_disagree and not self._stopped:
            work = self._agree(mutation)
            self._supervisor.start(work, f"schema agreement of the {self._target.name} cluster")
        else:
            self._schema_done(mutation)

    async def _agree(self, mutation: Mutation) -> None:
        try:
            await self._target.schema_agreement()
        finally:
            self._schema_done(mutation)

    def _schema_done(self, mutation: Mutation) -> None:
        self._awaited.tell(mutation, None)
        if not self._stopped:
            self._forget(mutation)
            self.pump()

    def may_be_sent(self, mutation: Mutation) -> bool:
        """See ``outcomes.Holder``."""
        if mutation.rules is not _GIVEN_UP:
            if self._ask_again(mutation):
                return True
            if mutation.entry is not None:
                mutation.entry.settle()
            self._awaited.tell(mutation, None)
        self._forget(mutation)
        return False

    def give_up(
        self, mutation: Mutation, reason: Reason, error: str, answer: ErrorResponse | None = None
    ) -> None:
        """See ``outcomes.Holder``."""
        self._forget(mutation)
        self._bury(mutation, reason, error, answer)

    def goes_on(self, mutation: Mutation, error: str) -> bool:
        """See ``outcomes.Holder``."""
        if self._awaited.fails:
            self.give_up(mutation, Reason.SYNC_FAILED, error)
            return False
        self._awaited.goes_on(mutation)
        return True

    def _is_late(self, mutation: Mutation) -> None:
        """A client has waited for a copy as long as for an attempt: it waits no longer for its turn."""
        if mutation.awaited is None or self._delivery.is_under_way(mutation) or self._stopped:
            return
        if self._awaited.fails:
            mutation.rules = _GIVEN_UP
            self._bury(mutation, Reason.SYNC_FAILED, "its turn did not come in time", None)
        else:
            self._awaited.goes_on(mutation)

    def _bury(self, mutation: Mutation, reason: Reason, error: str, answer: ErrorResponse | None) -> None:
        """A copy is a dead letter, or lost where there is no journal; both are counted."""
        told: ErrorResponse | None = None
        if mutation.awaited is not None:
            told = self._awaited.error(mutation, error, answer)
            if self._awaited.fails:
                reason = Reason.SYNC_FAILED
        self._graves.bury(mutation, reason, error)
        self._awaited.tell(mutation, told)

    def _expired(self) -> None:
        self._metrics.expired += 1

    def _forget(self, mutation: Mutation) -> None:
        """A copy whose turn had come is in memory no longer."""
        self._release(mutation)
        self._turns.settled(mutation)
        if self._order is not None:
            self._order.settled(mutation)
        if not self._held:
            self._idle.set()
