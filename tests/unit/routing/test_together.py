"""What comes together has the same effects as what comes alone: the fast ways through the proxy and the slow.

The same requests pass two proxies. In one of them all that can comes in one read: requests, answers, copies'
answers. In the other each frame comes by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.micro.in_process import Setting, started
from cqlproxy.cluster.side import Side
from cqlproxy.modes import Mode
from frame_codec import (
    REQUEST_VERSIONS,
    RESPONSE_VERSIONS,
    ErrorCode,
    ErrorResponse,
    Execute,
    Frame,
    FrameDecoder,
    Opcode,
    Prepare,
    QueryParameters,
    encode_frame,
)
from tests.unit.routing.traffic import ANSWERS, REQUESTS, SELECT, USUAL, id_of, prepared
from tests.unit.routing.whole_proxy import Asked, Between, World

SETTINGS = [
    Setting("primary_only", "off"),
    Setting("dual_write_async", "off"),
    Setting("dual_write_async", "overflow"),
    Setting("dual_write_async", "always"),
    Setting("dual_write_sync", "off"),
    Setting("shadow_primary", "off"),
]
EACH_MANNER = [one for one in SETTINGS if one.mode != "shadow_primary" and one.journal != "overflow"]

usual = st.builds(Asked, st.sampled_from(USUAL), st.just("done"), st.just("done"))
any_request = st.builds(
    Asked,
    st.sampled_from(sorted(REQUESTS)),
    st.sampled_from(ANSWERS),
    st.sampled_from(["done", "done, with a warning", "later", "invalid", "unprepared"]),
)
sequences = st.lists(usual | any_request, min_size=1, max_size=24)


class Pair:
    """Two proxies with the same settings."""

    def __init__(self, runner: asyncio.Runner, fast: World, slow: World) -> None:
        self.fast = fast
        self.slow = slow
        self._runner = runner

    def compare(
        self,
        asked: list[Asked],
        *,
        split: int = 0,
        between: Between | None = None,
        leaves: bool = False,
    ) -> None:
        async def both() -> None:
            fast = await self.fast.run(asked, together=True, split=split, between=between, leaves=leaves)
            slow = await self.slow.run(asked, together=False, split=split, between=between, leaves=leaves)
            assert fast.timeless == slow.timeless
            fast.check_times(asked)
            slow.check_times(asked)

        self._runner.run(both())


@contextmanager
def pair(setting: Setting, other: Setting | None = None) -> Iterator[Pair]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        first, second = started(setting), started(other or setting)

        async def made() -> tuple[World, World]:
            worlds = (
                World(await first.__aenter__(), setting.mode),
                World(await second.__aenter__(), setting.mode),
            )
            for world in worlds:
                await world.prepare()
            return worlds

        async def ended() -> None:
            await second.__aexit__(None, None, None)
            await first.__aexit__(None, None, None)

        fast, slow = runner.run(made())
        try:
            yield Pair(runner, fast, slow)
        finally:
            runner.run(ended())


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: f"{s.mode}, journal {s.journal}")
def test_any_requests_together_are_as_each_alone(setting: Setting) -> None:
    with pair(setting) as both:

        @settings(max_examples=60, deadline=None)
        @given(sequences)
        def agree(asked: list[Asked]) -> None:
            both.compare(asked)

        agree()


EVERYTHING = [
    *(Asked(kind) for kind in (*USUAL, *sorted(REQUESTS), *USUAL)),
    *(Asked("insert", answer) for answer in ANSWERS),
    *(Asked("select", answer) for answer in ANSWERS),
    *(Asked("insert") for _ in range(10)),
]
MODES = [Mode.PRIMARY_ONLY, Mode.DUAL_WRITE_ASYNC, Mode.DUAL_WRITE_SYNC]


@pytest.mark.parametrize("journal", ["off", "always"])
def test_a_mode_that_is_switched_between_request_and_answer(journal: str) -> None:
    with pair(Setting("dual_write_async", journal)) as both:

        @settings(max_examples=25, deadline=None)
        @given(sequences, sequences, st.sampled_from(MODES), st.sampled_from(MODES))
        def agree(before: list[Asked], after: list[Asked], first: Mode, then: Mode) -> None:
            async def switch(world: World) -> None:
                world.use(then)

            both.fast.use(first)
            both.slow.use(first)
            both.compare(before + after, split=len(before), between=switch)

        agree()


@pytest.mark.parametrize("setting", EACH_MANNER, ids=lambda s: f"{s.mode}, journal {s.journal}")
def test_what_a_client_that_has_left_wrote_is_copied(setting: Setting) -> None:
    with pair(setting) as both:
        both.compare(EVERYTHING, split=len(EVERYTHING), between=World.leave, leaves=True)
        assert both.fast.seen.answers.keys() <= {EVERYTHING.index(Asked("unknown id"))}
        assert bool(both.fast.seen.copies) is (setting.mode != "primary_only")


@pytest.mark.parametrize("answered", [0, 20])
@pytest.mark.parametrize("setting", EACH_MANNER, ids=lambda s: f"{s.mode}, journal {s.journal}")
def test_a_connection_that_is_lost_under_requests(setting: Setting, answered: int) -> None:
    async def lose(world: World) -> None:
        for answer in world.answers(world.answering)[:answered]:
            world.answering.receive(answer)
        await world.lose(world.answering)

    asked = [Asked(kind) for kind in (*USUAL, *sorted(REQUESTS), *USUAL)]
    with pair(setting) as both:
        both.compare([Asked(kind) for kind in REQUESTS])
        both.compare(asked, split=len(asked) - 10, between=lose)


simple = st.builds(
    Asked,
    st.sampled_from([*USUAL, "text", "conditional", "held"]),
    st.sampled_from(["done", "done, with a warning", "invalid"]),
    st.sampled_from(["done", "later", "invalid"]),
)


@pytest.mark.parametrize("setting", EACH_MANNER, ids=lambda s: f"{s.mode}, journal {s.journal}")
def test_streams_that_run_out_midway(setting: Setting) -> None:
    with pair(setting) as both:
        # What has to be prepared is.
        both.compare([Asked(kind) for kind in REQUESTS])

        @settings(max_examples=25, deadline=None)
        @given(st.lists(simple, min_size=1, max_size=20), st.integers(0, 20), st.integers(1, 20))
        def agree(asked: list[Asked], answering: int, other: int) -> None:
            for world in (both.fast, both.slow):
                world.leave_streams(world.answering, answering)
                world.leave_streams(world.other, other)
            both.compare(asked)

        agree()


inserts = st.lists(
    st.builds(
        Asked,
        st.sampled_from(["insert", "longer insert", "client's time"]),
        copy=st.sampled_from(["done", "later", "invalid"]),
    ),
    max_size=20,
)


def test_bounds_of_the_mirror_that_are_reached_midway() -> None:
    with pair(Setting("dual_write_async", "off")) as both:
        both.compare([Asked(kind) for kind in REQUESTS])

        @settings(max_examples=25, deadline=None)
        @given(inserts, st.integers(1, 20), st.integers(500, 9000), st.integers(1, 20))
        def agree(asked: list[Asked], requests: int, size: int, window: int) -> None:
            for world in (both.fast, both.slow):
                (mirror,) = (m for m in world.mirrors if m.side is Side.SHADOW)
                mirror._holding.max_requests, mirror._holding.max_bytes = requests, size
                mirror._outcomes.window.size = mirror._outcomes.limit = window
            both.compare(asked)

        agree()


@pytest.mark.parametrize("text", [SELECT])
def test_a_usual_request_that_is_cut_short_is_answered_as_a_violation(text: str) -> None:
    async def main() -> None:
        async with started(Setting("dual_write_async", "off", nodes=3)) as proxy:
            world = World(proxy, "dual_write_async")
            whole = Execute(id_of(text), QueryParameters(values=(bytes(8),))).encode(4)
            proxy.receive(encode_frame(4, 0, 0, Opcode.PREPARE, Prepare(text).encode(4)))
            for _ in range(5):
                await asyncio.sleep(0)
                for node in proxy.primary:
                    for _, _, stream, _, _ in requests(node.transport.take()):
                        node.receive(encode_frame(0x84, 0, stream, Opcode.RESULT, prepared(text)))
            proxy.client.take()
            # The read holds a whole request, and one whose values end before the key does.
            proxy.receive(
                encode_frame(4, 0, 1, Opcode.EXECUTE, whole)
                + encode_frame(4, 0, 2, Opcode.EXECUTE, whole[:-4])
            )
            await asyncio.sleep(0)
            (sent,) = [(node, *frame) for node in proxy.primary for frame in requests(node.transport.take())]
            # The whole one is sent, and answered before the violation is told.
            assert responses(proxy.client.take()) == []
            sent[0].receive(encode_frame(0x84, 0, sent[3], Opcode.RESULT, bytes((0, 0, 0, 1))))
            await asyncio.sleep(0)
            whole_answer, answer = responses(proxy.client.take())
            assert (whole_answer[2], whole_answer[3]) == (1, Opcode.RESULT)
            assert (answer[2], answer[3]) == (2, Opcode.ERROR)
            assert ErrorResponse.decode(answer[4], 4).code == ErrorCode.PROTOCOL_ERROR
            metrics = proxy.proxy.metrics
            assert metrics.writes_total + metrics.reads_total <= 2
            assert world.client._closing

    uvloop.run(main())


def requests(data: bytes) -> list[Frame]:
    return FrameDecoder(max_body_length=1 << 20, versions=REQUEST_VERSIONS).feed(data)


def responses(data: bytes) -> list[Frame]:
    return FrameDecoder(max_body_length=1 << 20, versions=RESPONSE_VERSIONS).feed(data)
