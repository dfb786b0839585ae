"""What became of an attempt, and what follows: delivered, tried again later, or given up.

Here is what the mirror learns of its target: how many copies it can take at once (``window``), and whether it
is well (``circuit``). Only what a repetition can heal is repeated, and what must not be applied twice only
when nothing of it was.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final, Protocol

from cqlproxy.cluster.backend import Backend
from cqlproxy.cluster.circuit import CircuitState
from cqlproxy.cluster.request import Failure
from cqlproxy.cluster.side import Side
from cqlproxy.journal import Reason
from cqlproxy.metrics import Metrics
from cqlproxy.mirror.attempts import Attempts
from cqlproxy.mirror.circuit import PROBES, Circuit
from cqlproxy.mirror.delivery import Delivery
from cqlproxy.mirror.mutation import Mutation
from cqlproxy.mirror.retries import Retries
from cqlproxy.mirror.settings import MirrorSettings
from cqlproxy.mirror.verdict import Outcome, outcome_of_error
from cqlproxy.mirror.window import Window
from frame_codec import ErrorCode, ErrorResponse, Unprepared

log = logging.getLogger(__name__)

UNPREPARED_SECONDS: Final = 60.0
"""How long a copy is prepared again and again for, on node after node, before it is given up."""

MIN_PAUSE_SECONDS: Final = 0.001
"""Between a timer that fired too early and the next."""

_CONGESTED: Final = frozenset({ErrorCode.OVERLOADED, ErrorCode.WRITE_TIMEOUT})


class Holder(Protocol):
    """Who holds the copies, for the mirror: see ``endings``."""

    def arrived(self, mutation: Mutation) -> None:
        """It was delivered. Hot path."""

    def arrived_together(self, mutations: list[Mutation]) -> None:
        """The same of many."""

    def give_up(
        self, mutation: Mutation, reason: Reason, error: str, answer: ErrorResponse | None = None
    ) -> None:
        """It is a dead letter. ``answer`` is the target's, if there was one."""

    def goes_on(self, mutation: Mutation, error: str) -> bool:
        """An attempt failed for which a client waits: whether another may follow; if not, it was given up."""

    def go_on(self, mutations: list[Mutation]) -> None:
        """To be started again, before others."""

    def may_be_sent(self, mutation: Mutation) -> bool:
        """As ``Destiny.may_be_sent``."""

    def pump(self) -> None:
        """Something may be sent that could not be."""


