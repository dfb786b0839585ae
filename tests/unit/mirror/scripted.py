"""A mirror before a scripted target: a cluster that fails in ways which a real one cannot be made to."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import cast

from cqlproxy.cluster.backend import Backend
from cqlproxy.cluster.driver import RawConnection
from cqlproxy.cluster.keyspaces import KeyspaceUnavailableError
from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.cluster.request import Answer, Failure, Request
from cqlproxy.cluster.side import Side
from cqlproxy.journal import Journal, Reason, WhenFull
from cqlproxy.metrics import Metrics
from cqlproxy.mirror.mutation import Mutation
from cqlproxy.mirror.settings import MirrorSettings
from cqlproxy.mirror.worker import Mirror
from cqlproxy.modes import Mode
from cqlproxy.statements import TableName, analyse
from filters import Rules
from frame_codec import (
    BindMetadata,
    ConsistencyLevel,
    ErrorResponse,
    Opcode,
    Prepared,
    Query,
    QueryParameters,
    RowsMetadata,
)

TABLE = TableName("ks", "t")
OTHER = TableName("ks", "other")
VOID = b"\x00\x00\x00\x01"
RULES = Rules()
SETTINGS = MirrorSettings(max_requests=10_000, max_bytes=1 << 30, timeout=1.0, retry_interval=0.001)


class Keyspaces:
    """The target's connections that stand in a keyspace: one, when the test lets it be opened."""

    def __init__(self, target: "Target") -> None:
        self._target = target
        self.open_ones: set[str] = set()
        self.asked: list[str] = []
        self.error: KeyspaceUnavailableError | None = None

    def pick(self, keyspace: str) -> "Target | None":
        return self._target if keyspace in self.open_ones else None

    async def open(self, keyspace: str) -> None:
        self.asked.append(keyspace)
        if self.error is not None:
            raise self.error
        self.open_ones.add(keyspace)


