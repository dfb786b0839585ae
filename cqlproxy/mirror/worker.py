"""The mirror: a bounded queue of copies, and a window of them under way to the shadow.

``offer`` never waits and never fails: a copy for which there is no room goes to ``undelivered``, as
does one that is given up. The rules may change while copies wait: those that other rules let pass are judged
again before they are sent. All of it runs on the event loop, in callbacks; only what is rare (a PREPARE,
a connection in a new keyspace) is a coroutine.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from itertools import takewhile
from time import monotonic

from cqlproxy.cluster.backend import Backend
from cqlproxy.cluster.driver import RawConnection
from cqlproxy.cluster.keyspaces import KeyspaceUnavailableError
from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.cluster.request import Failure, Request
from cqlproxy.cluster.side import Side
from cqlproxy.metrics import Metrics
from cqlproxy.mirror.lanes import Lanes
from cqlproxy.mirror.mutation import Mutation
from cqlproxy.mirror.pacing import Pacing
from cqlproxy.mirror.preparation import NotNowError, RefusedError, prepare_on_shadow
from cqlproxy.mirror.shadow_ids import with_shadow_ids
from cqlproxy.mirror.verdict import Outcome, outcome_of_error
from cqlproxy.statements import TableName
from cqlproxy.supervision import Supervisor
from filters import Rules
from frame_codec import (
    PROTOCOL_V4,
    ErrorResponse,
    Opcode,
    Unprepared,
    response_start,
    was_applied,
)

log = logging.getLogger(__name__)

WINDOW = 1024
"""Copies under way at the same time."""

MAX_ATTEMPTS = 5
"""Attempts that reached the shadow and failed, after which a copy is given up."""

REFUSED_SECONDS = 1.0
"""How long the shadow is not asked again for a statement or a keyspace that it refused."""

UNPREPARED_SECONDS = 60.0
"""How long a copy is prepared again and again for, on node after node, before it is given up."""

SCHEMA_TIMEOUT_SECONDS = 30.0
"""A schema change waits for all nodes to agree, far longer than a row does."""

_RESULT = int(Opcode.RESULT)
_SHADOW = Side.SHADOW
_EXECUTE = int(Opcode.EXECUTE)

Undelivered = Callable[[Mutation, str], None]
"""Takes a copy that will not be delivered by the mirror, and why: ``queue_full``, ``rejected``, ..."""

AskAgain = Callable[[Mutation], bool]
"""Judges a copy by the rules in force; False when nothing of it may be sent. Sets its ``rules``."""


class _Copy(Request):
    """One attempt to deliver one mutation."""

    __slots__ = ("mirror", "mutation", "sent")

    def __init__(self, mirror: Mirror, mutation: Mutation, sent: float) -> None:
        self.mirror = mirror
        self.mutation = mutation
        self.sent = sent

    def answered(self, flags: int, opcode: int, body: bytes) -> None:
        # Hot path: once for every copy.
        if opcode == _RESULT:
            if self.mutation.conditional and not was_applied(body, response_start(body, flags)):
                self.mirror._decided_otherwise(self)
            else:
                self.mirror._delivered(self)
        else:
            error = ErrorResponse.decode(body, PROTOCOL_V4, response_start(body, flags))
            self.mirror._refused(self, error)

    def failed(self, failure: Failure) -> None:
        self.mirror._unanswered(self, failure)


class Mirror:
    """Delivers mutations to ``shadow``.

    ``max_requests`` and ``max_bytes`` bound what waits and what is under way together;
    ``timeout`` is in seconds, for one attempt. ``rules`` are those in force, until ``use_rules``.
    """

    def __init__(
        self,
        shadow: Backend,
        *,
        max_requests: int,
        max_bytes: int,
        timeout: float,
        metrics: Metrics,
        undelivered: Undelivered,
        rules: Rules,
        ask_again: AskAgain,
    ) -> None:
        self._shadow = shadow
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._metrics = metrics
        self._undelivered = undelivered
        self._rules = rules
        self._ask_again = ask_again
        self._loop = asyncio.get_running_loop()
        self._supervisor = Supervisor()
        self._queue: deque[Mutation] = deque()
        self._in_flight: set[_Copy] = set()
        self._earlier: set[_Copy] = set()
        """Those of them that were sent under rules which are no longer in force."""
        self._earlier_settled = asyncio.Event()
        self._parked: dict[PreparedStatement, list[Mutation]] = {}
        self._lanes = Lanes()
        self._held = 0
        self._held_bytes = 0
        self._alone: Mutation | None = None
        """The one that nothing else may be under way with, from its turn until it is settled."""
        self._agreeing = False
        """Whether the shadow's nodes have yet to agree on a schema change."""
        self._waits_for_room = False
        self._opening_keyspace = False
        self._pacing = Pacing()
        self._refused_keyspaces: dict[str, float] = {}
        self._idle = asyncio.Event()
        self._idle.set()

    # --- what is seen from outside ------------------------------------------------------------

    @property
    def depth(self) -> int:
        """Copies taken and not yet settled: waiting, parked or under way."""
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
    def lag(self) -> float:
        """Age in seconds of the oldest copy that is not settled; 0 when there is none."""
        oldest = [copy.mutation.offered for copy in self._in_flight]
        oldest.extend(mutations[0].offered for mutations in self._parked.values() if mutations)
        oldest.extend(mutation.offered for mutation in self._lanes)
        if self._queue:
            oldest.append(self._queue[0].offered)
        return max(0.0, monotonic() - min(oldest)) if oldest else 0.0

    def offer(self, mutation: Mutation) -> None:
        """Take a copy for delivery, or hand it to ``undelivered`` when there is no room. Never waits."""
        # Hot path: once for every mutation.
        size = mutation.size
        if self._held >= self._max_requests or self._held_bytes + size > self._max_bytes:
            self._undelivered(mutation, "queue_full")
            return
        self._held += 1
        self._held_bytes += size
        if not (self._queue or self._lanes.by_table or mutation.in_turn or mutation.alone):
            # Nothing waits, and this one waits for nothing.
            if self._may_start(mutation):
                mutation.admitted = True
                if self._start(mutation):
                    return
            self._queue.append(mutation)
            return
        self._queue.append(mutation)
        self.pump()

    def use_rules(self, rules: Rules) -> None:
        """From now on nothing is sent that these rules do not let pass, whenever it was taken."""
        self._rules = rules
        self._earlier.update(self._in_flight)

    @property
    def sent_under_earlier_rules(self) -> int:
        """Copies under way that were sent before the rules in force were."""
        return len(self._earlier)

    async def settle_earlier(self) -> None:
        """Wait until each copy that was sent under earlier rules has its answer or is past its time-out."""
        while self._earlier:
            self._earlier_settled.clear()
            await self._earlier_settled.wait()

    async def drain(self, seconds: float) -> bool:
        """Wait until all copies are settled, ``seconds`` at most; returns whether they are."""
        try:
            async with asyncio.timeout(seconds):
                while self._held:
                    self._idle.clear()
                    await self._idle.wait()
        except TimeoutError:
            return False
        return True

    async def stop(self) -> None:
        """Hand everything that is not delivered to ``undelivered``."""
        await self._supervisor.stop()
        remaining = [copy.mutation for copy in self._in_flight]
        remaining.extend(mutation for mutations in self._parked.values() for mutation in mutations)
        remaining.extend(self._lanes.clear())
        remaining.extend(self._queue)
        self._in_flight.clear()
        self._earlier.clear()
        self._earlier_settled.set()
        self._parked.clear()
        self._queue.clear()
        for mutation in remaining:
            self._give_up(mutation, "shutdown")

    # --- sending ------------------------------------------------------------------------------

    def pump(self) -> None:
        """Send what may be sent now. Called whenever something has changed; cheap when nothing has."""
        if self._lanes.by_table:
            self._lanes.advance(self._start_if_there_is_room)
        queue = self._queue
        while queue:
            mutation = queue[0]
            if not self._may_start(mutation):
                return
            if not mutation.admitted and not self._admit(mutation):
                if queue and queue[0] is mutation:
                    return
                continue
            queue.popleft()
            if not self._start(mutation):
                queue.appendleft(mutation)
                return

    def _may_start(self, mutation: Mutation) -> bool:
        """Whether there is room for one more copy."""
        if len(self._in_flight) >= WINDOW or self._opening_keyspace or self._agreeing:
            return False
        if self._alone is not None and self._alone is not mutation:
            return False
        return self._pacing.may_send(monotonic())

    def _start_if_there_is_room(self, mutation: Mutation) -> bool:
        mutation.admitted = True
        return self._may_start(mutation) and self._start(mutation)

    def _admit(self, mutation: Mutation) -> bool:
        """Whether the head of the queue may go on; if not, it stays there, or has gone to a lane."""
        waits_for_all = mutation.alone
        if not waits_for_all and (mutation.in_turn or (self._lanes and self._lanes.concern(mutation))):
            if len(mutation.tables) == 1:
                self._queue.popleft()
                self._lanes.enter(mutation, self._under_way)
                self._lanes.advance(self._start_if_there_is_room)
                return False
            waits_for_all = True
        if waits_for_all and (self._in_flight or self._parked or self._lanes):
            return False
        mutation.admitted = True
        if mutation.alone:
            self._alone = mutation
        return True

    def _under_way(self, table: TableName) -> int:
        """Copies of a table that have started and are not settled; counted when a lane is opened."""
        started = [copy.mutation for copy in self._in_flight]
        started.extend(mutation for mutations in self._parked.values() for mutation in mutations)
        # Those that are to be tried again stand at the head of the queue.
        started.extend(takewhile(lambda mutation: mutation.admitted, self._queue))
        return sum(table in mutation.tables for mutation in started)

    def _start(self, mutation: Mutation) -> bool:
        """Take the next step with a copy; False when it has to wait at the head of the queue."""
        if mutation.rules is not self._rules and not self._ask_again(mutation):
            self._forget(mutation)
            return True
        for prepared in mutation.prepared:
            if prepared.ids[_SHADOW] is None:
                return self._park(prepared, mutation)
        if self._refused_keyspaces and self._is_refused(mutation.keyspace):
            self._give_up(mutation, "rejected")
            return True
        body = mutation.body
        if mutation.opcode == _EXECUTE:
            prepared = mutation.prepared[0]
            connection = self._shadow.pick_for(prepared, body, 2 + len(prepared.id))
            if prepared.ids[_SHADOW] is not prepared.id:
                body = with_shadow_ids(mutation)
        else:
            connection = self._connection_for(mutation)
            if mutation.prepared:
                body = with_shadow_ids(mutation)
        if connection is None:
            return False
        if connection.congested:
            if not self._waits_for_room:
                self._waits_for_room = True
                connection.when_writable(self._has_room)
            return False
        now = monotonic()
        copy = _Copy(self, mutation, now)
        timeout = SCHEMA_TIMEOUT_SECONDS if mutation.schema else self._timeout
        if not connection.send(copy, 0, mutation.opcode, body, now + timeout):
            return False
        self._in_flight.add(copy)
        return True

    def _has_room(self) -> None:
        self._waits_for_room = False
        self.pump()

    def _connection_for(self, mutation: Mutation) -> RawConnection | None:
        """A connection for what is not an EXECUTE."""
        shadow = self._shadow
        if mutation.keyspace is None:
            return shadow.pick()
        connection = shadow.keyspaces.pick(mutation.keyspace)
        if connection is None and shadow.ready:
            self._opening_keyspace = True
            self._supervisor.start(self._open_keyspace(mutation.keyspace), "shadow keyspace")
        return connection

    def _is_refused(self, keyspace: str | None) -> bool:
        if keyspace is None or keyspace not in self._refused_keyspaces:
            return False
        if self._refused_keyspaces[keyspace] > monotonic():
            return True
        del self._refused_keyspaces[keyspace]
        return False

    async def _open_keyspace(self, keyspace: str) -> None:
        try:
            await self._shadow.keyspaces.open(keyspace)
        except KeyspaceUnavailableError as error:
            self._settle_keyspace_failure(keyspace, error)
        finally:
            self._opening_keyspace = False
        self.pump()

    def _settle_keyspace_failure(self, keyspace: str, error: KeyspaceUnavailableError) -> None:
        """Copies that need a keyspace which the shadow refuses are given up while it is not asked again."""
        if error.answer is None:
            self._back_off()
            return
        log.warning("the shadow refuses a keyspace: copies are lost", extra={"keyspace": keyspace})
        self._refused_keyspaces[keyspace] = monotonic() + REFUSED_SECONDS

    # --- preparing on the shadow --------------------------------------------------------------

    def _park(
        self, prepared: PreparedStatement, mutation: Mutation, near: RawConnection | None = None
    ) -> bool:
        """Let a copy wait until the shadow has prepared its statement."""
        waiting = self._parked.get(prepared)
        if waiting is not None:
            waiting.append(mutation)
            return True
        if prepared.refused_until[_SHADOW] > monotonic():
            self._give_up(mutation, "rejected")
            return True
        if not self._shadow.ready:
            return False
        self._parked[prepared] = [mutation]
        self._supervisor.start(self._prepare(prepared, near), "prepare on the shadow")
        return True

    async def _prepare(self, prepared: PreparedStatement, near: RawConnection | None) -> None:
        try:
            await prepare_on_shadow(self._shadow, prepared, near)
        except RefusedError as refusal:
            prepared.refused_until[_SHADOW] = monotonic() + REFUSED_SECONDS
            log.warning(
                "the shadow refuses to prepare a statement: copies are lost",
                extra={"error": str(refusal), "statement": prepared.text[:200].decode("utf-8", "replace")},
            )
            for mutation in self._parked.pop(prepared):
                self._give_up(mutation, "rejected")
        except NotNowError:
            self._back_off()
            for mutation in reversed(self._parked.pop(prepared)):
                self._try_again(mutation)
        else:
            self._queue.extendleft(reversed(self._parked.pop(prepared)))
        self.pump()

    # --- what became of it --------------------------------------------------------------------

    def _landed(self, copy: _Copy) -> None:
        """A copy is no longer under way."""
        self._in_flight.discard(copy)
        if self._earlier:
            self._earlier.discard(copy)
            if not self._earlier:
                self._earlier_settled.set()

    def _delivered(self, copy: _Copy) -> None:
        self._landed(copy)
        mutation = copy.mutation
        if mutation.schema and self._shadow.may_disagree:
            self._agreeing = True
            self._supervisor.start(self._wait_for_agreement(), "schema agreement of the shadow")
        self._pacing.succeeded()
        now = monotonic()
        self._metrics.mirrored += 1
        self._metrics.mirrored_by_table.add(mutation.tables)
        self._metrics.shadow_latency_ok.observe(now - copy.sent)
        self._forget(mutation)
        if self._queue or self._lanes.by_table:
            self.pump()

    def _decided_otherwise(self, copy: _Copy) -> None:
        """The primary applied a conditional write and the shadow did not: their rows differed before it."""
        self._landed(copy)
        log.warning(
            "the shadow did not apply a conditional write that the primary applied",
            extra={"tables": _names(copy.mutation)},
        )
        self._give_up(copy.mutation, "not_applied")
        self.pump()

    async def _wait_for_agreement(self) -> None:
        """What comes after a schema change may meet a node that has not heard of it yet."""
        try:
            await self._shadow.schema_agreement()
        finally:
            self._agreeing = False
        self.pump()

    def _refused(self, copy: _Copy, error: ErrorResponse) -> None:
        mutation = copy.mutation
        outcome = outcome_of_error(error.code, schema=mutation.schema)
        if outcome is Outcome.DELIVERED:
            self._delivered(copy)
            return
        self._landed(copy)
        self._metrics.shadow_latency_error.observe(monotonic() - copy.sent)
        if outcome is Outcome.REFUSED:
            log.warning(
                "the shadow refuses a copy: it is lost",
                extra={"tables": _names(mutation), "code": f"0x{error.code:04x}", "error": error.message},
            )
            self._give_up(mutation, "rejected")
        elif isinstance(error, Unprepared):
            self._prepare_again(copy, error.id)
        else:
            self._back_off()
            if outcome is Outcome.NOT_APPLIED or mutation.repeatable:
                self._try_again(mutation)
            else:
                self._give_up(mutation, "unknown_outcome")
        self.pump()

    def _prepare_again(self, copy: _Copy, unknown_id: bytes) -> None:
        """The node does not know an id: prepare there, and deliver again. Nothing was applied."""
        mutation = copy.mutation
        self._metrics.retried += 1
        if monotonic() - mutation.offered > UNPREPARED_SECONDS:
            self._give_up(mutation, "unprepared")
            return
        for prepared in mutation.prepared:
            if prepared.ids[_SHADOW] == unknown_id:
                if not self._park(prepared, mutation, copy.connection):
                    self._queue.appendleft(mutation)
                return
        # Its id was replaced while this copy was under way.
        self._queue.appendleft(mutation)

    def _unanswered(self, copy: _Copy, failure: Failure) -> None:
        if copy not in self._in_flight:
            return
        self._landed(copy)
        mutation = copy.mutation
        self._metrics.shadow_latency_error.observe(monotonic() - copy.sent)
        self._back_off()
        if mutation.repeatable:
            self._try_again(mutation)
        else:
            self._give_up(mutation, "unknown_outcome")
        self.pump()

    def _try_again(self, mutation: Mutation) -> None:
        mutation.attempts += 1
        if mutation.attempts >= MAX_ATTEMPTS:
            self._give_up(mutation, "attempts")
        else:
            self._metrics.retried += 1
            self._queue.appendleft(mutation)

    def _back_off(self) -> None:
        pause = self._pacing.failed(monotonic())
        if pause is not None:
            self._loop.call_later(pause, self.pump)

    def _give_up(self, mutation: Mutation, reason: str) -> None:
        self._undelivered(mutation, reason)
        self._forget(mutation)

    def _forget(self, mutation: Mutation) -> None:
        self._held -= 1
        self._held_bytes -= mutation.size
        if mutation is self._alone:
            self._alone = None
        if self._lanes.by_table:
            self._lanes.settled(mutation)
        if not self._held:
            self._idle.set()


def _names(mutation: Mutation) -> str:
    return ", ".join(f"{table.keyspace}.{table.table}" for table in mutation.tables)
