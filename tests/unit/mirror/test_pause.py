"""Copies that an operator holds back: taken, kept, and sent when they may go on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cqlproxy.admin.view import MirrorRefusedError, NoMirrorError
from cqlproxy.cluster.request import Failure
from cqlproxy.cluster.side import Side
from cqlproxy.metrics import Metrics
from cqlproxy.mirrors_in_force import MirrorsInForce
from cqlproxy.modes import Mode
from frame_codec import ErrorCode, ErrorResponse, PlainError
from tests.unit.mirror.scripted import SETTINGS, Setting, on_loop, opened, query


def in_force(s: Setting, mode: Mode = Mode.DUAL_WRITE_ASYNC) -> MirrorsInForce:
    return MirrorsInForce([s.mirror], s.metrics, lambda: mode)


@on_loop
async def test_nothing_is_sent_while_paused_and_all_of_it_afterwards_in_order() -> None:
    s = Setting()
    s.offer(b"before")
    s.mirror.pause()
    s.offer(b"a", b"b")
    s.mirror.offer_together([s.mutation(b"c"), s.mutation(b"d")])
    assert s.target.bodies == [b"before"]
    s.target.answer()
    s.mirror.pump()
    assert (s.target.bodies, s.mirror.remaining, s.metrics.mirrored) == ([], 4, 1)
    s.mirror.resume()
    assert s.target.bodies == [b"a", b"b", b"c", b"d"]
    for _ in range(4):
        s.target.answer()
    assert (s.mirror.remaining, s.mirror.depth, s.metrics.mirrored) == (0, 0, 5)


@on_loop
async def test_what_fails_under_way_waits_as_well() -> None:
    s = Setting()
    s.offer(b"a")
    s.mirror.pause()
    s.target.refuse(PlainError("not now", ErrorCode.OVERLOADED))
    await asyncio.sleep(0.05)
    assert (s.target.bodies, s.mirror.remaining) == ([], 1)
    s.mirror.resume()
    await s.until(lambda: s.target.sent)
    assert s.target.bodies == [b"a"]


@on_loop
async def test_a_window_that_was_full_does_not_open_a_pause() -> None:
    s = Setting()
    s.offer(*[b"%d" % number for number in range(200)])
    under_way = len(s.target.sent)
    assert under_way < 200
    s.mirror.pause()
    while s.target.sent:
        s.target.answer()
    assert (s.metrics.mirrored, s.mirror.remaining) == (under_way, 200 - under_way)


def test_what_memory_does_not_hold_waits_in_the_journal(tmp_path: Path) -> None:
    async def main() -> None:
        journal = await opened(tmp_path)
        s = Setting(journal=journal, settings=SETTINGS._replace(max_requests=3))
        s.mirror.pause()
        s.offer(*[query(str(number)) for number in range(10)])
        await s.until(lambda: journal.backlog(Side.SHADOW) == 7)
        assert (s.target.bodies, s.mirror.remaining) == ([], 10)
        s.mirror.resume()
        for _ in range(10):
            await s.until(lambda: s.target.sent)
            s.target.answer()
        await s.until(lambda: s.mirror.remaining == 0)
        assert s.metrics.mirrored == 10
        await s.mirror.stop()
        await journal.close()

    asyncio.run(main())


@on_loop
async def test_a_client_that_waits_for_its_copy_is_told() -> None:
    s = Setting()
    s.mirror.pause()
    told: list[ErrorResponse | None] = []
    s.mirror.deliver(s.mutation(query("a")), told.append)
    assert [error is None for error in told] == [False]
    assert told[0] is not None
    assert "copies to it are paused" in told[0].message
    assert s.target.bodies == []


@on_loop
async def test_a_stopping_proxy_does_not_wait_for_what_is_paused() -> None:
    s = Setting()
    s.mirror.pause()
    assert await s.mirror.drain(60) is True
    s.offer(b"a")
    async with asyncio.timeout(5):
        assert await s.mirror.drain(60) is False


@on_loop
async def test_operators_pause_and_resume_as_often_as_they_like() -> None:
    s = Setting()
    mirrors = in_force(s)
    for by in ("ann", "bob"):
        mirrors.pause(Side.SHADOW, by=by)
        (shown,) = mirrors.shown()
        assert (shown["paused"], shown["paused_by"]) == (True, "ann")
    mirrors.pause(Side.PRIMARY, by="ann")
    for _ in range(2):
        mirrors.resume(None, by="bob")
        (shown,) = mirrors.shown()
        assert (shown["paused"], shown["paused_since"], shown["paused_by"]) == (False, None, None)


@on_loop
async def test_where_clients_wait_for_copies_nothing_is_paused() -> None:
    s = Setting()
    with pytest.raises(MirrorRefusedError, match="clients wait for their copies"):
        in_force(s, Mode.DUAL_WRITE_SYNC).pause(None, by="ann")
    in_force(s, Mode.DUAL_WRITE_SYNC).pause(Side.PRIMARY, by="ann")
    assert not s.mirror.paused


@on_loop
async def test_what_was_taken_before_is_waited_for_and_nothing_more() -> None:
    s = Setting()
    mirrors = in_force(s)
    assert (await mirrors.drain(None, 0))["drained"] is True
    s.offer(b"a")
    told = await mirrors.drain(None, 0)
    assert (told["drained"], told["remaining"], told["seconds_left"]) == (False, 1, None)
    waiting = asyncio.ensure_future(mirrors.drain(Side.SHADOW, 20))
    await asyncio.sleep(0.1)
    s.offer(b"b")
    s.target.answer()
    told = await waiting
    assert (told["drained"], told["remaining"]) == (True, 1)


@on_loop
async def test_what_is_paused_or_not_there_cannot_be_waited_for() -> None:
    s = Setting()
    mirrors = in_force(s)
    mirrors.pause(None, by="ann")
    assert (await mirrors.drain(None, 0))["drained"] is True
    s.offer(b"a")
    with pytest.raises(MirrorRefusedError, match="resume first"):
        await mirrors.drain(None, 20)
    nothing = MirrorsInForce([], Metrics(Mode.PRIMARY_ONLY), lambda: Mode.PRIMARY_ONLY)
    assert nothing.shown() == []
    with pytest.raises(NoMirrorError):
        await nothing.drain(None, 0)


@on_loop
async def test_the_pace_is_told() -> None:
    s = Setting()
    mirrors = in_force(s)
    s.offer(*[b"%d" % number for number in range(50)])
    mirrors.note(asyncio.get_running_loop().time() - 5)
    for _ in range(20):
        s.target.answer()
    (shown,) = mirrors.shown()
    rate, left = shown["copies_per_second"], shown["seconds_left"]
    assert isinstance(rate, float)
    assert isinstance(left, float)
    assert 3 < rate <= 4
    assert 7 < left < 9
    s.target.fail(Failure.TIMEOUT)
