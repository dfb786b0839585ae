"""What becomes of a write in each manner of copying: one answer, one copy, in any order of events."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.cluster.backend import Backend
from cqlproxy.cluster.prepared import PreparedStatements
from cqlproxy.cluster.request import Failure
from cqlproxy.cluster.side import Side
from cqlproxy.mirror.mutation import Mutation
from cqlproxy.mirror.worker import Mirror
from cqlproxy.routing.exchange import Exchange, Steps
from cqlproxy.routing.peer import ClientPeer
from cqlproxy.routing.route import Manner, Route
from cqlproxy.routing.writes import Together, Write
from cqlproxy.statements import analyse
from filters import Rules
from frame_codec import (
    ConsistencyLevel,
    ErrorCode,
    ErrorResponse,
    Opcode,
    PlainError,
    Query,
    QueryParameters,
    Void,
    WriteTimeout,
)

PLAIN = "INSERT INTO ks.t (k) VALUES (1)"
CONDITIONAL = "INSERT INTO ks.t (k) VALUES (1) IF NOT EXISTS"
DONE = Void().encode(4)
REFUSED = PlainError("no such column", ErrorCode.INVALID).encode(4)
TIMED_OUT = int(ErrorCode.WRITE_TIMEOUT).to_bytes(4, "big") + bytes(20)
SHADOW_SAYS_NO = PlainError("no such column over there", ErrorCode.INVALID)
REPEATED_BY_DRIVERS = [
    ErrorCode.UNAVAILABLE,
    ErrorCode.OVERLOADED,
    ErrorCode.IS_BOOTSTRAPPING,
    ErrorCode.SERVER_ERROR,
]


class Target:
    """Stands where the mirror does: what it was given, and how."""

    def __init__(self) -> None:
        self.offered: list[Mutation] = []
        self.taken: list[Callable[[], None]] = []
        self.settled: list[Callable[[ErrorResponse | None], None]] = []
        self.unconfirmed: list[Mutation] = []

    def offer(self, mutation: Mutation) -> None:
        self.offered.append(mutation)

    def offer_then(self, mutation: Mutation, taken: Callable[[], None]) -> None:
        self.offered.append(mutation)
        self.taken.append(taken)

    def deliver(self, mutation: Mutation, settled: Callable[[ErrorResponse | None], None]) -> None:
        self.offered.append(mutation)
        self.settled.append(settled)

    def never_confirmed(self, mutation: Mutation) -> None:
        self.unconfirmed.append(mutation)


class World:
    """A client, the router's part, and a write between them."""

    version = 4
    keyspace = None

    def __init__(self, manner: Manner, text: str = PLAIN) -> None:
        self.target = Target()
        mirror = None if manner is Manner.ALONE else cast(Mirror, self.target)
        self.route = Route(
            Side.PRIMARY, cast(Backend, None), PreparedStatements(1), manner=manner, mirror=mirror
        )
        self.errors: list[tuple[str, int]] = []
        self.answers: list[tuple[int, bytes]] = []
        self.counted = 0
        self.one_sided_writes = 0
        self.copies = self
        body = Query(text, QueryParameters()).encode(4)
        self.write = Write(cast(Steps, self), cast(ClientPeer, self), 1, 0, Opcode.QUERY, body, 0.0)
        self.write.statement, self.write.keyspace = analyse(text), None
        if manner is Manner.BESIDE:
            self.write.together = None
            if not self.write.goes_alone():
                self.write.together = Together(self.write)
                self.target.deliver(self.text(self.write), self.write.together.copied)

    def reply(self, stream: int, flags: int, opcode: int, body: bytes) -> None:
        self.answers.append((opcode, body))

    def text(self, write: Write) -> Mutation:
        return Mutation(Opcode.QUERY, write.body, offered=0.0, tables=(), rules=Rules())

    def write_answered(self, started: float, opcode: int, side: Side) -> None:
        self.counted += 1

    def one_sided(self) -> None:
        self.one_sided_writes += 1

    def timed_out(self) -> None:
        pass

    def error_given(self, source: str, code: int) -> None:
        self.errors.append((source, code))

    def consistency_of(self, exchange: Exchange) -> ConsistencyLevel:
        return ConsistencyLevel.ONE


def test_after_the_answer_the_copy_is_offered() -> None:
    world = World(Manner.AFTERWARDS)
    world.write.answered(0, Opcode.RESULT, DONE)
    assert world.answers == [(Opcode.RESULT, DONE)]
    assert len(world.target.offered) == 1


