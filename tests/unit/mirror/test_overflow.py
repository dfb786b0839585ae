"""What becomes of copies that memory cannot take, and of those left at the end."""

import asyncio
import time
from functools import partial
from pathlib import Path

import pytest

from cqlproxy.journal import Reason
from cqlproxy.mirror.mutation import OVERHEAD_BYTES
from cqlproxy.mirror.settings import MirrorSettings, Overflow
from frame_codec import ErrorCode, PlainError
from tests.unit.mirror.scripted import OTHER, SETTINGS, Setting, dead, opened, query

BOUNDS = [SETTINGS._replace(max_requests=3), SETTINGS._replace(max_bytes=3 * (OVERHEAD_BYTES + 1))]


@pytest.mark.parametrize("overflow", [Overflow.DROP, Overflow.SPILL])
@pytest.mark.parametrize("bounds", BOUNDS, ids=["count", "bytes"])
def test_without_a_journal_what_exceeds_a_bound_is_dropped_and_counted(
    bounds: MirrorSettings, overflow: Overflow
) -> None:
    async def main() -> None:
        s = Setting(settings=bounds._replace(overflow=overflow))
        s.target.alive = False
        s.offer(b"1", b"2", b"3", b"4", b"5")
        assert s.mirror.depth == 3
        assert s.lost == {"queue_full": 2}
        assert s.metrics.undelivered_by_table == {("queue_full", "ks", "t"): 2}
        s.target.alive = True
        s.mirror.pump()
        assert s.target.bodies == [b"1", b"2", b"3"]

    asyncio.run(main())


def test_what_spills_is_delivered_from_the_journal_when_memory_is_free(tmp_path: Path) -> None:
    async def main() -> None:
        journal = await opened(tmp_path)
        s = Setting(journal=journal, settings=BOUNDS[0])
        s.target.alive = False
        s.offer(*(b"%d" % number for number in range(10)))
        assert (s.mirror.depth, s.mirror.backlog) == (3, 7)
        s.target.alive = True
        s.mirror.pump()
        arrived: list[bytes] = []
        while len(arrived) < 10:
            await s.until(lambda: s.target.sent)
            assert s.mirror.depth <= 3
            arrived.append(s.target.bodies[0])
            s.target.answer()
        assert arrived == [b"%d" % number for number in range(10)]
        assert await s.mirror.drain(5)
        assert (s.metrics.mirrored, s.lost, s.mirror.backlog) == (10, {}, 0)
        await journal.close()

    asyncio.run(main())


def test_live_copies_go_before_those_of_the_journal_and_its_rate_is_bounded(tmp_path: Path) -> None:
    async def main() -> None:
        journal = await opened(tmp_path)
        s = Setting(journal=journal, settings=SETTINGS._replace(max_requests=2, replay_rate=20.0))
        s.target.alive = False
        s.offer(*(b"%d" % number for number in range(12)))
        s.target.alive = True
        s.mirror.pump()
        s.target.answer()
        s.offer(b"live")
        assert s.target.bodies == [b"1", b"live"]
        began = time.monotonic()
        while s.metrics.mirrored < 13:
            await s.until(lambda: s.target.sent)
            s.target.answer()
        # The first is free, so nine at the rate.
        assert time.monotonic() - began >= 9 / 20.0
        await journal.close()

    asyncio.run(main())


def test_a_schema_change_goes_behind_the_backlog_and_everything_behind_it(tmp_path: Path) -> None:
    async def main() -> None:
        journal = await opened(tmp_path)
        s = Setting(journal=journal, settings=SETTINGS._replace(max_requests=1))
        s.target.alive = False
        s.offer(b"memory", b"spilled")
        s.target.alive = True
        s.offer(b"ALTER", schema=True)
        s.offer(b"after", tables=(OTHER,))
        order: list[bytes] = []
        s.mirror.pump()
        while len(order) < 4:
            await s.until(lambda: s.target.sent)
            order.append(s.target.bodies[0])
            s.target.answer()
        assert order == [b"memory", b"spilled", b"ALTER", b"after"]
        await s.until(lambda: not s.mirror.backlog and not s.mirror.depth)
        s.offer(b"free")
        assert s.target.bodies == [b"free"], "with nothing in the journal copies start as they come"
        await journal.close()

    asyncio.run(main())


