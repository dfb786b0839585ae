"""How a copy ends: it has arrived, is a dead letter, is forgotten, or is left to the next process.

Its room in memory, its place in the journal, those that wait behind it and the client that waits for it are
told of that here, each once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from cqlproxy.cluster.backend import Backend
from cqlproxy.journal import Entry, Reason
from cqlproxy.mirror.awaited import Awaited
from cqlproxy.mirror.backlog import Backlog
from cqlproxy.mirror.graves import Graves
from cqlproxy.mirror.holding import Holding
from cqlproxy.mirror.mutation import Mutation
from cqlproxy.mirror.order import Order
from cqlproxy.mirror.waiting import Waiting
from cqlproxy.supervision import Supervisor
from filters import Rules
from frame_codec import ErrorResponse

AskAgain = Callable[[Mutation], bool]
"""Judges a copy by the rules in force; False when nothing of it may be sent. Sets its ``rules``."""

_GIVEN_UP: Final = Rules()
"""In place of the rules of a copy that is a dead letter, and is forgotten when its turn comes."""


class Endings:
    """Implements ``outcomes.Holder``. ``backlog`` and ``order`` are None where there is no journal."""

    def __init__(
        self,
        target: Backend,
        holding: Holding,
        awaited: Awaited,
        graves: Graves,
        *,
        backlog: Backlog | None,
        order: Order | None,
        ask_again: AskAgain,
    ) -> None:
        self._target = target
        self._holding = holding
        self._awaited = awaited
        self._graves = graves
        self._backlog = backlog
        self._order = order
        self._ask_again = ask_again
        self.waiting: Waiting
        """Set by whoever makes both."""
        self._supervisor = Supervisor()

    async def stop(self) -> None:
        """Wait for no schema agreement any more."""
        await self._supervisor.stop()

    def go_on(self, mutations: list[Mutation]) -> None:
        """See ``outcomes.Holder``."""
        self.waiting.go_on(mutations)

    def pump(self) -> None:
        """See ``outcomes.Holder``."""
        self.waiting.pump()

    # --- it has arrived -----------------------------------------------------------------------

    def arrived(self, mutation: Mutation) -> None:
        """See ``outcomes.Holder``."""
        self.arrived_together([mutation])

    def arrived_together(self, mutations: list[Mutation]) -> None:
        """See ``outcomes.Holder``."""
        # Hot path.
        holding = self._holding
        entries: list[Entry] = []
        size = 0
        for mutation in mutations:
            if mutation.schema:
                self._schema_arrived(mutation)
                continue
            holding.held -= 1
            size += mutation.size
            if mutation.entry is not None:
                entries.append(mutation.entry)
            if mutation.awaited is not None:
                self._awaited.tell(mutation, None)
        holding.held_bytes -= size
        if entries:
            Entry.settle_together(entries)
        if not self.waiting.calm:
            waiting, turns = self.waiting, self.waiting.turns
            for mutation in mutations:
                if not mutation.schema:
                    turns.settled(mutation)
            if turns.waits_for_window:
                waiting.window_was_full(len(mutations))
            waiting.pump()
        if not holding.held:
            holding.idle.set()

    def _schema_arrived(self, mutation: Mutation) -> None:
        """What comes after a schema change waits until a kill cannot bring it back, and all nodes know it."""
        if mutation.entry is None:
            self._schema_settled(mutation)
        else:
            mutation.entry.settle_then(partial(self._schema_settled, mutation))

    def _schema_settled(self, mutation: Mutation) -> None:
        if self._target.may_disagree and not self._holding.closed:
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
        if not self._holding.closed:
            self._forget(mutation)
            self.waiting.pump()

    # --- it is not delivered ------------------------------------------------------------------

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
        self.bury(mutation, reason, error, answer)

    def goes_on(self, mutation: Mutation, error: str) -> bool:
        """See ``outcomes.Holder``."""
        if self._awaited.fails:
            self.give_up(mutation, Reason.SYNC_FAILED, error)
            return False
        self._awaited.goes_on(mutation)
        return True

    def too_late(self, mutation: Mutation) -> None:
        """A client has waited long enough for a copy that still waits for its turn: it waits no longer."""
        if self._awaited.fails:
            mutation.rules = _GIVEN_UP
            self.bury(mutation, Reason.SYNC_FAILED, "its turn did not come in time")
        else:
            self._awaited.goes_on(mutation)

    def had_begun(self, mutation: Mutation) -> None:
        """It was about to be sent when an earlier process ended, and must not be sent twice."""
        self.bury(mutation, Reason.UNKNOWN_OUTCOME, "the proxy ended while it was being sent")

    def bury(
        self, mutation: Mutation, reason: Reason, error: str, answer: ErrorResponse | None = None
    ) -> None:
        """A copy, held or not, is a dead letter, or lost where there is no journal; both are counted.

        ``answer`` is the target's, if there was one.
        """
        told: ErrorResponse | None = None
        if mutation.awaited is not None:
            told = self._awaited.error(mutation, error, answer)
            if self._awaited.fails:
                reason = Reason.SYNC_FAILED
        self._graves.bury(mutation, reason, error)
        self._awaited.tell(mutation, told)

    def leave(self, mutation: Mutation) -> None:
        """The mirror has stopped: a copy that is held is for the next process, or dropped and counted."""
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

    def _forget(self, mutation: Mutation) -> None:
        """A copy whose turn had come is in memory no longer."""
        self._holding.release(mutation)
        self.waiting.turns.settled(mutation)
        if self._order is not None:
            self._order.settled(mutation)
        if not self._holding.held:
            self._holding.idle.set()