def test_an_answer_waits_until_the_copy_is_taken() -> None:
    world = World(Manner.TAKEN_FIRST)
    world.write.answered(0, Opcode.RESULT, DONE)
    assert (world.answers, len(world.target.offered)) == ([], 1)
    world.target.taken[0]()
    assert world.answers == [(Opcode.RESULT, DONE)]


@pytest.mark.parametrize("manner", [Manner.ALONE, Manner.AFTERWARDS, Manner.TAKEN_FIRST])
@pytest.mark.parametrize("refusal", [REFUSED, TIMED_OUT])
def test_what_was_refused_is_answered_at_once_and_not_offered(manner: Manner, refusal: bytes) -> None:
    world = World(manner)
    world.write.answered(0, Opcode.ERROR, refusal)
    assert world.answers == [(Opcode.ERROR, refusal)]
    assert world.errors == [("primary", int.from_bytes(refusal[:4], "big"))]
    assert world.target.offered == []
    kept = refusal is TIMED_OUT and manner is not Manner.ALONE
    assert len(world.target.unconfirmed) == int(kept)


@pytest.mark.parametrize("manner", [Manner.AFTERWARDS, Manner.TAKEN_FIRST])
@pytest.mark.parametrize("failure", Failure)
def test_what_was_not_answered_is_kept_and_not_offered(manner: Manner, failure: Failure) -> None:
    world = World(manner)
    world.write.failed(failure)
    assert [opcode for opcode, _ in world.answers] == [Opcode.ERROR]
    assert (len(world.target.offered), len(world.target.unconfirmed)) == (0, 1)


def test_with_both_a_conditional_write_goes_to_the_other_when_it_is_decided() -> None:
    world = World(Manner.BESIDE, CONDITIONAL)
    assert world.target.offered == []
    # [applied] true: rows of one boolean column.
    applied = bytes.fromhex(
        "00000002 00000001 00000001 00026b73000174 00095b6170706c6965645d 0004 00000001 00000001 01"
    )
    world.write.answered(0, Opcode.RESULT, applied)
    assert (world.answers, len(world.target.offered)) == ([], 1)
    world.target.settled[0](None)
    assert world.answers == [(Opcode.RESULT, applied)]


@pytest.mark.parametrize("code", REPEATED_BY_DRIVERS)
def test_with_both_no_error_of_the_copy_makes_a_driver_write_again(code: ErrorCode) -> None:
    world = World(Manner.BESIDE)
    world.write.answered(0, Opcode.RESULT, DONE)
    world.target.settled[0](PlainError("not now", code))
    opcode, body = world.answers[0]
    assert opcode == Opcode.ERROR
    error = ErrorResponse.decode(body, 4)
    assert isinstance(error, WriteTimeout)
    assert error.write_type == "SIMPLE"
    assert error.message == "Applied, but not on the shadow cluster: not now"


Event = Callable[[World], None]
ANSWERS: dict[str, Event] = {
    "done": lambda world: world.write.answered(0, Opcode.RESULT, DONE),
    "refused": lambda world: world.write.answered(0, Opcode.ERROR, REFUSED),
    "lost": lambda world: world.write.failed(Failure.CONNECTION_LOST),
    "unsent": lambda world: world.write.unsent(full=False),
}
COPIES: dict[str, Event] = {
    "arrived": lambda world: world.target.settled[0](None),
    "failed": lambda world: world.target.settled[0](SHADOW_SAYS_NO),
}


@given(st.sampled_from(sorted(ANSWERS)), st.sampled_from(sorted(COPIES)), st.booleans())
def test_with_both_there_is_one_answer_and_the_answering_cluster_has_the_first_word(
    answer: str, copy: str, copy_first: bool
) -> None:
    world = World(Manner.BESIDE)
    events = [ANSWERS[answer], COPIES[copy]]
    for event in reversed(events) if copy_first else events:
        event(world)
    assert (len(world.answers), world.counted) == (1, 1)
    opcode, body = world.answers[0]
    assert (opcode == Opcode.RESULT) is (answer == "done" and copy == "arrived")
    if answer == "refused":
        assert body == REFUSED
    if answer == "done" and copy == "failed":
        assert body == SHADOW_SAYS_NO.encode(4)
    # Only what the other cluster has, or may have, can be on one side alone.
    one_sided = answer != "done" and not (copy_first and copy == "failed")
    assert world.one_sided_writes == int(one_sided)
    assert world.target.unconfirmed == []