def test_a_copy_of_a_table_with_copies_in_turn_in_the_journal_goes_there_too(tmp_path: Path) -> None:
    async def main() -> None:
        journal = await opened(tmp_path)
        s = Setting(journal=journal, settings=SETTINGS._replace(max_requests=2))
        s.target.alive = False
        s.offer(b"1", b"2")
        s.offer(b"append", in_turn=True, repeatable=False)
        s.target.alive = True
        s.mirror.pump()
        s.target.answer()
        s.offer(b"of the table")
        s.offer(b"of another", tables=(OTHER,))
        assert s.target.bodies == [b"2", b"of another"]
        assert s.mirror.backlog == 2
        await journal.close()

    asyncio.run(main())


def test_with_block_the_clients_answer_waits_for_room() -> None:
    async def main() -> None:
        s = Setting(settings=BOUNDS[0]._replace(overflow=Overflow.BLOCK))
        assert s.mirror.answers_wait
        taken: list[int] = []
        for number in range(5):
            s.mirror.offer_then(s.mutation(b"%d" % number), partial(taken.append, number))
        assert (taken, s.mirror.depth) == ([0, 1, 2], 3)
        s.target.answer()
        assert (taken, s.mirror.depth) == ([0, 1, 2, 3], 3)
        await s.mirror.stop()
        assert taken == [0, 1, 2, 3, 4]
        assert s.lost == {"shutdown": 4}

    asyncio.run(main())


def test_without_a_journal_what_is_left_at_the_end_is_counted() -> None:
    async def main() -> None:
        s = Setting()
        s.offer(b"under way")
        s.offer(b"counter", repeatable=False)
        s.target.alive = False
        s.offer(b"waiting")
        assert not await s.mirror.drain(0.01)
        await s.mirror.stop()
        assert s.lost == {"shutdown": 2, "unknown_outcome": 1}
        assert s.mirror.depth == 0
        s.offer(b"too late")
        assert s.lost == {"shutdown": 3, "unknown_outcome": 1}

    asyncio.run(main())


def test_with_a_journal_what_is_left_at_the_end_is_delivered_by_the_next_process(tmp_path: Path) -> None:
    async def main() -> None:
        journal = await opened(tmp_path)
        s = Setting(journal=journal)
        s.offer(query("under way"))
        s.offer(query("counter"), repeatable=False)
        s.offer(query("refused"), repeatable=False)
        s.target.refuse(PlainError("not now", ErrorCode.OVERLOADED), 2)
        s.target.alive = False
        s.offer(query("ALTER"), schema=True)
        await s.mirror.stop()
        await journal.close()

        journal = await opened(tmp_path)
        s = Setting(journal=journal)
        s.mirror.pump()
        order: list[bytes] = []
        while len(order) < 3:
            await s.until(lambda: s.target.sent)
            order.append(s.target.bodies[0])
            s.target.answer()
        assert order == [query("under way"), query("refused"), query("ALTER")]
        assert await dead(journal) == [("counter", Reason.UNKNOWN_OUTCOME)]
        assert len(s.asked) == 3, "the rules are asked again"
        await journal.close()

    asyncio.run(main())


def test_copies_on_their_way_from_the_journal_are_counted(tmp_path: Path) -> None:
    async def main() -> None:
        journal = await opened(tmp_path)
        s = Setting(journal=journal, settings=SETTINGS._replace(max_requests=5000))
        s.target.alive = False
        s.offer(*(b"%d" % number for number in range(8000)))
        s.target.alive = True
        s.mirror.pump()
        while s.mirror.depth or s.mirror.backlog:
            while s.target.sent:
                s.target.answer()
            await asyncio.sleep(0)
        assert s.metrics.mirrored == 8000
        await journal.close()

    asyncio.run(main())
