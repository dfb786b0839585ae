"""Texts that come together: sent, answered and copied as when they come one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.clock import WriteClock
from cqlproxy.cluster.backend import Backend
from cqlproxy.cluster.driver import RawConnection
from cqlproxy.cluster.prepared import PreparedStatements
from cqlproxy.cluster.side import Side
from cqlproxy.metrics import Metrics
from cqlproxy.mirror.mutation import Mutation
from cqlproxy.mirror.worker import Mirror
from cqlproxy.modes import Mode
from cqlproxy.routing.copies import Copies
from cqlproxy.routing.exchange import Exchange
from cqlproxy.routing.peer import ClientPeer
from cqlproxy.routing.route import Manner, Route
from cqlproxy.routing.router import Router
from cqlproxy.routing.writes import Write
from cqlproxy.statements import StatementCache, analyse
from filters import Governor, Rules, TablePatterns, Tenants, table_pattern
from frame_codec import ConsistencyLevel, Opcode, Query, QueryParameters, Void

TEXTS = [
    "INSERT INTO ks.t (tenant, k) VALUES ('good', 1)",
    "INSERT INTO ks.t (tenant, k) VALUES ('bad', 1)",
    "INSERT INTO ks.t (tenant, k) VALUES ('good', 2) USING TTL 5",
    "INSERT INTO ks.t (tenant, k) VALUES ('good', 2) USING TIMESTAMP 5",
    "INSERT INTO ks.t (tenant, k) VALUES (?, 2)",
    "INSERT INTO ks.t (k) VALUES (2)",
    "INSERT INTO t (tenant, k) VALUES ('good', 3)",
    "INSERT INTO ks.held (k) VALUES (3)",
    "INSERT INTO system.held (k) VALUES (3)",
    "UPDATE ks.t SET l = l + [1] WHERE tenant = 'good'",
    "UPDATE ks.t SET c = c + 1 WHERE tenant = 'bad'",
    "DELETE FROM ks.t WHERE tenant = 'good'",
]
OTHERS = [
    "INSERT INTO ks.t (tenant, k) VALUES ('good', 1) IF NOT EXISTS",
    "INSERT INTO ks.t (tenant, k) VALUES ('good', now())",
    "SELECT * FROM ks.t",
    "BEGIN BATCH INSERT INTO ks.t (tenant, k) VALUES ('good', 1); APPLY BATCH",
    "TRUNCATE ks.t",
    "what is this",
]
DONE = Void().encode(4)
VALUE = QueryParameters(values=(b"bad",))
STAMPED = QueryParameters(timestamp=7)


def rules() -> Rules:
    return Rules(
        tenants=Tenants(["bad"]),
        tables=TablePatterns([table_pattern("ks.held")]),
        tenant_columns=frozenset({"tenant"}),
    )


def copies_of(metrics: Metrics, consistency: ConsistencyLevel | None = None) -> Copies:
    return Copies(
        governor=Governor(rules()),
        metrics=metrics,
        clock=WriteClock(lambda: 0),
        schema_changes=True,
        consistency=consistency,
    )


class Sent:
    """A cluster of one connection: what was sent on it."""

    congested = False
    request_timeout = 10.0
    ready = True
    width = 1

    def __init__(self, room: int) -> None:
        self.only: Sent | None = self
        self.keyspaces = self
        self.room = room
        self.sent: list[tuple[Exchange, int, int, bytes, float]] = []

    def pick(self, keyspace: str | None = None) -> Sent:
        return self

    def send(self, exchange: Exchange, flags: int, opcode: int, body: bytes, deadline: float) -> bool:
        self.sent.append((exchange, flags, opcode, body, deadline))
        return True

    def send_together(self, exchanges: list[Exchange], opcode: int, deadline: float) -> int:
        some = exchanges[: self.room]
        self.sent.extend((exchange, 0, opcode, exchange.body, deadline) for exchange in some)
        return len(some)


class Shadow:
    """Stands where the mirror does."""

    def __init__(self, takes_together: bool) -> None:
        self.offered: list[Mutation] = []
        self.takes_together = takes_together

    def offer(self, mutation: Mutation) -> None:
        self.offered.append(mutation)

    def offer_together(self, mutations: list[Mutation]) -> None:
        self.offered += mutations

    def offer_then(self, mutation: Mutation, taken: Callable[[], None]) -> None:
        self.offered.append(mutation)
        taken()

    def offer_together_then(self, mutations: list[Mutation], taken: Callable[[], None]) -> bool:
        if self.takes_together:
            self.offered += mutations
            taken()
        return self.takes_together


class World:
    """A client before a router and two clusters."""

    version = 4

    def __init__(
        self,
        manner: Manner = Manner.AFTERWARDS,
        *,
        keyspace: str | None = None,
        stamps: bool = True,
        room: int = 100,
        takes_together: bool = True,
        consistency: ConsistencyLevel | None = None,
    ) -> None:
        self.metrics = Metrics(Mode.DUAL_WRITE_ASYNC)
        self.primary, self.shadow = Sent(room), Shadow(takes_together)
        mirror = None if manner is Manner.ALONE else cast(Mirror, self.shadow)
        backend = cast(Backend, self.primary)
        self.route = Route(
            Side.PRIMARY, backend, PreparedStatements(1), manner=manner, mirror=mirror, stamps=stamps
        )
        self.keyspace = keyspace
        self.answers: list[tuple[int, int, bytes]] = []
        self.statements = StatementCache(10)
        self.router = Router(
            statements=self.statements,
            copies=copies_of(self.metrics, consistency),
            clock=WriteClock(lambda: 0),
            metrics=self.metrics,
        )

    def reply(self, stream: int, flags: int, opcode: int, body: bytes) -> None:
        self.answers.append((stream, opcode, body))

    def hold(self, connection: RawConnection) -> None:
        raise AssertionError("it is not congested")

    def ask(self, bodies: list[bytes], *, together: bool) -> int:
        client = cast(ClientPeer, self)
        handled = 0
        if together:
            frames = [(4, 0, stream, int(Opcode.QUERY), body) for stream, body in enumerate(bodies)]
            handled = self.router.texts(client, frames, 1.0)
        else:
            for stream, body in enumerate(bodies):
                self.router.query(client, stream, 0, body, 1.0)
        return handled

    def answer(self, *, together: bool) -> None:
        if together:
            writes = [cast(Write, sent[0]) for sent in self.primary.sent]
            assert all(type(write) is Write and write.told_together is Write for write in writes)
            Write.answered_together([(write, DONE) for write in writes], 2.0)
        else:
            for exchange, *_ in self.primary.sent:
                exchange.answered(0, Opcode.RESULT, DONE)

    def told(self) -> object:
        """All that must not depend on what came together with what."""
        metrics = self.metrics
        return (
            [(sent[0].stream, *sent[1:]) for sent in self.primary.sent],
            sorted(self.answers),
            [copy_told(copy) for copy in self.shadow.offered],
            (metrics.writes_total, metrics.writes_ok, metrics.reads_total),
            metrics.filtered,
        )


def copy_told(copy: Mutation | None) -> object:
    if copy is None:
        return None
    timed = {"offered", "rules"}
    told = {
        name: getattr(copy, name) for name in Mutation.__slots__ if name not in timed and hasattr(copy, name)
    }
    return {**told, "prepared": tuple(copy.prepared)}


bodies = st.builds(
    lambda text, parameters: Query(text, parameters).encode(4),
    st.sampled_from(TEXTS),
    st.sampled_from([QueryParameters(), VALUE, STAMPED]),
)


@given(
    st.lists(bodies, min_size=1, max_size=6),
    st.sampled_from([Manner.ALONE, Manner.AFTERWARDS, Manner.TAKEN_FIRST]),
    st.sampled_from([None, "ks"]),
    st.booleans(),
    st.sampled_from([0, 2, 100]),
    st.booleans(),
    st.sampled_from([None, ConsistencyLevel.ONE]),
)
def test_texts_together_are_what_they_are_one_by_one(
    asked: list[bytes],
    manner: Manner,
    keyspace: str | None,
    stamps: bool,
    room: int,
    takes_together: bool,
    consistency: ConsistencyLevel | None,
) -> None:
    told = []
    for together in (True, False):
        world = World(
            manner,
            keyspace=keyspace,
            stamps=stamps,
            room=room,
            takes_together=takes_together,
            consistency=consistency,
        )
        handled = world.ask(asked, together=together)
        assert handled == (len(asked) if together else 0)
        world.answer(together=together)
        told.append(world.told())
    assert told[0] == told[1]


@pytest.mark.parametrize("other", OTHERS)
def test_the_first_that_is_not_usual_ends_it(other: str) -> None:
    world = World()
    asked = [Query(text, QueryParameters()).encode(4) for text in (TEXTS[0], other, TEXTS[0])]
    assert world.ask(asked, together=True) == 1
    assert len(world.primary.sent) == 1


@pytest.mark.parametrize("other", [other for other in OTHERS if "now()" not in other])
def test_what_is_left_to_the_router_is_analysed_once(other: str) -> None:
    one_by_one, world = World(), World()
    body = Query(other, QueryParameters()).encode(4)
    one_by_one.ask([body], together=False)
    assert world.ask([body], together=True) == 0
    world.ask([body], together=False)
    assert world.told() == one_by_one.told()
    assert (world.statements.hits, world.statements.misses) == (0, 1)


@pytest.mark.parametrize("body", [b"", b"\0\0", b"\0\0\0\x05INS", b"\xff\xff\xff\xffINSERT", b"\0\0\0\0"])
def test_a_damaged_one_is_left_to_the_router(body: bytes) -> None:
    asked = [Query(TEXTS[0], QueryParameters()).encode(4), body]
    assert World().ask(asked, together=True) == 1


def test_where_both_clusters_are_asked_at_the_same_time_they_go_one_by_one() -> None:
    assert World(Manner.BESIDE).ask([Query(TEXTS[0], QueryParameters()).encode(4)], together=True) == 0


def test_those_of_an_earlier_route_are_answered_under_it() -> None:
    world = World()
    earlier = Shadow(takes_together=True)
    world.ask([Query(TEXTS[0], QueryParameters()).encode(4)], together=True)
    world.route = Route(
        Side.PRIMARY,
        world.route.backend,
        PreparedStatements(1),
        manner=Manner.AFTERWARDS,
        mirror=cast(Mirror, earlier),
    )
    world.ask([Query(TEXTS[0], QueryParameters()).encode(4)], together=True)
    world.answer(together=True)
    assert (len(world.answers), len(world.shadow.offered), len(earlier.offered)) == (2, 1, 1)


def test_copies_of_texts_together_are_asked_for_under_one_set_of_rules() -> None:
    metrics = Metrics(Mode.DUAL_WRITE_ASYNC)
    copies = copies_of(metrics)
    world = World()
    writes: list[Write] = []
    for text in TEXTS:
        body = Query(text, QueryParameters()).encode(4)
        write = Write(world.router._steps, cast(ClientPeer, world), 1, 0, Opcode.QUERY, body, 0.0)
        write.statement, write.keyspace, write.together = analyse(text), "ks", None
        writes.append(write)
    one_by_one = [copies.text(write) for write in writes]
    together = copies.texts_together(writes, 5.0)
    assert [copy_told(copy) for copy in together] == [copy_told(copy) for copy in one_by_one]
    assert {copy.rules for copy in together if copy is not None} == {copies.governor.rules}
    assert together[0] is not None
    assert together[0].offered == 5.0
