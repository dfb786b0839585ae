"""Copies that wait for a moment to be sent together: what they wait for, and what they never wait for."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.mirror.gathering import COMPANY
from cqlproxy.mirror.mutation import Mutation
from filters import Rules
from tests.unit.mirror.scripted import OTHER, SETTINGS, TABLE, Clock, Setting, on_loop, opened

LONG = 60.0
"""A moment that does not pass by itself in a test."""


@on_loop
async def test_one_that_comes_alone_goes_at_once_and_those_after_it_go_together() -> None:
    s = Setting(moment=0.002)
    s.offer(b"a", b"b", b"c")
    assert s.target.bodies == [b"a"]
    assert (s.mirror.depth, s.mirror.in_flight) == (3, 1)
    await s.until(lambda: len(s.target.sent) == 3)
    assert s.target.bodies == [b"a", b"b", b"c"]
    for _ in range(3):
        s.target.answer()
    assert (s.metrics.mirrored, s.mirror.depth, s.mirror.depth_bytes, s.mirror.lag) == (3, 0, 0, 0)


@on_loop
async def test_one_that_comes_a_moment_later_is_alone_again() -> None:
    clock = Clock()
    s = Setting(moment=LONG, clock=clock)
    s.offer(b"a")
    clock.now += LONG
    s.offer(b"b")
    assert s.target.bodies == [b"a", b"b"]


@on_loop
async def test_several_that_come_together_wait_as_well_unless_they_are_company_enough() -> None:
    s = Setting(moment=LONG)
    s.mirror.offer_together([s.mutation(b"a"), s.mutation(b"b")])
    assert s.target.bodies == [b"a", b"b"]
    s.mirror.offer_together([s.mutation(b"c"), s.mutation(b"d")])
    s.offer(b"e")
    assert s.target.bodies == [b"a", b"b"]
    many = [b"%d" % number for number in range(COMPANY)]
    s.mirror.offer_together([s.mutation(body) for body in many])
    assert s.target.bodies == [b"a", b"b", b"c", b"d", b"e", *many]


@on_loop
async def test_a_schema_change_comes_after_those_that_wait() -> None:
    s = Setting(moment=LONG)
    s.offer(b"a", b"b")
    s.offer(b"CREATE TABLE", schema=True)
    assert s.target.bodies == [b"a", b"b"]
    s.target.answer()
    s.target.answer()
    assert s.target.bodies == [b"CREATE TABLE"]


@on_loop
async def test_a_copy_in_turn_comes_after_those_of_its_table_that_wait() -> None:
    s = Setting(moment=LONG)
    s.offer(b"a", b"b")
    s.offer(b"counter", in_turn=True)
    assert s.target.bodies == [b"a", b"b"]
    s.mirror.offer_together([s.mutation(b"c"), s.mutation(b"d", in_turn=True)])
    s.target.answer()
    s.target.answer()
    assert s.target.bodies == [b"counter"]


@on_loop
async def test_a_client_that_waits_for_its_copy_does_not_wait_for_company() -> None:
    s = Setting(moment=LONG)
    s.offer(b"a", b"b")
    settled: list[object] = []
    s.mirror.deliver(s.mutation(b"awaited"), settled.append)
    assert s.target.bodies == [b"a", b"b", b"awaited"]
    s.target.answer(2)
    assert settled == [None]


@on_loop
async def test_no_more_are_sent_than_the_window_allows() -> None:
    s = Setting(moment=0.001)
    first = s.mirror.window
    s.offer(*(b"%d" % number for number in range(first - 1)))
    await s.until(lambda: s.mirror.in_flight == first - 1)
    s.offer(b"x", b"y", b"z")
    await s.until(lambda: s.mirror.in_flight == first)
    await asyncio.sleep(0.01)
    assert s.target.bodies[-1] == b"x"
    assert (s.mirror.depth, s.mirror.in_flight) == (first + 2, first)
    s.target.answer()
    await s.until(lambda: b"y" in s.target.bodies)
    assert s.mirror.in_flight <= s.mirror.window


@on_loop
async def test_what_waits_counts_against_the_bounds_of_memory() -> None:
    s = Setting(moment=LONG, settings=SETTINGS._replace(max_requests=3))
    s.offer(b"a", b"b", b"c", b"d")
    assert (s.mirror.depth, s.lost) == (3, {"queue_full": 1})


@on_loop
async def test_what_waits_is_held_back_while_copies_are_paused_and_lag_tells_its_age() -> None:
    clock = Clock()
    s = Setting(moment=0.001, clock=clock)
    s.offer(b"a", b"b", b"c")
    s.target.answer()
    s.mirror.pause()
    clock.now += 7
    assert s.mirror.lag == 7
    await asyncio.sleep(0.01)
    assert s.target.bodies == []
    s.mirror.resume()
    assert s.target.bodies == [b"b", b"c"]


@on_loop
async def test_a_drain_waits_for_it() -> None:
    s = Setting(moment=0.001)
    s.offer(b"a", b"b")
    draining = asyncio.ensure_future(s.mirror.drain(10))
    await s.until(lambda: len(s.target.sent) == 2)
    assert not draining.done()
    s.target.answer()
    s.target.answer()
    assert await draining


@on_loop
async def test_it_is_counted_when_the_proxy_stops_without_a_journal() -> None:
    s = Setting(moment=LONG)
    s.offer(b"a", b"b", b"c")
    s.target.answer()
    await s.mirror.stop()
    assert s.lost == {"shutdown": 2}
    assert s.mirror.depth == 0


def test_it_is_kept_for_the_next_process_when_there_is_a_journal(tmp_path: Path) -> None:
    async def main() -> None:
        journal = await opened(tmp_path)
        s = Setting(moment=LONG, journal=journal)
        s.mirror.pump()
        s.offer(b"a", b"b", b"c")
        assert s.target.bodies == [b"a"]
        s.target.answer()
        await s.mirror.stop()
        await journal.close()
        assert s.lost == {}
        again = Setting(journal=await opened(tmp_path))
        again.mirror.pump()
        await again.until(lambda: len(again.target.sent) == 2)
        assert again.target.bodies == [b"b", b"c"]
        for _ in range(2):
            again.target.answer()
        await again.mirror.stop()
        assert again.journal is not None
        await again.journal.close()

    asyncio.run(main())


@on_loop
async def test_rules_that_changed_meanwhile_are_asked() -> None:
    s = Setting(moment=0.001)
    s.offer(b"a", b"b", b"c", b"d")
    s.use(Rules(), b"c")
    await s.until(lambda: len(s.target.sent) == 3)
    assert s.target.bodies == [b"a", b"b", b"d"]


KINDS = ("alone", "together", "answer", "sleep")
Step = tuple[str, int, bool]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["alone", "together", "answer", "sleep"]), st.integers(1, 5), st.booleans()
        ),
        max_size=30,
    )
)
def test_whatever_comes_each_is_sent_once_and_in_turn_stays_in_turn(steps: list[Step]) -> None:
    async def main() -> None:
        s = Setting(moment=0.001)
        offered: list[Mutation] = []
        arrived: list[bytes] = []

        def answer_all() -> None:
            while s.target.sent:
                arrived.append(s.target.bodies[0])
                s.target.answer()

        def made(in_turn: bool) -> Mutation:
            body = b"%d" % len(offered)
            tables = (TABLE if len(offered) % 3 else OTHER,)
            offered.append(s.mutation(body, tables=tables, in_turn=in_turn))
            return offered[-1]

        for kind, count, in_turn in steps:
            if kind == "alone":
                s.mirror.offer(made(in_turn))
            elif kind == "together":
                s.mirror.offer_together([made(in_turn and number == 1) for number in range(count)])
            elif kind == "answer":
                answer_all()
            else:
                await asyncio.sleep(0.002)
        async with asyncio.timeout(10):
            while s.mirror.depth:
                answer_all()
                await asyncio.sleep(0.001)
        assert sorted(arrived, key=int) == [mutation.body for mutation in offered]
        for table in (TABLE, OTHER):
            concerned = [mutation for mutation in offered if mutation.tables == (table,)]
            order = [arrived.index(mutation.body) for mutation in concerned]
            for number, mutation in enumerate(concerned):
                if mutation.in_turn:
                    assert all(place < order[number] for place in order[:number])
                    assert all(place > order[number] for place in order[number + 1 :])

    asyncio.run(main())