class Outcomes:
    """Implements ``delivery.Destiny``. ``limit`` is how many copies may be under way now."""

    def __init__(
        self,
        target: Backend,
        holder: Holder,
        settings: MirrorSettings,
        *,
        side: Side,
        metrics: Metrics,
        clock: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self._latency_ok = metrics.copy_latency_ok[side]
        self._latency_error = metrics.copy_latency_error[side]
        self._target = target
        self._side = side
        self._holder = holder
        self._most_retries = settings.max_retry_attempts
        self._metrics = metrics
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self.delivery: Delivery
        """Set by whoever makes both."""
        self.window = Window()
        self.circuit = Circuit(settings.circuit_open_seconds)
        self.retries = Retries(settings.retry_interval, random)
        self.limit = self.window.size
        self.paused = False
        """Whether an operator wants nothing to be sent."""
        self.troubled = False
        """Whether there is anything to look after: failures lately, or copies that are to be tried again."""
        self._width = 0
        """How many connections there were when it was last looked, while the circuit was open."""
        self._retry_timer: asyncio.TimerHandle | None = None
        self._retry_timer_at = 0.0
        self._circuit_timer: asyncio.TimerHandle | None = None
        self.go_on = holder.go_on
        self.may_be_sent = holder.may_be_sent
        self.pump = holder.pump

    def use_patience(self, settings: MirrorSettings) -> None:
        """For failures from now on."""
        self._most_retries = settings.max_retry_attempts
        self.retries.use_first_pause(settings.retry_interval)
        self.circuit.open_seconds = settings.circuit_open_seconds

    def stop(self) -> None:
        for timer in (self._retry_timer, self._circuit_timer):
            if timer is not None:
                timer.cancel()

    # --- answers ------------------------------------------------------------------------------

    def delivered(self, mutation: Mutation) -> None:
        """See ``Destiny``."""
        if self.troubled:
            self._target_is_well()
        metrics = self._metrics
        metrics.mirrored += 1
        metrics.mirrored_by_table.add(mutation.tables)
        self._latency_ok.observe(self._clock() - mutation.sent)
        self._holder.arrived(mutation)

    def delivered_together(self, mutations: list[Mutation]) -> None:
        """See ``Destiny``."""
        # Hot path.
        if self.troubled or self.delivery.earlier:
            for mutation in mutations:
                self.delivery.landed(mutation)
                self.delivered(mutation)
            return
        self.delivery.in_flight.difference_update(mutations)
        metrics = self._metrics
        metrics.mirrored += len(mutations)
        now = self._clock()
        times = []
        add = metrics.mirrored_by_table.add
        for mutation in mutations:
            times.append(now - mutation.sent)
            add(mutation.tables)
        self._latency_ok.observe_all(times)
        self._holder.arrived_together(mutations)

    def refused(self, mutation: Mutation, error: ErrorResponse) -> None:
        """See ``Destiny``."""
        outcome = outcome_of_error(error.code, schema=mutation.schema)
        if outcome is Outcome.DELIVERED:
            self.delivered(mutation)
            return
        self._latency_error.observe(self._clock() - mutation.sent)
        self._metrics.count_copy_error(self._side, error.code)
        text = f"{_name(error.code)}: {error.message}"
        if outcome is Outcome.REFUSED:
            self._target_is_well()
            self._holder.give_up(mutation, Reason.REJECTED, text, error)
        elif isinstance(error, Unprepared):
            self._target_is_well()
            self._unprepared(mutation, error, text)
        else:
            self._failed(
                mutation,
                text,
                nothing_applied=outcome is Outcome.NOT_APPLIED,
                congested=error.code in _CONGESTED,
            )
        self.pump()

    def unanswered(self, mutation: Mutation, failure: Failure) -> None:
        """See ``Destiny``."""
        self._latency_error.observe(self._clock() - mutation.sent)
        self._metrics.count_copy_unanswered(self._side, failure.value)
        text = f"the {self._target.name} cluster gave no answer: {failure.value}"
        self._failed(mutation, text, nothing_applied=False, congested=failure is Failure.TIMEOUT)
        self.pump()

    def unsent(self, mutations: list[Mutation], error: str, *, refused: bool) -> None:
        """See ``Destiny``."""
        if refused:
            for mutation in mutations:
                self._holder.give_up(mutation, Reason.REJECTED, error)
            return
        now = self._clock()
        counts = self.circuit.state is CircuitState.CLOSED
        # Once for all of them: it was one question that failed.
        self._target_fails(now, now)
        for mutation in mutations:
            self._try_again(mutation, now, now, error, counts=counts, nothing_applied=True)

    def _unprepared(self, mutation: Mutation, error: Unprepared, text: str) -> None:
        tried = mutation.tried
        if tried is None:
            tried = mutation.tried = Attempts()
        now = self._clock()
        if tried.unprepared_since is None:
            tried.unprepared_since = now
        elif now - tried.unprepared_since > UNPREPARED_SECONDS:
            self._holder.give_up(mutation, Reason.UNPREPARED, text, error)
            return
        self._metrics.retried[self._side] += 1
        self.delivery.prepare_again(mutation, error.id)

    # --- failures -----------------------------------------------------------------------------

    def _failed(self, mutation: Mutation, error: str, *, nothing_applied: bool, congested: bool) -> None:
        now = self._clock()
        counts = self.circuit.state is CircuitState.CLOSED
        if congested:
            self.window.congested(mutation.sent, now)
        if not self._fails_where_others_do_not(mutation):
            self._target_fails(mutation.sent, now)
        self._try_again(mutation, mutation.sent, now, error, counts=counts, nothing_applied=nothing_applied)

    def _fails_where_others_do_not(self, mutation: Mutation) -> bool:
        """Whether others were delivered since this copy failed last: that it fails again says nothing new."""
        tried = mutation.tried
        return tried is not None and tried.failures > 0 and self._metrics.mirrored > tried.delivered_then

    def _try_again(
        self,
        mutation: Mutation,
        sent: float,
        now: float,
        error: str,
        *,
        counts: bool,
        nothing_applied: bool,
    ) -> None:
        tried = mutation.tried
        if tried is None:
            tried = mutation.tried = Attempts()
        tried.failed(time.time() - (now - sent), error, counts=counts)
        tried.delivered_then = self._metrics.mirrored
        if not nothing_applied and not mutation.repeatable:
            self._holder.give_up(mutation, Reason.UNKNOWN_OUTCOME, error)
        elif mutation.awaited is not None and not self._holder.goes_on(mutation, error):
            return
        elif tried.counted > self._most_retries:
            self._holder.give_up(mutation, Reason.ATTEMPTS, error)
        else:
            self._metrics.retried[self._side] += 1
            self.troubled = True
            self.retries.put(mutation, tried.failures, now)
            self._wake_for_retries(now)

    def _target_fails(self, sent: float, now: float) -> None:
        self.troubled = True
        was_closed = self.circuit.state is CircuitState.CLOSED
        if self.circuit.failed(sent, now):
            self._width = self._target.width
            if was_closed:
                self._metrics.circuit_opened[self._side] += 1
                log.warning(
                    f"the {self._target.name} cluster fails: copies wait, and it is tried again every"
                    f" {self.circuit.open_seconds:g} s, and when a node is connected"
                )
            self._wake_for_circuit(self._clock())
        self._set_limit()

    def _target_is_well(self) -> None:
        if self.circuit.succeeded() and self.circuit.state is CircuitState.CLOSED:
            log.info(f"the {self._target.name} cluster takes copies again")
        self._set_limit()
        self.troubled = bool(self.retries) or self.circuit.state is not CircuitState.CLOSED

    def pause(self, paused: bool) -> None:
        """Have nothing sent from now on, or go on."""
        self.paused = paused
        self._set_limit()

    def _set_limit(self) -> None:
        state = self.circuit.state
        if self.paused:
            self.limit = 0
        elif state is CircuitState.CLOSED:
            self.limit = self.window.size
        else:
            self.limit = PROBES if state is CircuitState.HALF_OPEN else 0

    # --- time passes --------------------------------------------------------------------------

    def window_was_full(self, copies: int) -> None:
        """So many copies were delivered while others waited for them."""
        if self.circuit.state is CircuitState.CLOSED:
            for _ in range(copies):
                self.window.arrived()
            self._set_limit()

    def due(self) -> list[Mutation]:
        """Look after what is troubled; returns the copies whose time for another attempt has come."""
        now = self._clock()
        if self.circuit.state is CircuitState.OPEN:
            width, self._width = self._width, self._target.width
            if now >= self.circuit.reopens_at or self._width > width:
                self.circuit.try_again(now)
                self._set_limit()
            else:
                self._wake_for_circuit(now)
        if not self.retries:
            return []
        due = self.retries.due(now)
        self._wake_for_retries(now)
        return due

    def _wake_for_circuit(self, now: float) -> None:
        """While the circuit is open there is always a timer: one may fire a little before its time."""
        if self._circuit_timer is None:
            pause = max(self.circuit.reopens_at - now, MIN_PAUSE_SECONDS)
            self._circuit_timer = self._loop.call_later(pause, self._circuit_is_due)

    def _circuit_is_due(self) -> None:
        self._circuit_timer = None
        self.pump()

    def _wake_for_retries(self, now: float) -> None:
        at = self.retries.next_due
        timer = self._retry_timer
        if at is None or (timer is not None and self._retry_timer_at <= at):
            return
        if timer is not None:
            timer.cancel()
        self._retry_timer_at = at
        self._retry_timer = self._loop.call_later(max(at - now, 0.0), self._retries_are_due)

    def _retries_are_due(self) -> None:
        self._retry_timer = None
        self.pump()


def _name(code: int) -> str:
    try:
        return ErrorCode(code).name
    except ValueError:
        return f"0x{code:04x}"
