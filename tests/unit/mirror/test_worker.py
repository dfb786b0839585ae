"""The mirror against a scripted target: order, what is repeated, and rules that change."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.cluster.request import Answer, Failure
from cqlproxy.cluster.side import Side
from cqlproxy.mirror.mutation import Mutation
from cqlproxy.statements import TableName
from filters import Rules
from frame_codec import ErrorCode, Execute, Opcode, PlainError, Unprepared
from tests.unit.mirror.scripted import OTHER, RULES, TABLE, Setting, on_loop, statement


@on_loop
async def test_copies_are_sent_at_once_and_counted_when_they_are_acknowledged() -> None:
    s = Setting()
    s.offer(b"a", b"b")
    assert s.target.bodies == [b"a", b"b"]
    assert s.mirror.depth == s.mirror.in_flight == 2
    s.target.answer(1)
    s.target.answer()
    assert s.metrics.mirrored == 2
    assert s.mirror.depth == s.mirror.depth_bytes == s.mirror.in_flight == 0
    assert s.mirror.lag == 0


@pytest.mark.parametrize("code", [ErrorCode.OVERLOADED, ErrorCode.IS_BOOTSTRAPPING])
def test_a_counter_is_repeated_when_the_error_proves_that_nothing_was_applied(code: ErrorCode) -> None:
    async def main() -> None:
        s = Setting()
        s.offer(b"counter", repeatable=False)
        s.target.refuse(PlainError("not now", code))
        await s.until(lambda: s.target.sent)
        s.target.answer()
        assert (s.metrics.mirrored, s.lost) == (1, {})

    asyncio.run(main())


@on_loop
async def test_a_statement_that_the_shadow_refuses_is_not_repeated() -> None:
    s = Setting()
    s.offer(b"bad")
    s.target.refuse(PlainError("no such table", ErrorCode.INVALID))
    assert s.lost == {"rejected": 1}
    assert s.target.sent == []


@on_loop
async def test_a_schema_change_waits_for_what_was_before_and_holds_what_comes_after() -> None:
    s = Setting()
    s.offer(b"before 1", b"before 2")
    s.offer(b"CREATE TABLE", schema=True)
    s.offer(b"after")
    assert s.target.bodies == [b"before 1", b"before 2"]
    s.target.answer()
    assert s.target.bodies == [b"before 2"]
    s.target.answer()
    assert s.target.bodies == [b"CREATE TABLE"]
    s.target.answer()
    assert s.target.bodies == [b"after"]


@on_loop
async def test_what_follows_a_schema_change_waits_until_the_nodes_agree() -> None:
    s = Setting()
    s.target.may_disagree = True
    s.offer(b"CREATE TABLE", schema=True)
    s.offer(b"after")
    s.target.answer()
    await asyncio.sleep(0)
    assert s.target.sent == []
    s.target.agreed.set()
    await s.until(lambda: s.target.sent)
    assert s.target.bodies == [b"after"]


@on_loop
async def test_a_statement_is_prepared_on_the_shadow_once_and_sent_with_the_shadows_id() -> None:
    s = Setting()
    one = statement()
    now = asyncio.get_running_loop().time()
    body = Execute(b"client id").encode(4)
    for _ in range(3):
        s.mirror.offer(
            Mutation(Opcode.EXECUTE, body, offered=now, tables=(TABLE,), rules=RULES, prepared=(one,))
        )
    await s.until(lambda: len(s.target.sent) == 3)
    assert s.target.prepared_texts == [one.text]
    assert set(s.target.bodies) == {Execute(b"shadow id").encode(4)}


@on_loop
async def test_an_id_that_the_shadow_has_forgotten_is_prepared_again_and_even_a_counter_sent_again() -> None:
    s = Setting()
    one = statement()
    one.ids[Side.SHADOW] = b"shadow id"
    now = asyncio.get_running_loop().time()
    body = Execute(b"client id").encode(4)
    s.mirror.offer(
        Mutation(
            Opcode.EXECUTE,
            body,
            offered=now,
            tables=(TABLE,),
            rules=RULES,
            prepared=(one,),
            repeatable=False,
        )
    )
    s.target.refuse(Unprepared("unknown id", b"shadow id"))
    await s.until(lambda: s.target.sent)
    assert s.target.prepared_texts == [one.text]
    s.target.answer()
    assert (s.metrics.mirrored, s.lost) == (1, {})


@on_loop
async def test_a_statement_that_the_shadow_will_not_prepare_takes_its_copies_along_and_no_others() -> None:
    s = Setting()
    one = statement()
    s.target.prepare_answer = Answer(Opcode.ERROR, PlainError("no such table", ErrorCode.INVALID).encode(4))
    now = asyncio.get_running_loop().time()
    body = Execute(b"client id").encode(4)
    for _ in range(3):
        s.mirror.offer(
            Mutation(Opcode.EXECUTE, body, offered=now, tables=(TABLE,), rules=RULES, prepared=(one,))
        )
    s.offer(b"other")
    await s.until(lambda: s.lost)
    assert s.lost == {"rejected": 3}
    assert s.target.bodies == [b"other"]
    s.target.answer()
    assert s.mirror.depth == 0


@on_loop
async def test_a_congested_connection_is_sent_nothing_until_it_has_room() -> None:
    s = Setting()
    s.target.congested = True
    s.offer(b"waits")
    assert s.target.sent == []
    s.target.congested = False
    s.target.writable()
    assert s.target.bodies == [b"waits"]


@on_loop
async def test_draining_ends_when_the_last_copy_is_acknowledged() -> None:
    s = Setting()
    s.offer(b"last")
    asyncio.get_running_loop().call_soon(s.target.answer)
    assert await s.mirror.drain(5)


@on_loop
async def test_a_copy_in_turn_waits_for_its_table_and_holds_it_and_no_other() -> None:
    s = Setting()
    s.offer(b"before")
    s.offer(b"append", in_turn=True, repeatable=False)
    s.offer(b"after")
    s.offer(b"elsewhere", tables=(OTHER,))
    assert s.target.bodies == [b"before", b"elsewhere"]
    s.target.answer(0)
    assert s.target.bodies == [b"elsewhere", b"append"]
    s.target.answer(1)
    assert s.target.bodies == [b"elsewhere", b"after"]
    s.target.answer(0)
    s.target.answer(0)
    assert s.mirror.depth == 0
    s.offer(b"free 1", b"free 2")  # the lane is closed again
    assert s.target.bodies == [b"free 1", b"free 2"]


@on_loop
async def test_a_copy_in_turn_that_is_tried_again_keeps_its_place() -> None:
    s = Setting()
    s.offer(b"append", in_turn=True, repeatable=False)
    s.offer(b"after")
    s.target.refuse(PlainError("not now", ErrorCode.OVERLOADED))
    await s.until(lambda: s.target.sent)
    assert s.target.bodies == [b"append"]
    s.target.answer()
    assert s.target.bodies == [b"after"]


@on_loop
async def test_a_copy_that_is_tried_again_is_still_before_one_in_turn() -> None:
    s = Setting()
    s.offer(b"insert")
    s.target.fail(Failure.TIMEOUT)
    s.offer(b"append", in_turn=True, repeatable=False)
    await s.until(lambda: s.target.sent)
    assert s.target.bodies == [b"insert"]
    s.target.answer()
    assert s.target.bodies == [b"append"]


@on_loop
async def test_a_copy_in_turn_of_several_tables_waits_for_all() -> None:
    s = Setting()
    s.offer(b"before", tables=(OTHER,))
    s.offer(b"batch", tables=(TABLE, TableName("ks", "third")), in_turn=True)
    s.offer(b"after")
    assert s.target.bodies == [b"before"]
    s.target.answer()
    assert s.target.bodies == [b"batch"]
    s.target.answer()
    assert s.target.bodies == [b"after"]


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
            for body in s.target.bodies:
                before = unsettled[: unsettled.index(body)]
                related = [b for b in before if set(tables_of[b]) & set(tables_of[body])]
                if in_turn[body]:
                    assert related == [], (body, related)
                else:
                    assert not any(in_turn[b] for b in related), (body, related)

        offered = 0
        while offered < count or s.target.sent:
            if offered < count and (not s.target.sent or data.draw(st.booleans())):
                body = str(offered).encode()
                offered += 1
                in_turn[body] = data.draw(st.booleans())
                tables_of[body] = tuple(data.draw(st.sets(st.sampled_from(_TABLES), min_size=1)))
                unsettled.append(body)
                s.offer(body, tables=tables_of[body], in_turn=in_turn[body])
            else:
                position = data.draw(st.integers(0, len(s.target.sent) - 1))
                unsettled.remove(s.target.bodies[position])
                s.target.answer(position)
            check()
        assert unsettled == []
        assert s.mirror.depth == 0
        assert s.metrics.mirrored == count

    asyncio.run(main())


@on_loop
async def test_what_waits_is_judged_again_before_it_is_sent_when_other_rules_are_in_force() -> None:
    s = Setting()
    s.target.alive = False
    s.offer(b"free", b"forbidden", b"also free")
    s.use(Rules(), b"forbidden")
    s.target.alive = True
    s.mirror.pump()
    assert s.target.bodies == [b"free", b"also free"]
    assert s.asked == [b"free", b"forbidden", b"also free"]
    assert (s.mirror.depth, s.mirror.in_flight, s.lost) == (2, 2, {})


@on_loop
async def test_rules_are_asked_again_when_a_copy_is_retried_and_only_once_for_each_rule_set() -> None:
    s = Setting()
    s.offer(b"x")
    s.target.fail(Failure.TIMEOUT)
    await s.until(lambda: s.target.sent)
    assert s.asked == []
    s.use(Rules())
    for _ in range(2):
        s.target.fail(Failure.TIMEOUT)
        await s.until(lambda: s.target.sent)
    assert s.asked == [b"x"]
    s.use(Rules(), b"x")
    s.target.fail(Failure.TIMEOUT)
    await s.until(lambda: not s.mirror.depth)
    assert (s.target.sent, s.lost, s.mirror.depth_bytes) == ([], {}, 0)


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
    s.target.answer()
    await asyncio.sleep(0)
    assert not settled.done()
    # Past its time-out: it is not sent again, for the rules in force forbid it.
    s.target.fail(Failure.TIMEOUT)
    await settled
    assert s.target.bodies == [b"new"]
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
    assert s.target.bodies == [b"before"]
    s.target.answer()
    assert s.target.bodies == [b"behind"]
    s.target.answer()
    s.offer(b"schema", schema=True)
    s.use(Rules(), b"alone")
    s.offer(b"alone", tables=(TABLE, OTHER), in_turn=True)
    s.offer(b"last")
    s.target.answer()
    assert s.target.bodies == [b"last"]
    s.target.answer()
    assert s.mirror.depth == 0


@on_loop
async def test_delivered_copies_are_counted_for_each_of_their_tables() -> None:
    s = Setting()
    s.offer(b"a", b"b")
    s.offer(b"c", tables=(TABLE, OTHER))
    for _ in range(3):
        s.target.answer()
    assert s.metrics.mirrored_by_table == {TABLE: 3, OTHER: 1}
