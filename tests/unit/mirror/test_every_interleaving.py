"""Any interleaving of what can happen to a mirror: no copy is forgotten, doubled, or both delivered and dead.

The real mirror and, where there is one, the real journal; the target is scripted, and time passes when the
example says so. The target's own state is modelled too: an attempt without an answer may have been applied.
"""

import asyncio
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cqlproxy.cluster.request import Failure, Request
from cqlproxy.journal import Journal, Reason
from cqlproxy.mirror.mutation import OVERHEAD_BYTES, Mutation
from cqlproxy.mirror.settings import JournalUse, MirrorSettings, Overflow
from cqlproxy.statements import TableName
from filters import Rules
from frame_codec import ConsistencyLevel, ErrorCode, ErrorResponse, PlainError, Unavailable, WriteTimeout
from tests.unit.mirror.scripted import Clock, Setting, Target, opened, query

TABLES = [TableName("ks", name) for name in "ab"]
MOST = 6
BYTES = 8 * (OVERHEAD_BYTES + len(query("copy 000")))

ONE = ConsistencyLevel.ONE
ERRORS: list[tuple[ErrorResponse, bool]] = [
    (PlainError("too much", ErrorCode.OVERLOADED), False),
    (Unavailable("too few", ONE, 1, 0), False),
    (WriteTimeout("too slow", ONE, 0, 1, "SIMPLE"), True),
    (PlainError("a bug", ErrorCode.SERVER_ERROR), True),
    (PlainError("no such table", ErrorCode.INVALID), False),
]
"""With whether something may have been applied."""


class Kind(NamedTuple):
    repeatable: bool = True
    in_turn: bool = False
    schema: bool = False
    both_tables: bool = False


KINDS = [
    Kind(),
    Kind(),
    Kind(repeatable=False),
    Kind(repeatable=False, in_turn=True),
    Kind(in_turn=True, both_tables=True),
    Kind(schema=True, both_tables=True),
]

STEPS = st.one_of(
    st.tuples(st.just("offer"), st.sampled_from(KINDS), st.sampled_from(TABLES)),
    st.tuples(st.just("offer"), st.sampled_from(KINDS), st.sampled_from(TABLES)),
    st.tuples(st.just("deliver"), st.sampled_from(KINDS[:4]), st.sampled_from(TABLES)),
    st.tuples(st.just("answer"), st.integers(0, 20)),
    st.tuples(st.just("answer"), st.integers(0, 20)),
    st.tuples(st.just("refuse"), st.integers(0, 20), st.sampled_from(ERRORS), st.booleans()),
    st.tuples(st.just("lose"), st.integers(0, 20), st.sampled_from(list(Failure)), st.booleans()),
    st.tuples(st.just("time"), st.sampled_from([0.5, 3.0, 31.0])),
    st.tuples(st.just("node"), st.booleans()),
    st.tuples(st.just("forbid"), st.integers(0, 20)),
    st.tuples(st.just("loop")),
    st.tuples(st.just("restart")),
    st.tuples(st.just("kill")),
)


class History:
    """What the clusters and the clients have seen of each copy."""

    def __init__(self) -> None:
        self.kinds: dict[bytes, Kind] = {}
        self.tables: dict[bytes, set[TableName]] = {}
        self.answering: set[bytes] = set()
        """Copies whose clients have no answer yet."""
        self.applied: Counter[bytes] = Counter()
        self.unknown: set[bytes] = set()
        """An attempt is under way, or ended without saying what was done."""
        self.delivered: set[bytes] = set()
        self.held_back: set[bytes] = set()
        self.dead: set[bytes] = set()
        self.dropped: set[bytes] = set()
        self.lost: set[bytes] = set()
        """Those in memory alone when the process was killed."""
        self.returning: set[bytes] = set()
        """Settled ones that a kill may bring back, since they share a row of the journal with others."""
        self.failed: set[bytes] = set()
        """Those whose clients were told that the copy failed."""
        self.refused: set[bytes] = set()

    @property
    def settled(self) -> set[bytes]:
        return self.delivered | self.held_back | self.dead | self.dropped | self.lost

    def may_start(self, body: bytes) -> None:
        """Nothing that was offered before it stands in its way. Bodies are in the order of their numbers."""
        settled = self.settled
        for earlier, kind in self.kinds.items():
            if earlier < body and earlier not in settled:
                assert not self.kinds[body].schema, f"{earlier!r} was before the schema change {body!r}"
                assert not kind.schema, f"the schema change {earlier!r} was before {body!r}"


class Recorder(Target):
    """Holds each sent copy against the history."""

    def __init__(self, history: History) -> None:
        super().__init__()
        self.history = history

    def send(self, request: Request, flags: int, opcode: int, body: bytes, deadline: float) -> bool:
        if not super().send(request, flags, opcode, body, deadline):
            return False
        history = self.history
        kind = history.kinds[body]
        assert body not in history.delivered - history.returning, "sent again though it was acknowledged"
        assert body not in history.refused, "sent again though it was refused for good"
        if not kind.repeatable:
            assert body not in history.unknown, "sent again though it may have been applied"
        history.may_start(body)
        history.unknown.add(body)
        return True


