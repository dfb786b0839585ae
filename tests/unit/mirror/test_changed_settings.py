"""Bounds, rate and patience that are changed while copies wait."""

import asyncio
import time
from functools import partial
from pathlib import Path

from cqlproxy.cluster.request import Failure
from cqlproxy.mirror.mutation import OVERHEAD_BYTES
from cqlproxy.mirror.settings import Overflow
from tests.unit.mirror.scripted import SETTINGS, Clock, Setting, opened


def test_narrower_bounds_hold_for_what_comes_and_wider_ones_make_room_at_once() -> None:
    async def main() -> None:
        s = Setting(settings=SETTINGS._replace(max_requests=3))
        s.target.alive = False
        s.offer(b"1", b"2", b"3")
        s.mirror.use_settings(SETTINGS._replace(max_requests=1))
        s.offer(b"4")
        assert (s.mirror.depth, s.lost) == (3, {"queue_full": 1})
        s.mirror.offer_together([s.mutation(b"5")])
        assert (s.mirror.depth, s.lost) == (3, {"queue_full": 2})
        s.mirror.use_settings(SETTINGS._replace(max_requests=4))
        s.offer(b"6", b"7")
        assert (s.mirror.depth, s.lost) == (4, {"queue_full": 3})
        s.mirror.use_settings(SETTINGS._replace(max_bytes=5 * (OVERHEAD_BYTES + 1)))
        s.offer(b"8", b"9")
        assert (s.mirror.depth, s.lost) == (5, {"queue_full": 4})

    asyncio.run(main())


def test_a_client_that_waits_for_room_has_its_answer_when_there_is_room() -> None:
    async def main() -> None:
        settings = SETTINGS._replace(max_requests=1, overflow=Overflow.BLOCK)
        s = Setting(settings=settings)
        s.target.alive = False
        taken: list[int] = []
        for number in range(4):
            s.mirror.offer_then(s.mutation(b"%d" % number), partial(taken.append, number))
        assert taken == [0]
        s.mirror.use_settings(settings._replace(max_requests=3))
        assert (taken, s.mirror.depth) == ([0, 1, 2], 3)

    asyncio.run(main())


def test_a_mirror_that_has_stopped_takes_nothing_whatever_its_bounds() -> None:
    async def main() -> None:
        s = Setting()
        await s.mirror.stop()
        s.mirror.use_settings(SETTINGS)
        s.offer(b"1")
        assert (s.mirror.depth, s.lost) == (0, {"shutdown": 1})

    asyncio.run(main())


def test_the_journal_is_read_back_at_the_new_rate(tmp_path: Path) -> None:
    async def main() -> None:
        journal = await opened(tmp_path)
        s = Setting(journal=journal, settings=SETTINGS._replace(max_requests=2, replay_rate=0.01))
        s.target.alive = False
        s.offer(*(b"%d" % number for number in range(12)))
        s.target.alive = True
        s.mirror.use_settings(SETTINGS._replace(max_requests=2, replay_rate=1000.0))
        began = time.monotonic()
        while s.metrics.mirrored < 12:
            await s.until(lambda: s.target.sent)
            s.target.answer()
        assert time.monotonic() - began < 10
        await journal.close()

    asyncio.run(main())


def test_attempts_and_their_repetition_are_as_patient_as_is_said_now() -> None:
    async def main() -> None:
        clock = Clock()
        s = Setting(clock=clock, settings=SETTINGS._replace(retry_interval=3000.0, max_retry_attempts=5))
        s.mirror.use_settings(SETTINGS._replace(timeout=7.0, retry_interval=1.0, max_retry_attempts=1))
        s.offer(b"1")
        assert s.target.sent[0][0].deadline == clock.now + 7.0
        s.target.fail(Failure.TIMEOUT)
        clock.now += 1.0
        s.mirror.pump()
        s.target.fail(Failure.TIMEOUT)
        assert s.lost == {"attempts": 1}

    asyncio.run(main())
