"""One attempt to deliver a copy: its statements are prepared, a connection is found, and it is sent.

What becomes of it is told to a ``Destiny``. All of it runs in callbacks on the event loop; only what is rare
(a PREPARE, a connection in a new keyspace) is a coroutine, and the copies that need it are parked meanwhile,
while others go on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final, Protocol

from cqlproxy.cluster.backend import Backend
from cqlproxy.cluster.driver import RawConnection
from cqlproxy.cluster.keyspaces import KeyspaceUnavailableError
from cqlproxy.cluster.own_ids import with_own_ids
from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.cluster.request import Failure
from cqlproxy.cluster.side import Side
from cqlproxy.mirror.attempts import Attempts
from cqlproxy.mirror.mutation import Mutation
from cqlproxy.mirror.preparation import NotNowError, RefusedError, prepare_on_target
from cqlproxy.mirror.time_left import aged, expires
from cqlproxy.supervision import Supervisor
from filters import Rules
from frame_codec import ErrorResponse, Opcode

log = logging.getLogger(__name__)

REFUSED_SECONDS: Final = 1.0
"""How long the target is not asked again for a statement or a keyspace that it refused."""

SCHEMA_TIMEOUT_SECONDS: Final = 30.0
"""A schema change waits for all nodes to agree, far longer than a row does."""

AGED_SECONDS: Final = 1.0
"""A copy that is older has its time to live shortened; it is in whole seconds."""

_EXECUTE = int(Opcode.EXECUTE)
_QUERY = int(Opcode.QUERY)


class Destiny(Protocol):
    """Told what becomes of the copies that ``Delivery.start`` took, once for each start."""

    def delivered(self, mutation: Mutation) -> None:
        """The target acknowledged it. Hot path."""

    def delivered_together(self, mutations: list[Mutation]) -> None:
        """The same of many, which have yet to be ``landed``."""

    def refused(self, mutation: Mutation, error: ErrorResponse) -> None:
        """The target answered with an error."""

    def unanswered(self, mutation: Mutation, failure: Failure) -> None:
        """No answer came."""

    def unsent(self, mutations: list[Mutation], error: str, *, refused: bool) -> None:
        """They were not sent: the target refuses their statement or keyspace, or could not be asked."""

    def go_on(self, mutations: list[Mutation]) -> None:
        """What they waited for is there: to be started again, before others."""

    def may_be_sent(self, mutation: Mutation) -> bool:
        """Whether the rules in force let it pass, others than those that did; False when it is forgotten."""

    def pump(self) -> None:
        """There may be room again."""


class Delivery:
    """Sends copies to ``target``; implements ``mutation.Carrier``.

    ``timeout`` is in seconds; ``clock`` gives seconds that never go back. ``rules`` are those in force, until
    ``use_rules``.
    """

    def __init__(
        self,
        target: Backend,
        side: Side,
        *,
        timeout: float,
        rules: Rules,
        destiny: Destiny,
        clock: Callable[[], float],
        expired: Callable[[], None],
    ) -> None:
        self._target = target
        self._side = side
        self._timeout = timeout
        self._rules = rules
        self.destiny = destiny
        self.delivered: Callable[[Mutation], None] = destiny.delivered
        self.delivered_together: Callable[[list[Mutation]], None] = destiny.delivered_together
        self.refused = destiny.refused
        self.unanswered = destiny.unanswered
        self._clock = clock
        self._expired = expired
        self._supervisor = Supervisor()
        self.in_flight: set[Mutation] = set()
        self.earlier: set[Mutation] = set()
        """Those of them that were sent under rules which are no longer in force."""
        self._earlier_settled = asyncio.Event()
        self._parked: dict[PreparedStatement | str, list[Mutation]] = {}
        """Copies that wait for a statement to be prepared, or for a connection in a keyspace."""
        self._beginning: set[Mutation] = set()
        """Copies that wait until the journal knows that they are about to be sent."""
        self._refused_keyspaces: dict[str, float] = {}
        self._waits_for_room = False

    def __iter__(self) -> Iterator[Mutation]:
        """All copies that were started and are not told of yet."""
        yield from self.in_flight
        yield from self.not_sent()

    def not_sent(self) -> Iterator[Mutation]:
        """Those of them that are not under way."""
        for mutations in self._parked.values():
            yield from mutations
        yield from self._beginning

    def use_timeout(self, seconds: float) -> None:
        """For attempts that are made from now on."""
        self._timeout = seconds

    @property
    def idle(self) -> bool:
        """Whether nothing is started."""
        return not (self.in_flight or self._parked or self._beginning)

    def is_under_way(self, mutation: Mutation) -> bool:
        return mutation in self.in_flight

    # --- rules --------------------------------------------------------------------------------

    def use_rules(self, rules: Rules) -> None:
        self._rules = rules
        self.earlier.update(self.in_flight)

    @property
    def sent_under_earlier_rules(self) -> int:
        return len(self.earlier)

    async def settle_earlier(self) -> None:
        """Wait until each copy that was sent under earlier rules has its answer or is past its time-out."""
        while self.earlier:
            self._earlier_settled.clear()
            await self._earlier_settled.wait()

    async def stop(self) -> list[Mutation]:
        """Forget everything; returns the copies under way, whose outcome is not known any more."""
        await self._supervisor.stop()
        under_way = list(self.in_flight)
        self.in_flight.clear()
        self.earlier.clear()
        self._earlier_settled.set()
        self._parked.clear()
        self._beginning.clear()
        return under_way

    # --- sending ------------------------------------------------------------------------------

    def start(self, mutation: Mutation) -> bool:
        """Take the next step with a copy; False when it cannot be taken now, for want of a connection."""
        # Hot path: once for every copy.
        if mutation.rules is not self._rules and not self.destiny.may_be_sent(mutation):
            return True
        body, statements, side = mutation.body, mutation.prepared, self._side
        now = self._clock()
        if now - mutation.offered >= AGED_SECONDS and expires(mutation, self._target.default_ttl):
            body, statements = self._aged(mutation)
        for prepared in statements:
            if prepared.ids[side] is None:
                return self._park(prepared, mutation)
        if mutation.opcode == _EXECUTE:
            prepared = statements[0]
            connection = self._target.pick_for(prepared, body, prepared.parameters_at)
            if prepared.ids[side] is not prepared.id:
                body = with_own_ids(mutation.opcode, body, statements, side)
        else:
            keyspace = mutation.keyspace
            if keyspace is None:
                connection = self._target.pick()
            else:
                connection = self._target.keyspaces.pick(keyspace)
                if connection is None:
                    return self._park(keyspace, mutation)
            if statements:
                body = with_own_ids(mutation.opcode, body, statements, side)
        if connection is None:
            return False
        if connection.congested:
            self._wait_for_room(connection)
            return False
        if not mutation.repeatable and mutation.entry is not None and self._begins(mutation):
            return True
        mutation.carrier = self
        mutation.sent = now
        timeout = SCHEMA_TIMEOUT_SECONDS if mutation.schema else self._timeout
        if not connection.send(mutation, 0, mutation.opcode, body, now + timeout):
            return False
        self.in_flight.add(mutation)
        return True

    def start_together(self, mutations: Sequence[Mutation]) -> int:
        """As ``start`` for each of these, as far as they are alike and may be sent as they are.

        Returns how many of the first were started.
        """
        # Hot path.
        connection = self._target.only
        if connection is None or connection.congested:
            return 0
        side, rules = self._side, self._rules
        now = self._clock()
        aged_before = now - AGED_SECONDS
        opcode = mutations[0].opcode if mutations else _EXECUTE
        usual = 0
        for mutation in mutations:
            if mutation.opcode != opcode or mutation.ordered or not mutation.repeatable:
                break
            if mutation.rules is not rules:
                break
            if mutation.offered <= aged_before and expires(mutation, self._target.default_ttl):
                break
            if opcode == _EXECUTE:
                prepared = mutation.prepared[0]
                if prepared.ids[side] is not prepared.id or prepared.stands_in is not None:
                    break
            elif opcode != _QUERY or mutation.keyspace is not None:
                break
            mutation.carrier = self
            mutation.sent = now
            usual += 1
        if usual < len(mutations):
            mutations = mutations[:usual]
        sent = connection.send_together(mutations, opcode, now + self._timeout)
        self.in_flight.update(mutations if sent == usual else mutations[:sent])
        return sent

    def landed(self, mutation: Mutation) -> None:
        """A copy is no longer under way."""
        self.in_flight.discard(mutation)
        if self.earlier:
            self.earlier.discard(mutation)
            if not self.earlier:
                self._earlier_settled.set()

    def _wait_for_room(self, connection: RawConnection) -> None:
        if not self._waits_for_room:
            self._waits_for_room = True
            connection.when_writable(self._has_room)

    def _has_room(self) -> None:
        self._waits_for_room = False
        self.destiny.pump()

    def _aged(self, mutation: Mutation) -> tuple[bytes, Sequence[PreparedStatement]]:
        """The body and the statements with what is left of the time to live."""
        # Servers count whole seconds of the wall clock: so both clusters let it expire in the same one.
        age = int(time.time()) - int(mutation.written_at)
        found = aged(mutation, age, self._target.default_ttl)
        if found.expired:
            tried = mutation.tried
            if tried is None:
                tried = mutation.tried = Attempts()
            if not tried.expired:
                tried.expired = True
                self._expired()
        return found.body, found.prepared

    def _begins(self, mutation: Mutation) -> bool:
        """Whether the journal has yet to know that a copy is about to be sent which must not be sent twice.

        Not a schema change: nothing after it is sent before it is known to be done, so it can be repeated.
        """
        assert mutation.entry is not None
        if mutation.schema:
            return False
        tried = mutation.tried
        if tried is None:
            tried = mutation.tried = Attempts()
        if tried.began:
            return False
        tried.began = True
        self._beginning.add(mutation)
        mutation.entry.begin(partial(self._begun, mutation))
        return True

    def _begun(self, mutation: Mutation) -> None:
        if mutation in self._beginning:
            self._beginning.discard(mutation)
            self.destiny.go_on([mutation])

    # --- preparing, and opening keyspaces -----------------------------------------------------

    def prepare_again(self, mutation: Mutation, unknown_id: bytes) -> None:
        """A node does not know an id: prepare there, and go on. Nothing was applied."""
        for prepared in mutation.prepared:
            for sent in (prepared, prepared.aging):
                if sent is not None and sent.ids[self._side] == unknown_id:
                    if not self._park(sent, mutation, mutation.connection):
                        self.destiny.go_on([mutation])
                    return
        # Its id was replaced while this copy was under way.
        self.destiny.go_on([mutation])

    def _park(
        self, needed: PreparedStatement | str, mutation: Mutation, near: RawConnection | None = None
    ) -> bool:
        """Let a copy wait until the target has what it needs."""
        waiting = self._parked.get(needed)
        if waiting is not None:
            waiting.append(mutation)
            return True
        if not self._target.ready:
            return False
        if self._refused_until(needed) > self._clock():
            self.destiny.unsent([mutation], "refused a moment ago, and not asked again yet", refused=True)
            return True
        self._parked[needed] = [mutation]
        if isinstance(needed, str):
            self._supervisor.start(self._open(needed), f"keyspace on the {self._target.name} cluster")
        else:
            work = self._prepare(needed, near)
            self._supervisor.start(work, f"prepare on the {self._target.name} cluster")
        return True

    def _refused_until(self, needed: PreparedStatement | str) -> float:
        if isinstance(needed, str):
            return self._refused_keyspaces.get(needed, 0.0)
        return needed.refused_until[self._side]

    async def _prepare(self, prepared: PreparedStatement, near: RawConnection | None) -> None:
        try:
            await prepare_on_target(self._target, self._side, prepared, near)
        except RefusedError as refusal:
            prepared.refused_until[self._side] = self._clock() + REFUSED_SECONDS
            log.warning(
                f"the {self._target.name} cluster refuses to prepare a statement, so its copies fail",
                extra={"error": str(refusal), "statement": prepared.text[:200].decode("utf-8", "replace")},
            )
            self._unsent(prepared, str(refusal), refused=True)
        except NotNowError as error:
            self._unsent(prepared, str(error), refused=False)
        else:
            self.destiny.go_on(self._parked.pop(prepared))

    async def _open(self, keyspace: str) -> None:
        try:
            await self._target.keyspaces.open(keyspace)
        except KeyspaceUnavailableError as error:
            if error.answer is not None:
                if len(self._refused_keyspaces) >= 1000:
                    self._refused_keyspaces.clear()
                self._refused_keyspaces[keyspace] = self._clock() + REFUSED_SECONDS
                log.warning(
                    f"the {self._target.name} cluster refuses a keyspace, so its copies fail",
                    extra={"keyspace": keyspace},
                )
            self._unsent(keyspace, str(error), refused=error.answer is not None)
        else:
            self.destiny.go_on(self._parked.pop(keyspace))

    def _unsent(self, needed: PreparedStatement | str, error: str, *, refused: bool) -> None:
        self.destiny.unsent(self._parked.pop(needed), error, refused=refused)
        self.destiny.pump()