class Run:
    """One example: a mirror, its journal, restarts, and the checks."""

    def __init__(self, path: Path, mirror: MirrorSettings) -> None:
        self.path = path
        self.settings = mirror
        self.clock = Clock()
        self.history = History()
        self.dropped = 0
        self.count = 0
        self.rules = Rules()
        self.forbidden: set[bytes] = set()

    async def start(self) -> None:
        self.journal: Journal | None = None
        if self.settings.journal is not JournalUse.OFF:
            counts: list[int] = []
            self.journal = await opened(self.path, counts)
            self.journal_drops = counts
        self.target = Recorder(self.history)
        self.s = Setting(journal=self.journal, clock=self.clock, target=self.target, settings=self.settings)
        self.s.judge = self.judge
        self.watch_graves()
        self.s.rules = self.rules
        self.s.mirror.use_rules(self.rules)
        self.s.mirror.pump()

    def watch_graves(self) -> None:
        graves, history = self.s.mirror._graves, self.history
        bury, drop = graves.bury, graves.drop

        def buried(mutation: Mutation, reason: Reason, error: str) -> None:
            assert mutation.body not in history.dead | (history.delivered - history.returning)
            history.dead.add(mutation.body)
            bury(mutation, reason, error)

        def dropped(mutation: Mutation, reason: str) -> None:
            history.dropped.add(mutation.body)
            drop(mutation, reason)

        patch = pytest.MonkeyPatch()
        patch.setattr(graves, "bury", buried)
        patch.setattr(graves, "drop", dropped)

    def judge(self, mutation: Mutation) -> bool:
        mutation.rules = self.rules
        if mutation.body in self.forbidden:
            self.history.held_back.add(mutation.body)
            return False
        return True

    async def end(self, *, killed: bool) -> None:
        mirror = self.s.mirror
        self.target.alive = False
        if killed:
            # As a kill would leave it: what the journal was given is on disk, memory is gone.
            for mutation in mirror.in_memory():
                if mutation.entry is None or mutation.entry.row is None:
                    self.history.lost.add(mutation.body)
            self.history.lost |= {mutation.body for mutation, _ in mirror._waiting.blocked}
            self.history.returning |= {
                body
                for body in self.history.delivered | self.history.held_back
                if self.history.kinds[body] == Kind()
            }
            mirror._holding.close()
            if mirror._backlog is not None:
                await mirror._backlog.stop()
        else:
            await mirror.stop()
            assert mirror.depth == 0
        self.dropped += sum(self.s.metrics.dropped.values())
        if self.journal is not None:
            await self.journal.close()
            assert killed or self.journal_drops == []
        if not killed:
            assert not self.history.answering, "each client has its answer when the proxy has stopped"
        self.history.answering.clear()

    def offer(self, kind: Kind, table: TableName, *, awaited: bool) -> None:
        body = query(f"copy {self.count:03}")
        self.count += 1
        tables = tuple(TABLES) if kind.both_tables else (table,)
        self.history.kinds[body] = kind
        self.history.tables[body] = set(tables)
        mutation = self.s.mutation(
            body, tables=tables, repeatable=kind.repeatable, in_turn=kind.in_turn, schema=kind.schema
        )
        mutation.rules = self.rules
        self.history.answering.add(body)
        if awaited:
            self.s.mirror.deliver(mutation, partial(self.settled, body))
        elif self.s.mirror.answers_wait:
            self.s.mirror.offer_then(mutation, partial(self.answered, body))
        else:
            self.s.mirror.offer(mutation)
            self.answered(body)

    def answered(self, body: bytes) -> None:
        self.history.answering.remove(body)

    def settled(self, body: bytes, error: ErrorResponse | None) -> None:
        self.history.answering.remove(body)
        if error is not None:
            self.history.failed.add(body)

    def sent(self, number: int) -> tuple[int, bytes] | None:
        if not self.target.sent:
            return None
        position = number % len(self.target.sent)
        return position, self.target.sent[position][2]

    async def step(self, step: tuple[object, ...]) -> None:
        history, target = self.history, self.target
        match step:
            case ("offer" | "deliver" as how, Kind() as kind, TableName() as table):
                self.offer(kind, table, awaited=how == "deliver")
            case ("answer", int(number)) if (found := self.sent(number)) is not None:
                self.acknowledge(*found)
            case ("refuse", int(number), (ErrorResponse() as error, bool(may_be_applied)), applied) if (
                found := self.sent(number)
            ) is not None:
                position, body = found
                if may_be_applied:
                    history.applied[body] += bool(applied)
                else:
                    history.unknown.discard(body)
                if error.code == ErrorCode.INVALID:
                    history.refused.add(body)
                target.refuse(error, position)
            case ("lose", int(number), Failure() as failure, applied) if (
                found := self.sent(number)
            ) is not None:
                position, body = found
                history.applied[body] += bool(applied)
                target.fail(failure, position)
            case ("time", float(seconds)):
                self.clock.now += seconds
                self.s.mirror.pump()
            case ("node", bool(up)):
                if up and not target.alive:
                    target.width += 1
                elif not up and target.alive:
                    target.width -= 1
                    while target.sent:
                        target.fail(Failure.CONNECTION_LOST)
                target.alive = up
                self.s.mirror.pump()
            case ("forbid", int(number)):
                self.forbidden.add(query(f"copy {number:03}"))
                self.rules = Rules()
                self.s.mirror.use_rules(self.rules)
            case ("loop",):
                await asyncio.sleep(0.002)
            case ("restart" | "kill" as how,):
                for _, _, body in target.sent:
                    history.applied[body] += 1
                await self.end(killed=how == "kill")
                await self.start()
        self.check()

    def acknowledge(self, position: int, body: bytes) -> None:
        self.history.applied[body] += 1
        self.history.unknown.discard(body)
        self.history.delivered.add(body)
        self.target.answer(position)

    def check(self) -> None:
        mirror = self.s.mirror
        assert mirror.depth <= self.settings.max_requests
        assert mirror.depth_bytes <= self.settings.max_bytes
        assert mirror.depth >= mirror.in_flight
        bodies = self.target.bodies
        assert len(set(bodies)) == len(bodies), "a copy is under way twice"
        for body in bodies:
            kind = self.history.kinds[body]
            if kind.schema or (kind.in_turn and kind.both_tables):
                assert bodies == [body], "a schema change is under way alone"
            if kind.in_turn:
                related = [b for b in bodies if self.history.tables[b] & self.history.tables[body]]
                assert related == [body], "a copy in turn is alone on its table"
        for body, kind in self.history.kinds.items():
            if not kind.repeatable:
                assert self.history.applied[body] <= 1, "what must not be repeated was applied twice"

    async def finish(self) -> None:
        """The target is well from now on: everything must come to an end."""
        self.forbidden.clear()
        self.target.alive = True
        self.target.width += 1
        async with asyncio.timeout(5):
            while self.s.mirror.depth or self.s.mirror.backlog or self.history.answering:
                self.clock.now += 40.0
                self.s.mirror.pump()
                while self.target.sent:
                    self.acknowledge(0, self.target.bodies[0])
                    self.check()
                await asyncio.sleep(0.001)
        await self.account()

    async def account(self) -> None:
        history = self.history
        fates = [history.delivered, history.dead, history.held_back, history.dropped]
        for index, fate in enumerate(fates):
            for other in fates[index + 1 :]:
                assert not fate & other - history.returning, "two fates"
        assert not history.kinds.keys() - history.settled, "forgotten"
        assert history.failed <= history.dead, "who is told of a failure finds a dead letter"
        self.dropped += sum(self.s.metrics.dropped.values())
        assert self.dropped == len(history.dropped), "what is dropped is counted"
        if self.journal is not None:
            letters = await self.journal.letters.list(limit=10_000)
            dead = sorted(query(letter.statement) for letter in letters)
            assert dead == sorted(history.dead), "one letter for each of the dead"


