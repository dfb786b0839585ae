"""Whose turn it is: what waits in memory, and in which order it may go.

Most copies may overtake each other, and go as soon as the window has room. One in turn waits for those of its
table (``lanes``); a schema change waits for all, and all wait for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice

from cqlproxy.cluster.circuit import CircuitState
from cqlproxy.mirror.backlog import Backlog
from cqlproxy.mirror.delivery import Delivery
from cqlproxy.mirror.lanes import Lanes
from cqlproxy.mirror.mutation import Mutation
from cqlproxy.mirror.outcomes import Outcomes
from cqlproxy.statements import TableName


class Turns:
    """The copies in memory that are neither parked nor under way nor to be tried again later."""

    def __init__(self, delivery: Delivery, outcomes: Outcomes) -> None:
        self._delivery = delivery
        self._start = delivery.start
        self._start_together = delivery.start_together
        self._in_flight = delivery.in_flight
        self._outcomes = outcomes
        self.queue: deque[Mutation] = deque()
        """Copies whose turn has not come."""
        self.ready: deque[Mutation] = deque()
        """Copies whose turn has come, which could not be sent, or are to be sent again."""
        self._lanes = Lanes()
        self._alone: Mutation | None = None
        """The one that nothing else may be under way with, from its turn until it is settled."""

    def __iter__(self) -> Iterator[Mutation]:
        yield from self.ready
        yield from self._lanes
        yield from self.queue

    def oldest(self) -> Iterator[Mutation]:
        """Some of them, the oldest included: of those in the queue, which is in order, the first."""
        yield from self.ready
        yield from self._lanes
        yield from islice(self.queue, 1)

    def __bool__(self) -> bool:
        """Whether a copy that comes has to wait for others."""
        return bool(self.ready or self.queue or self._lanes.by_table or self._alone)

    @property
    def waits_for_window(self) -> bool:
        """Whether there are copies which could be sent if more might be under way."""
        return bool(self.ready or self.queue)

    def starts(self, mutation: Mutation) -> bool:
        """Start a copy whose turn it is, if the window has room and a connection takes it."""
        # Hot path: once for every copy.
        return len(self._in_flight) < self._outcomes.limit and self._start(mutation)

    def advance(self, *, later: bool) -> None:
        """Send what may be sent now, as far as the window goes. ``later``: whether others wait elsewhere."""
        if self._lanes.by_table:
            self._lanes.advance(self.starts)
        ready, queue = self.ready, self.queue
        # Copies that fail time and again must not be all that is tried: the target may take every other.
        others_first = bool(ready) and self.probing and (bool(queue) or later)
        if others_first:
            while queue and self.send_first(queue):
                pass
        while ready:
            mutation = ready.popleft()
            if (others_first and self._in_flight) or not self.starts(mutation):
                ready.appendleft(mutation)
                return
        while queue and not ready and (self._send_together(queue) or self.send_first(queue)):
            pass

    @property
    def probing(self) -> bool:
        """Whether a few copies are sent to find out how the target is."""
        return self._outcomes.circuit.state is CircuitState.HALF_OPEN

    def _send_together(self, waiting: deque[Mutation]) -> bool:
        """Start the first of those that wait, as far as nothing stands in the way; False when none was."""
        # Hot path while copies come faster than the target takes them.
        if self._alone is not None or self._lanes.by_table or len(waiting) == 1:
            return False
        room = self._outcomes.limit - len(self._in_flight)
        started = self._start_together(list(islice(waiting, room))) if room > 1 else 0
        for _ in range(started):
            waiting.popleft()
        return started > 0

    def send_first(self, waiting: deque[Mutation]) -> bool:
        """Take out the first of those that wait and let it go on; False when others have to wait."""
        if self._alone is not None or len(self._in_flight) >= self._outcomes.limit:
            return False
        mutation = waiting[0]
        in_lane = mutation.in_turn or (bool(self._lanes.by_table) and self._lanes.concern(mutation))
        if mutation.alone or (in_lane and len(mutation.tables) != 1):
            if self._lanes or self.ready or self._outcomes.retries or not self._delivery.idle:
                return False
            if mutation.alone:
                self._alone = mutation
        elif in_lane:
            waiting.popleft()
            self._lanes.enter(mutation, self._under_way)
            self._lanes.advance(self.starts)
            return True
        waiting.popleft()
        if not self._start(mutation):
            self.ready.appendleft(mutation)
            return False
        return True

    def replay(self, backlog: Backlog) -> float:
        """Nothing that waits here can be sent: go on with what was read back from the journal.

        Returns the seconds after which its rate allows more; 0 when something else is waited for.
        """
        waiting = backlog.waiting
        while waiting and (not self.ready or self.probing):
            pause = backlog.may_start()
            if pause:
                return pause
            mutation = waiting[0]
            others_may_go = self.send_first(waiting)
            if waiting and waiting[0] is mutation:
                return 0.0
            backlog.started(mutation)
            if not others_may_go:
                return 0.0
        return 0.0

    def _under_way(self, table: TableName) -> int:
        """Copies of a table whose turn has come and that are not settled; counted when a lane is opened."""
        return sum(
            table in mutation.tables
            for started in (self._delivery, self._outcomes.retries, self.ready)
            for mutation in started
        )

    def settled(self, mutation: Mutation) -> None:
        """A copy whose turn had come is delivered, given up, or forgotten: others may have waited for it."""
        if mutation is self._alone:
            self._alone = None
        if self._lanes.by_table:
            self._lanes.settled(mutation)

    def clear(self) -> list[Mutation]:
        """Take out everything."""
        waiting = list(self)
        self.ready.clear()
        self.queue.clear()
        self._lanes.clear()
        self._alone = None
        return waiting