class Target:
    """A cluster of one connection: it takes what is sent, and answers when the test says so."""

    name = "shadow"

    def __init__(self) -> None:
        self.sent: list[tuple[Request, int, bytes]] = []
        self.alive = True
        self.width = 1
        self.congested = False
        self.may_disagree = False
        self.agreed = asyncio.Event()
        self.prepared_texts: list[bytes] = []
        self.prepare_answer = Answer(Opcode.RESULT, prepared_answer(b"shadow id").encode(4))
        self.keyspaces = Keyspaces(self)
        self.default_ttls: dict[tuple[str, str], int] = {}

    @property
    def ready(self) -> bool:
        return self.alive

    def pick(self) -> "Target | None":
        return self if self.alive else None

    def pick_for(self, prepared: PreparedStatement, body: bytes, parameters_at: int) -> "Target | None":
        return self.pick()

    def default_ttl(self, keyspace: str, table: str) -> int:
        return self.default_ttls.get((keyspace, table), 0)

    async def prepare(self, text: bytes, keyspace: str | None, near: object) -> Answer:
        self.prepared_texts.append(text)
        return self.prepare_answer

    def send(self, request: Request, flags: int, opcode: int, body: bytes, deadline: float) -> bool:
        if not self.alive:
            return False
        request.connection = cast(RawConnection, self)
        request.deadline = deadline
        self.sent.append((request, opcode, body))
        return True

    @property
    def only(self) -> "Target | None":
        return self.pick()

    def send_together(self, requests: Sequence[Request], opcode: int, deadline: float) -> int:
        sent = 0
        while sent < len(requests) and self.send(requests[sent], 0, opcode, requests[sent].body, deadline):
            sent += 1
        return sent

    async def schema_agreement(self) -> None:
        await self.agreed.wait()

    def when_writable(self, callback: Callable[[], None]) -> None:
        self.writable = callback

    def answer(self, position: int = 0, body: bytes = VOID) -> None:
        self.sent.pop(position)[0].answered(0, Opcode.RESULT, body)

    def refuse(self, error: ErrorResponse, position: int = 0) -> None:
        self.sent.pop(position)[0].answered(0, Opcode.ERROR, error.encode(4))

    def fail(self, failure: Failure, position: int = 0) -> None:
        self.sent.pop(position)[0].failed(failure)

    @property
    def bodies(self) -> list[bytes]:
        return [body for _, _, body in self.sent]


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Setting:
    """A mirror before a scripted target, with the journal that ``journal`` is, and what was held back."""

    def __init__(
        self,
        *,
        journal: Journal | None = None,
        clock: Callable[[], float] | None = None,
        target: Target | None = None,
        settings: MirrorSettings = SETTINGS,
        moment: float = 0.0,
    ) -> None:
        self.target = target or Target()
        self.metrics = Metrics(Mode.DUAL_WRITE_ASYNC)
        self.journal = journal
        self.forbidden: set[bytes] = set()
        """Bodies that the rules in force forbid, once others are in force than those that let them pass."""
        self.rules = RULES
        self.asked: list[bytes] = []
        self.judge: Callable[[Mutation], bool] = self.ask_again
        self.clock = clock or asyncio.get_running_loop().time
        self.settings = settings
        self.mirror = Mirror(
            cast(Backend, self.target),
            Side.SHADOW,
            self.settings,
            metrics=self.metrics,
            rules=RULES,
            ask_again=lambda mutation: self.judge(mutation),
            journal=journal,
            clock=self.clock,
            moment=moment,
        )

    @property
    def lost(self) -> dict[str, int]:
        """Copies that will not be delivered, by reason."""
        return {**self.metrics.dropped.by_second(), **self.metrics.mirror_failed.by_second()}

    @property
    def circuit(self) -> str:
        return self.mirror.circuit.value

    def use(self, rules: Rules, *forbidden: bytes) -> None:
        """Put other rules in force."""
        self.rules = rules
        self.forbidden = set(forbidden)
        self.mirror.use_rules(rules)

    def ask_again(self, mutation: Mutation) -> bool:
        mutation.rules = self.rules
        self.asked.append(mutation.body)
        return mutation.body not in self.forbidden

    def mutation(
        self,
        body: bytes,
        *,
        tables: tuple[TableName, ...] = (TABLE,),
        opcode: Opcode = Opcode.QUERY,
        keyspace: str | None = None,
        prepared: tuple[PreparedStatement, ...] = (),
        repeatable: bool = True,
        in_turn: bool = False,
        schema: bool = False,
        expires: bool = False,
        age: float = 0.0,
    ) -> Mutation:
        return Mutation(
            opcode,
            body,
            offered=self.clock() - age,
            tables=tables,
            rules=RULES,
            keyspace=keyspace,
            prepared=prepared,
            repeatable=repeatable,
            in_turn=in_turn,
            schema=schema,
            expires=expires,
        )

    def offer(
        self,
        *bodies: bytes,
        tables: tuple[TableName, ...] = (TABLE,),
        repeatable: bool = True,
        in_turn: bool = False,
        schema: bool = False,
    ) -> None:
        for body in bodies:
            self.mirror.offer(
                self.mutation(body, tables=tables, repeatable=repeatable, in_turn=in_turn, schema=schema)
            )

    def execute(self, statement: PreparedStatement, body: bytes, *, repeatable: bool = True) -> None:
        self.mirror.offer(
            self.mutation(body, opcode=Opcode.EXECUTE, prepared=(statement,), repeatable=repeatable)
        )

    async def until(self, condition: Callable[[], object]) -> None:
        """Let the loop run until ``condition`` holds."""
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.001)


async def opened(path: Path, dropped: list[int] | None = None) -> Journal:
    """A journal at ``path``; ``dropped`` gets the numbers of copies that it drops."""
    counts = [] if dropped is None else dropped
    return await Journal.open(
        path / "journal.db",
        max_bytes=1 << 28,
        fsync_seconds=1.0,
        when_full=WhenFull.DROP_OLDEST,
        on_dropped=lambda side, copies: counts.append(copies),
    )


async def dead(journal: Journal) -> list[tuple[str, Reason]]:
    """The statements of all dead letters, and their reasons."""
    return [(letter.statement, letter.reason) for letter in await journal.letters.list(limit=10_000)]


def query(text: str) -> bytes:
    """The body of a QUERY."""
    return Query(text, QueryParameters(ConsistencyLevel.ONE)).encode(4)


def on_loop(test: Callable[[], Coroutine[object, object, None]]) -> Callable[[], None]:
    def run() -> None:
        asyncio.run(test())

    run.__name__ = test.__name__
    return run


def prepared_answer(prepared_id: bytes) -> Prepared:
    return Prepared(prepared_id, BindMetadata(()), RowsMetadata.of(()))


def statement(prepared_id: bytes = b"client id") -> PreparedStatement:
    text = "INSERT INTO ks.t (id) VALUES (1)"
    return PreparedStatement(prepared_answer(prepared_id), text.encode(), None, analyse(text))