VARIANTS = {
    "journal off": MirrorSettings(MOST, BYTES, 1.0, max_retry_attempts=3, journal=JournalUse.OFF),
    "spill": MirrorSettings(MOST, BYTES, 1.0, max_retry_attempts=3, journal=JournalUse.OVERFLOW),
    "drop": MirrorSettings(MOST, BYTES, 1.0, max_retry_attempts=3, overflow=Overflow.DROP),
    "block": MirrorSettings(MOST, BYTES, 1.0, max_retry_attempts=0, overflow=Overflow.BLOCK),
    "always": MirrorSettings(MOST, BYTES, 1.0, max_retry_attempts=3, journal=JournalUse.ALWAYS),
    "always, queue": MirrorSettings(
        MOST, BYTES, 1.0, max_retry_attempts=1, journal=JournalUse.ALWAYS, sync_failure="queue"
    ),
    "spill, queue": MirrorSettings(MOST, BYTES, 1.0, max_retry_attempts=1, sync_failure="queue"),
}


@pytest.mark.parametrize("mirror", VARIANTS.values(), ids=VARIANTS.keys())
@given(steps=st.lists(STEPS, max_size=60))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_happens_each_copy_has_one_fate(
    mirror: MirrorSettings, steps: list[tuple[object, ...]]
) -> None:
    async def main(path: Path) -> None:
        run = Run(path, mirror)
        await run.start()
        for step in steps:
            await run.step(step)
        await run.finish()
        await run.end(killed=False)

    with tempfile.TemporaryDirectory() as path:
        asyncio.run(main(Path(path)))
