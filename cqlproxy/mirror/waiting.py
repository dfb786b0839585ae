"""Where a copy waits that cannot be sent as it comes, and its going on.

It waits in memory (``turns``), in the journal (``backlog``), or outside of both while its client waits for
its answer (``blocked``). ``pump`` lets go on what may: what is to be tried again and what is in memory first,
what was read back from the journal when there is nothing else to send.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from cqlproxy.mirror.backlog import Backlog
from cqlproxy.mirror.graves import Graves
from cqlproxy.mirror.holding import Holding
from cqlproxy.mirror.mutation import Mutation
from cqlproxy.mirror.order import Order
from cqlproxy.mirror.outcomes import Outcomes
from cqlproxy.mirror.settings import Overflow
from cqlproxy.mirror.turns import Turns


class Waiting:
    """``backlog`` and ``order`` are None where there is no journal; ``protects``: it takes every copy."""

    def __init__(
        self,
        turns: Turns,
        outcomes: Outcomes,
        holding: Holding,
        graves: Graves,
        *,
        backlog: Backlog | None,
        order: Order | None,
        protects: bool,
        overflow: Overflow,
    ) -> None:
        self.turns = turns
        self.blocked: deque[tuple[Mutation, Callable[[], None]]] = deque()
        """Copies that memory cannot take, whose clients wait for their answers."""
        self.calm = backlog is None
        """Whether nothing waits but for its next attempt, so that a copy may start as it comes."""
        self.window_was_full = outcomes.window_was_full
        self._outcomes = outcomes
        self._holding = holding
        self._graves = graves
        self._backlog = backlog
        self._order = order
        self._protects = protects
        self._overflow = overflow
        self._loop = asyncio.get_running_loop()
        self._pumping = False
        self._pump_again = False
        self._replay_timer: asyncio.TimerHandle | None = None

    def stop(self) -> None:
        if self._replay_timer is not None:
            self._replay_timer.cancel()

    # --- where a copy waits -------------------------------------------------------------------

    def comes_later(self, mutation: Mutation) -> bool:
        """Whether a copy has to go behind those in the journal."""
        return self._order is not None and self._order.comes_later(mutation)

    def add(self, mutation: Mutation) -> None:
        """A copy that is held waits for its turn, in memory or behind those in the journal."""
        if mutation.entry is None:
            if mutation.awaited is None and self.comes_later(mutation):
                self._holding.release(mutation)
                self.spill(mutation, None)
                return
            if self._order is not None:
                self._order.in_memory(mutation)
        self.turns.queue.append(mutation)
        self.pump()

    def add_together(self, mutations: list[Mutation]) -> None:
        """The same of copies that are held and in nobody's way, behind others in memory."""
        self.turns.queue.extend(mutations)
        self.calm = False
        self.pump()

    def overflow(self, mutation: Mutation, taken: Callable[[], None]) -> None:
        """Memory cannot take a copy; ``taken()`` when its client may have its answer all the same."""
        if self._overflow is Overflow.BLOCK and not self._holding.closed:
            self.blocked.append((mutation, taken))
            self.calm = False
            return
        if self._holding.closed and self._backlog is None:
            self._graves.drop(mutation, "shutdown")
        elif self._overflow is Overflow.DROP or self._backlog is None:
            self._graves.drop(mutation, "queue_full")
        else:
            self.spill(mutation, None)
        taken()

    def spill(self, mutation: Mutation, stored: Callable[[], None] | None) -> None:
        """A copy that is not held goes to the end of the backlog; ``stored()`` when a kill cannot lose it."""
        assert self._backlog is not None
        assert self._order is not None
        if not self._protects:
            self._order.before_spilling(mutation)
        self._backlog.spill(mutation, stored)
        self.calm = False
        if not self._holding.held:
            self.pump()

    def read_back(self, mutations: list[Mutation]) -> bool:
        """Copies of the backlog have come. Returns whether memory can take them all; if not, those after the
        last that it took stay where they were.
        """
        assert self._backlog is not None
        holding = self._holding
        fits = not holding.closed
        for mutation in mutations:
            fits = fits and (holding.fits(mutation) or not holding.held)
            if fits:
                holding.take(mutation)
                self._backlog.waiting.append(mutation)
            else:
                self._backlog.give_back(mutation)
        self.pump()
        return fits

    # --- going on -----------------------------------------------------------------------------

    def go_on(self, mutations: list[Mutation]) -> None:
        """See ``outcomes.Holder``."""
        self.turns.ready.extend(mutations)
        self.pump()

    def pump(self) -> None:
        """Send what may be sent now. Called whenever something has changed; cheap when nothing has."""
        if self._pumping or self._holding.closed:
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
        turns, backlog, holding = self.turns, self._backlog, self._holding
        if self._outcomes.troubled:
            turns.ready.extend(self._outcomes.due())
        if self.blocked:
            self._unblock()
        turns.advance(later=bool(backlog))
        if backlog is not None and backlog:
            if turns.probing or not turns.waits_for_window:
                self._replay(backlog)
            if holding.held_bytes * 2 <= holding.max_bytes:
                backlog.read_soon(holding.max_requests - holding.held, holding.max_requests)
            self.calm = False
        else:
            self.calm = not (turns or self.blocked)

    def _unblock(self) -> None:
        while self.blocked and self._holding.fits(self.blocked[0][0]):
            mutation, taken = self.blocked.popleft()
            self._holding.take(mutation)
            self.add(mutation)
            taken()

    def _replay(self, backlog: Backlog) -> None:
        """Nothing else is to be sent: go on with what was read back, as the rate allows."""
        pause = self.turns.replay(backlog)
        if pause and self._replay_timer is None:
            self._replay_timer = self._loop.call_later(pause, self._replay_again)

    def _replay_again(self) -> None:
        self._replay_timer = None
        self.pump()
