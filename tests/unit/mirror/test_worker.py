"""The mirror against a scripted shadow: bounds, order, and what is repeated.

The shadow here stands in for a cluster that fails in ways which a real one cannot be made to.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.cluster.backend import Backend
from cqlproxy.cluster.driver import RawConnection
from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.cluster.request import Answer, Failure, Request
from cqlproxy.cluster.side import Side
from cqlproxy.metrics import Metrics
from cqlproxy.mirror.mutation import OVERHEAD_BYTES, Mutation
from cqlproxy.mirror.worker import MAX_ATTEMPTS, WINDOW, Mirror
from cqlproxy.modes import Mode
from cqlproxy.statements import TableName, analyse
from filters import Rules
from frame_codec import (
    BindMetadata,
    ColumnSpec,
    ErrorCode,
    ErrorResponse,
    Execute,
    NativeType,
    Opcode,
    PlainError,
    Prepared,
    Rows,
    RowsMetadata,
    TypeId,
    Unprepared,
)

TABLE = TableName("ks", "t")
OTHER = TableName("ks", "other")
VOID = b"\x00\x00\x00\x01"
RULES = Rules()


def applied(value: bool) -> bytes:
    """The answer to a conditional write."""
    column = ColumnSpec("ks", "t", "[applied]", NativeType(TypeId.BOOLEAN))
    return Rows(RowsMetadata.of((column,)), [(bytes((value,)),)]).encode(4)


class Shadow:
    """A cluster of one connection: it takes what is sent, and answers when the test says so."""

    def __init__(self) -> None:
        self.sent: list[tuple[Request, int, bytes]] = []
        self.alive = True
        self.congested = False
        self.may_disagree = False
        self.agreed = asyncio.Event()
        self.prepared_texts: list[bytes] = []
        self.prepare_answer = Answer(Opcode.RESULT, _prepared(b"shadow id").encode(4))

    @property
    def ready(self) -> bool:
        return self.alive

    def pick(self) -> "Shadow | None":
        return self if self.alive else None

    def pick_for(self, prepared: PreparedStatement, body: bytes, parameters_at: int) -> "Shadow | None":
        return self.pick()

    async def prepare(self, text: bytes, keyspace: str | None, near: object) -> Answer:
        self.prepared_texts.append(text)
        return self.prepare_answer

    def send(self, request: Request, flags: int, opcode: int, body: bytes, deadline: float) -> bool:
        if not self.alive:
            return False
        request.connection = cast(RawConnection, self)
        self.sent.append((request, opcode, body))
        return True

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


class Setting:
    """A mirror before a scripted shadow, and what it could not deliver."""

    def __init__(self, *, max_requests: int = 10_000, max_bytes: int = 1 << 30) -> None:
        self.shadow = Shadow()
        self.metrics = Metrics(Mode.DUAL_WRITE_ASYNC)
        self.undelivered: list[tuple[bytes, str]] = []
        self.forbidden: set[bytes] = set()
        """Bodies that the rules in force forbid, once others are in force than those that let them pass."""
        self.rules = RULES
        self.asked: list[bytes] = []
        self.mirror = Mirror(
            cast(Backend, self.shadow),
            max_requests=max_requests,
            max_bytes=max_bytes,
            timeout=1,
            metrics=self.metrics,
            undelivered=lambda mutation, reason: self.undelivered.append((mutation.body, reason)),
            rules=RULES,
            ask_again=self.ask_again,
        )

    def use(self, rules: Rules, *forbidden: bytes) -> None:
        """Put other rules in force."""
        self.rules = rules
        self.forbidden = set(forbidden)
        self.mirror.use_rules(rules)

    def ask_again(self, mutation: Mutation) -> bool:
        mutation.rules = self.rules
        self.asked.append(mutation.body)
        return mutation.body not in self.forbidden

    def offer(
        self,
        *bodies: bytes,
        tables: tuple[TableName, ...] = (TABLE,),
        repeatable: bool = True,
        in_turn: bool = False,
        conditional: bool = False,
        schema: bool = False,
    ) -> None:
        for body in bodies:
            self.mirror.offer(
                Mutation(
                    Opcode.QUERY,
                    body,
                    offered=asyncio.get_running_loop().time(),
                    tables=tables,
                    rules=RULES,
                    repeatable=repeatable,
                    in_turn=in_turn,
                    conditional=conditional,
                    schema=schema,
                )
            )

    async def until(self, condition: Callable[[], object]) -> None:
        """Let the loop run until ``condition`` holds."""
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.001)


def on_loop(test: Callable[[], Coroutine[object, object, None]]) -> Callable[[], None]:
    def run() -> None:
        asyncio.run(test())

    run.__name__ = test.__name__
    return run


def _prepared(prepared_id: bytes) -> Prepared:
    return Prepared(prepared_id, BindMetadata(()), RowsMetadata.of(()))


def _statement(prepared_id: bytes = b"client id") -> PreparedStatement:
    text = "INSERT INTO ks.t (id) VALUES (1)"
    return PreparedStatement(_prepared(prepared_id), text.encode(), None, analyse(text), system_table=False)


@on_loop
async def test_copies_are_sent_at_once_and_counted_when_they_are_acknowledged() -> None:
    s = Setting()
    s.offer(b"a", b"b")
    assert s.shadow.bodies == [b"a", b"b"]
    assert s.mirror.depth == s.mirror.in_flight == 2
    s.shadow.answer(1)
    s.shadow.answer()
    assert s.metrics.mirrored == 2
    assert s.mirror.depth == s.mirror.depth_bytes == s.mirror.in_flight == 0
    assert s.mirror.lag == 0


@on_loop
async def test_no_more_than_the_window_is_under_way() -> None:
    s = Setting()
    s.offer(*[b"x"] * (WINDOW + 5))
    assert len(s.shadow.sent) == WINDOW
    s.shadow.answer()
    assert len(s.shadow.sent) == WINDOW
    assert s.mirror.depth == WINDOW + 4


@pytest.mark.parametrize(
    "bounds", [{"max_requests": 3}, {"max_bytes": 3 * (OVERHEAD_BYTES + 1)}], ids=["count", "bytes"]
)
def test_what_exceeds_a_bound_is_dropped_and_named(bounds: dict[str, int]) -> None:
    async def main() -> None:
        s = Setting(**bounds)
        s.shadow.alive = False
        s.offer(b"1", b"2", b"3", b"4", b"5")
        assert s.mirror.depth == 3
        assert s.undelivered == [(b"4", "queue_full"), (b"5", "queue_full")]
        s.shadow.alive = True
        s.mirror.pump()
        assert s.shadow.bodies == [b"1", b"2", b"3"]

    asyncio.run(main())


@on_loop
async def test_while_the_shadow_is_away_copies_wait_and_use_up_no_attempt() -> None:
    s = Setting()
    s.shadow.alive = False
    s.offer(b"waits")
    for _ in range(MAX_ATTEMPTS * 2):
        s.mirror.pump()
    s.shadow.alive = True
    s.mirror.pump()
    s.shadow.answer()
    assert (s.metrics.mirrored, s.metrics.retried, s.undelivered) == (1, 0, [])


@pytest.mark.parametrize("failure", list(Failure))
def test_an_attempt_without_an_answer_is_repeated_only_where_that_does_no_harm(failure: Failure) -> None:
    async def main() -> None:
        s = Setting()
        s.offer(b"set", repeatable=True)
        s.offer(b"counter", repeatable=False)
        s.shadow.fail(failure, 1)
        assert s.undelivered == [(b"counter", "unknown_outcome")]
        s.shadow.fail(failure)
        await s.until(lambda: s.shadow.sent)
        assert s.shadow.bodies == [b"set"]
        s.shadow.answer()
        assert s.metrics.mirrored == 1

    asyncio.run(main())


@pytest.mark.parametrize("code", [ErrorCode.OVERLOADED, ErrorCode.IS_BOOTSTRAPPING])
def test_a_counter_is_repeated_when_the_error_proves_that_nothing_was_applied(code: ErrorCode) -> None:
    async def main() -> None:
        s = Setting()
        s.offer(b"counter", repeatable=False)
        s.shadow.refuse(PlainError("not now", code))
        await s.until(lambda: s.shadow.sent)
        s.shadow.answer()
        assert (s.metrics.mirrored, s.undelivered) == (1, [])

    asyncio.run(main())


@on_loop
async def test_a_copy_is_given_up_after_the_last_attempt() -> None:
    s = Setting()
    s.offer(b"hopeless")
    for attempt in range(MAX_ATTEMPTS):
        await s.until(lambda: s.shadow.sent)
        assert s.undelivered == [], attempt
        s.shadow.fail(Failure.TIMEOUT)
    assert s.undelivered == [(b"hopeless", "attempts")]
    assert s.mirror.depth == 0


@on_loop
async def test_a_statement_that_the_shadow_refuses_is_not_repeated() -> None:
    s = Setting()
    s.offer(b"bad")
    s.shadow.refuse(PlainError("no such table", ErrorCode.INVALID))
    assert s.undelivered == [(b"bad", "rejected")]
    assert s.shadow.sent == []


@on_loop
async def test_a_schema_change_waits_for_what_was_before_and_holds_what_comes_after() -> None:
    s = Setting()
    s.offer(b"before 1", b"before 2")
    s.offer(b"CREATE TABLE", schema=True)
    s.offer(b"after")
    assert s.shadow.bodies == [b"before 1", b"before 2"]
    s.shadow.answer()
    assert s.shadow.bodies == [b"before 2"]
    s.shadow.answer()
    assert s.shadow.bodies == [b"CREATE TABLE"]
    s.shadow.answer()
    assert s.shadow.bodies == [b"after"]


@on_loop
async def test_what_follows_a_schema_change_waits_until_the_nodes_agree() -> None:
    s = Setting()
    s.shadow.may_disagree = True
    s.offer(b"CREATE TABLE", schema=True)
    s.offer(b"after")
    s.shadow.answer()
    await asyncio.sleep(0)
    assert s.shadow.sent == []
    s.shadow.agreed.set()
    await s.until(lambda: s.shadow.sent)
    assert s.shadow.bodies == [b"after"]


@on_loop
async def test_a_statement_is_prepared_on_the_shadow_once_and_sent_with_the_shadows_id() -> None:
    s = Setting()
    statement = _statement()
    now = asyncio.get_running_loop().time()
    body = Execute(b"client id").encode(4)
    for _ in range(3):
        s.mirror.offer(
            Mutation(Opcode.EXECUTE, body, offered=now, tables=(TABLE,), rules=RULES, prepared=(statement,))
        )
    await s.until(lambda: len(s.shadow.sent) == 3)
    assert s.shadow.prepared_texts == [statement.text]
    assert set(s.shadow.bodies) == {Execute(b"shadow id").encode(4)}


@on_loop
async def test_an_id_that_the_shadow_has_forgotten_is_prepared_again_and_even_a_counter_sent_again() -> None:
    s = Setting()
    statement = _statement()
    statement.ids[Side.SHADOW] = b"shadow id"
    now = asyncio.get_running_loop().time()
    body = Execute(b"client id").encode(4)
    s.mirror.offer(
        Mutation(
            Opcode.EXECUTE,
            body,
            offered=now,
            tables=(TABLE,),
            rules=RULES,
            prepared=(statement,),
            repeatable=False,
        )
    )
    s.shadow.refuse(Unprepared("unknown id", b"shadow id"))
    await s.until(lambda: s.shadow.sent)
    assert s.shadow.prepared_texts == [statement.text]
    s.shadow.answer()
    assert (s.metrics.mirrored, s.undelivered) == (1, [])


@on_loop
async def test_a_statement_that_the_shadow_will_not_prepare_takes_its_copies_along_and_no_others() -> None:
    s = Setting()
    statement = _statement()
    s.shadow.prepare_answer = Answer(Opcode.ERROR, PlainError("no such table", ErrorCode.INVALID).encode(4))
    now = asyncio.get_running_loop().time()
    body = Execute(b"client id").encode(4)
    for _ in range(3):
        s.mirror.offer(
            Mutation(Opcode.EXECUTE, body, offered=now, tables=(TABLE,), rules=RULES, prepared=(statement,))
        )
    s.offer(b"other")
    await s.until(lambda: len(s.undelivered) == 3)
    assert {reason for _, reason in s.undelivered} == {"rejected"}
    assert s.shadow.bodies == [b"other"]
    s.shadow.answer()
    assert s.mirror.depth == 0


@on_loop
async def test_a_congested_connection_is_sent_nothing_until_it_has_room() -> None:
    s = Setting()
    s.shadow.congested = True
    s.offer(b"waits")
    assert s.shadow.sent == []
    s.shadow.congested = False
    s.shadow.writable()
    assert s.shadow.bodies == [b"waits"]


@on_loop
async def test_stopping_hands_over_everything_that_is_not_delivered() -> None:
    s = Setting(max_requests=10)
    s.offer(b"under way")
    s.shadow.alive = False
    s.offer(b"waiting")
    assert not await s.mirror.drain(0.01)
    await s.mirror.stop()
    assert sorted(s.undelivered) == [(b"under way", "shutdown"), (b"waiting", "shutdown")]
    assert s.mirror.depth == 0


@on_loop
async def test_draining_ends_when_the_last_copy_is_acknowledged() -> None:
    s = Setting()
    s.offer(b"last")
    asyncio.get_running_loop().call_soon(s.shadow.answer)
    assert await s.mirror.drain(5)


@on_loop
async def test_a_copy_in_turn_waits_for_its_table_and_holds_it_and_no_other() -> None:
    s = Setting()
    s.offer(b"before")
    s.offer(b"append", in_turn=True, repeatable=False)
    s.offer(b"after")
    s.offer(b"elsewhere", tables=(OTHER,))
    assert s.shadow.bodies == [b"before", b"elsewhere"]
    s.shadow.answer(0)
    assert s.shadow.bodies == [b"elsewhere", b"append"]
    s.shadow.answer(1)
    assert s.shadow.bodies == [b"elsewhere", b"after"]
    s.shadow.answer(0)
    s.shadow.answer(0)
    assert s.mirror.depth == 0
    s.offer(b"free 1", b"free 2")  # the lane is closed again
    assert s.shadow.bodies == [b"free 1", b"free 2"]


@on_loop
async def test_a_copy_in_turn_that_is_tried_again_keeps_its_place() -> None:
    s = Setting()
    s.offer(b"append", in_turn=True, repeatable=False)
    s.offer(b"after")
    s.shadow.refuse(PlainError("not now", ErrorCode.OVERLOADED))
    await s.until(lambda: s.shadow.sent)
    assert s.shadow.bodies == [b"append"]
    s.shadow.answer()
    assert s.shadow.bodies == [b"after"]


@on_loop
async def test_a_copy_that_is_tried_again_is_still_before_one_in_turn() -> None:
    s = Setting()
    s.offer(b"insert")
    s.shadow.fail(Failure.TIMEOUT)
    s.offer(b"append", in_turn=True, repeatable=False)
    await s.until(lambda: s.shadow.sent)
    assert s.shadow.bodies == [b"insert"]
    s.shadow.answer()
    assert s.shadow.bodies == [b"append"]


@on_loop
async def test_a_copy_in_turn_of_several_tables_waits_for_all() -> None:
    s = Setting()
    s.offer(b"before", tables=(OTHER,))
    s.offer(b"batch", tables=(TABLE, TableName("ks", "third")), in_turn=True)
    s.offer(b"after")
    assert s.shadow.bodies == [b"before"]
    s.shadow.answer()
    assert s.shadow.bodies == [b"batch"]
    s.shadow.answer()
    assert s.shadow.bodies == [b"after"]


@on_loop
async def test_a_conditional_write_that_the_shadow_decides_otherwise_does_not_count_as_mirrored() -> None:
    s = Setting()
    s.offer(b"first", b"second", in_turn=True, conditional=True, repeatable=False)
    s.shadow.answer(body=applied(True))
    s.shadow.answer(body=applied(False))
    assert s.metrics.mirrored == 1
    assert s.undelivered == [(b"second", "not_applied")]
    assert s.mirror.depth == 0


_TABLES = [TableName("ks", name) for name in "abc"]


@given(data=st.data(), count=st.integers(1, 40))
def test_whatever_the_order_of_the_answers_copies_in_turn_keep_theirs(
    data: st.DataObject, count: int
) -> None:
    """A model: each copy that has started is held against what is unsettled at that moment."""

    async def main() -> None:
        s = Setting()
        in_turn: dict[bytes, bool] = {}
        tables_of: dict[bytes, tuple[TableName, ...]] = {}
        unsettled: list[bytes] = []

        def check() -> None:
            for body in s.shadow.bodies:
                before = unsettled[: unsettled.index(body)]
                related = [b for b in before if set(tables_of[b]) & set(tables_of[body])]
                if in_turn[body]:
                    assert related == [], (body, related)
                else:
                    assert not any(in_turn[b] for b in related), (body, related)

        offered = 0
        while offered < count or s.shadow.sent:
            if offered < count and (not s.shadow.sent or data.draw(st.booleans())):
                body = str(offered).encode()
                offered += 1
                in_turn[body] = data.draw(st.booleans())
                tables_of[body] = tuple(data.draw(st.sets(st.sampled_from(_TABLES), min_size=1)))
                unsettled.append(body)
                s.offer(body, tables=tables_of[body], in_turn=in_turn[body])
            else:
                position = data.draw(st.integers(0, len(s.shadow.sent) - 1))
                unsettled.remove(s.shadow.bodies[position])
                s.shadow.answer(position)
            check()
        assert unsettled == []
        assert s.mirror.depth == 0
        assert s.metrics.mirrored == count

    asyncio.run(main())


@on_loop
async def test_what_waits_is_judged_again_before_it_is_sent_when_other_rules_are_in_force() -> None:
    s = Setting()
    s.shadow.alive = False
    s.offer(b"free", b"forbidden", b"also free")
    s.use(Rules(), b"forbidden")
    s.shadow.alive = True
    s.mirror.pump()
    assert s.shadow.bodies == [b"free", b"also free"]
    assert s.asked == [b"free", b"forbidden", b"also free"]
    assert (s.mirror.depth, s.mirror.in_flight, s.undelivered) == (2, 2, [])


@on_loop
async def test_rules_are_asked_again_when_a_copy_is_retried_and_only_once_for_each_rule_set() -> None:
    s = Setting()
    s.offer(b"x")
    s.shadow.fail(Failure.TIMEOUT)
    await s.until(lambda: s.shadow.sent)
    assert s.asked == []
    s.use(Rules())
    for _ in range(2):
        s.shadow.fail(Failure.TIMEOUT)
        await s.until(lambda: s.shadow.sent)
    assert s.asked == [b"x"]
    s.use(Rules(), b"x")
    s.shadow.fail(Failure.TIMEOUT)
    await s.until(lambda: not s.mirror.depth)
    assert (s.shadow.sent, s.undelivered, s.mirror.depth_bytes) == ([], [], 0)


@on_loop
async def test_rules_are_settled_when_all_that_was_sent_before_them_has_its_answer() -> None:
    s = Setting()
    s.offer(b"a", b"b")
    s.use(Rules(), b"a", b"b")
    settled = asyncio.create_task(s.mirror.settle_earlier())
    s.mirror.use_rules(s.rules)
    s.mirror.offer(
        Mutation(
            Opcode.QUERY,
            b"new",
            offered=asyncio.get_running_loop().time(),
            tables=(TABLE,),
            rules=s.rules,
        )
    )
    assert s.mirror.sent_under_earlier_rules == 2
    s.shadow.answer()
    await asyncio.sleep(0)
    assert not settled.done()
    # Past its time-out: it is not sent again, for the rules in force forbid it.
    s.shadow.fail(Failure.TIMEOUT)
    await settled
    assert s.shadow.bodies == [b"new"]
    assert s.mirror.sent_under_earlier_rules == 0
    await s.until(lambda: s.mirror.depth == 1)


@on_loop
async def test_rules_are_settled_at_once_when_nothing_was_sent_and_when_the_mirror_stops() -> None:
    s = Setting()
    await s.mirror.settle_earlier()
    s.offer(b"a")
    s.use(Rules())
    settled = asyncio.create_task(s.mirror.settle_earlier())
    await asyncio.sleep(0)
    await s.mirror.stop()
    await settled


@on_loop
async def test_a_copy_in_turn_that_is_forbidden_by_now_lets_those_behind_it_go() -> None:
    s = Setting()
    s.offer(b"before")
    s.offer(b"in turn", in_turn=True)
    s.offer(b"behind")
    s.use(Rules(), b"in turn")
    assert s.shadow.bodies == [b"before"]
    s.shadow.answer()
    assert s.shadow.bodies == [b"behind"]
    s.shadow.answer()
    s.offer(b"schema", schema=True)
    s.use(Rules(), b"alone")
    s.offer(b"alone", tables=(TABLE, OTHER), in_turn=True)
    s.offer(b"last")
    s.shadow.answer()
    assert s.shadow.bodies == [b"last"]
    s.shadow.answer()
    assert s.mirror.depth == 0


@on_loop
async def test_delivered_copies_are_counted_for_each_of_their_tables() -> None:
    s = Setting()
    s.offer(b"a", b"b")
    s.offer(b"c", tables=(TABLE, OTHER))
    for _ in range(3):
        s.shadow.answer()
    assert s.metrics.mirrored_by_table == {TABLE: 3, OTHER: 1}
