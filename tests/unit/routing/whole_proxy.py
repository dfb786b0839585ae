"""The whole proxy between a client and nodes that are driven by hand: the same requests, together or alone.

What is sent in one read, or in one for each frame, is up to the test. See ``traffic`` for what is sent.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from benchmarks.micro.in_process import InProcess
from benchmarks.micro.nodes import Node
from cqlproxy.cluster.driver import LAST_STREAM, RawConnection
from cqlproxy.frontend.connection import ClientConnection
from cqlproxy.mirror.worker import Mirror
from cqlproxy.modes import Mode
from frame_codec import (
    PROTOCOL_V4,
    REQUEST_VERSIONS,
    RESPONSE_BIT,
    RESPONSE_VERSIONS,
    Frame,
    FrameDecoder,
    Opcode,
    Prepare,
    encode_frame,
)
from tests.unit.routing.traffic import (
    COPIED_AS_IT_IS,
    ERRORS,
    REQUESTS,
    TEXTS,
    Message,
    answer_to,
    is_proxys,
    mark,
    mark_in,
    prepared,
    timeless,
    without_payload,
    write_time,
)

_SECONDS = 5.0
_RESPONSE = PROTOCOL_V4 | RESPONSE_BIT
_COUNTED = (
    *("total_reads", "failed_reads", "total_writes", "successful_writes", "failed_writes"),
    *("filtered_writes", "filtered_by_reason", "one_sided_writes", "mirrored_writes", "failed_copies"),
    *("failed_copies_by_reason", "dropped_writes", "dropped_by_reason", "retried_writes", "expired_writes"),
    *("unprotected_writes", "requests_timed_out", "reprepared_statements"),
    *("unhandled_errors", "protocol_errors", "requests_refused", "circuit_opened"),
)


Between = Callable[["World"], Awaitable[None]]


class Asked(NamedTuple):
    """A request by its kind, and what the answering node and the other one say to it."""

    kind: str
    answer: str = "done"
    copy: str = "done"


@dataclass
class Seen:
    """What became of requests; by mark, or by the client's stream."""

    answers: dict[int, list[Message]] = field(default_factory=lambda: defaultdict(list))
    requests: dict[bytes, list[Message]] = field(default_factory=lambda: defaultdict(list))
    copies: dict[bytes, list[Message]] = field(default_factory=lambda: defaultdict(list))
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def timeless(self) -> tuple[object, ...]:
        """All of it that is the same in each run."""
        return (
            dict(self.answers),
            {m: [(f, o, timeless(o, b)) for f, o, b in self.requests[m]] for m in self.requests},
            {m: [(f, o, timeless(o, b)) for f, o, b in self.copies[m]] for m in self.copies},
            self.counts,
        )

    def check_times(self, asked: Sequence[Asked]) -> None:
        """Write times of the proxy's rise in the order of the requests, and a copy has its original's."""
        last = 0
        for number, one in enumerate(asked):
            times = {write_time(opcode, body) for _, opcode, body in self.requests.get(mark(number), [])}
            assert len(times) <= 1, "a request that is sent again has the write time that it had"
            for given in filter(is_proxys, times):
                assert given is not None
                assert given > last
                last = given
            originals = [(opcode, body) for _, opcode, body in self.requests.get(mark(number), [])]
            if one.kind in COPIED_AS_IT_IS and originals:
                assert all(
                    (opcode, body) in originals for _, opcode, body in self.copies.get(mark(number), [])
                )


class World:
    """A proxy and all that is around it."""

    def __init__(self, proxy: InProcess, mode: str) -> None:
        self.proxy = proxy
        ends: list[Node] = [proxy.primary[0], proxy.shadow]
        self.answering, self.other = reversed(ends) if mode == "shadow_primary" else ends
        assert isinstance(proxy.client.protocol, ClientConnection)
        self.client = proxy.client.protocol
        self._decoders = {
            id(end): FrameDecoder(max_body_length=1 << 24, versions=REQUEST_VERSIONS) for end in ends
        }
        self._asked: Sequence[Asked] = ()
        self._again: Counter[tuple[int, bytes]] = Counter()
        self._unanswered: list[int] = []
        self._later: list[bytes] = []
        """What the other node answers when nothing else moves."""
        self.seen = Seen()

    @property
    def connection(self) -> RawConnection:
        """The answering node's."""
        return self.answering._connection

    @property
    def mirrors(self) -> list[Mirror]:
        return self.proxy.proxy._mirrors

    async def prepare(self) -> None:
        for text in TEXTS:
            body = Prepare(text).encode(PROTOCOL_V4)
            self.proxy.receive(encode_frame(PROTOCOL_V4, 0, 0, Opcode.PREPARE, body))
            await self._until(lambda: bool(self.proxy.client.writes), together=True)
            self.proxy.client.take()

    async def run(
        self,
        asked: Sequence[Asked],
        *,
        together: bool,
        split: int = 0,
        between: Between | None = None,
        leaves: bool = False,
    ) -> Seen:
        """Let requests pass, one on each stream; ``between`` comes after the first ``split`` of them.

        ``leaves``: the client is gone then, and neither asks any more nor gets answers.
        """
        before = self._counts()
        self._asked, self._again, self.seen = asked, Counter(), Seen()
        frames = []
        for number, one in enumerate(asked):
            flags, opcode, body = REQUESTS[one.kind](mark(number))
            frames.append(encode_frame(PROTOCOL_V4, flags, number, opcode, body))
        if between is not None:
            await _deliver(self.proxy.receive, frames[:split], together=together)
            await between(self)
            frames = [] if leaves else frames[split:]
        await _deliver(self.proxy.receive, frames, together=together)
        await self._until(self._is_quiet, together=together)
        # What has no answer by now never gets one: the late answers free the streams.
        self.connection.expire(math.inf)
        late = [encode_frame(_RESPONSE, 0, stream, Opcode.RESULT, bytes(4)) for stream in self._unanswered]
        self._unanswered = []
        await _deliver(self.answering.receive, late, together=together)
        await self._until(lambda: self._is_done(leaves), together=together)
        self._check_rest()
        after = self._counts()
        self.seen.counts = {n: more for n in after if (more := after[n] - before.get(n, 0))}
        return self.seen

    # --- between the ends ---------------------------------------------------------------------

    async def _until(self, done: Callable[[], bool], *, together: bool) -> None:
        """Pass on what is sent, until nothing more comes."""
        async with asyncio.timeout(_SECONDS):
            quiet = 0
            while quiet < 3 or not done():
                await asyncio.sleep(0 if quiet < 10 else 0.0005)
                quiet += 1
                for end in (self.answering, self.other):
                    if answers := self.answers(end):
                        quiet = 0
                        await _deliver(end.receive, answers, together=together)
                if quiet >= 5 and self._later:
                    quiet, late, self._later = 0, self._later, []
                    await _deliver(self.other.receive, late, together=together)

    def answers(self, end: Node) -> list[bytes]:
        """What a node answers to all that it was sent."""
        taken: list[Frame] = self._decoders[id(end)].feed(end.transport.take())
        answers: list[bytes] = []
        for _, flags, stream, opcode, body in taken:
            answer: Message | None
            if opcode == Opcode.PREPARE:
                answer = (0, Opcode.RESULT, prepared(Prepare.decode(body, PROTOCOL_V4).text))
            elif end is self.answering:
                answer = self._answer(end, flags, opcode, body, self.seen.requests)
                if answer is None:
                    self._unanswered.append(stream)
            else:
                answer = self._answer(end, flags, opcode, body, self.seen.copies)
            if answer is not None:
                frame = encode_frame(_RESPONSE, answer[0], stream, answer[1], answer[2])
                late = end is self.other and opcode != Opcode.PREPARE and self._is_late(body)
                (self._later if late else answers).append(frame)
        return answers

    def _is_late(self, body: bytes) -> bool:
        one = self._asked[int(mark_in(body)[1:-1])]
        # Of two refusals of one write, which comes first decides what is counted: here the answering node's.
        return one.copy == "later" or one.answer in ERRORS

    def _answer(
        self, end: Node, flags: int, opcode: int, body: bytes, seen: dict[bytes, list[Message]]
    ) -> Message | None:
        marked = mark_in(body)
        bare = without_payload(flags, body)
        seen[marked].append((flags, opcode, bare))
        self._again[id(end), marked] += 1
        one = self._asked[int(marked[1:-1])]
        name = one.answer if end is self.answering else one.copy
        if name == "unprepared" and self._again[id(end), marked] > 1:
            name = "done"
        return answer_to(name, flags, bare)

    def _collect(self) -> None:
        decoder = FrameDecoder(max_body_length=1 << 24, versions=RESPONSE_VERSIONS)
        for _, flags, stream, opcode, body in decoder.feed(self.proxy.client.take()):
            self.seen.answers[stream].append((flags, opcode, body))

    # --- what happens in between --------------------------------------------------------------

    def use(self, mode: Mode) -> None:
        """Serve the client in another mode from now on."""
        self.proxy.proxy._routes.use(mode)
        self.client.use_route()

    async def leave(self) -> None:
        """The client goes, without taking its answers."""
        self.proxy.client.real.abort()
        await self._gone(lambda: self.client._transport is None)

    async def lose(self, end: Node) -> None:
        """The connection to a node breaks."""
        end.transport.real.abort()
        await self._gone(lambda: not end._connection.alive)

    @staticmethod
    async def _gone(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(_SECONDS):
            while not condition():
                await asyncio.sleep(0)

    @staticmethod
    def leave_streams(end: Node, count: int) -> None:
        """Have so many streams of a connection that nobody uses, and no more."""
        end._connection._free_streams.clear()
        end._connection._next_stream = LAST_STREAM + 1 - count

    # --- rest ---------------------------------------------------------------------------------

    def _is_quiet(self) -> bool:
        """Whether all is answered but what gets no answer."""
        under_way = len(self.answering.under_way())
        return (
            under_way == len(self._unanswered)
            and not self._later
            and all(mirror.depth == 0 for mirror in self.mirrors)
        )

    def _is_done(self, leaves: bool) -> bool:
        self._collect()
        answered = self.client._in_flight == 0 if leaves else len(self.seen.answers) == len(self._asked)
        return answered and self._is_quiet()

    def _check_rest(self) -> None:
        assert all(len(answers) == 1 for answers in self.seen.answers.values()), "one answer for each"
        for end in (self.answering, self.other):
            assert end.under_way() == []
            assert end._connection._orphaned == set()
            free = end._connection._free_streams
            if not end._connection.alive:
                continue
            ends = end._connection._next_stream
            assert sorted(free) == list(range(ends - len(free), ends)), "each stream is free, once"
        for mirror in self.mirrors:
            assert (mirror.depth, mirror.depth_bytes, mirror.in_flight, mirror.backlog) == (0, 0, 0, 0)
        assert self.client._in_flight == 0
        assert self.client._load.requests == 0

    def _counts(self) -> dict[str, int]:
        """Figures of /stats and how often each time was taken."""
        metrics = self.proxy.proxy.metrics
        counts: dict[str, int] = {}
        for name, value in self.proxy.proxy.stats().items():
            if name in _COUNTED:
                if isinstance(value, dict):
                    counts.update({f"{name} {reason}": count for reason, count in value.items()})
                else:
                    assert isinstance(value, int)
                    counts[name] = value
        counts["reads timed"] = metrics.read_latency.count
        for side, (ok, error, copy_ok, copy_error) in enumerate(
            zip(
                metrics.write_latency_ok,
                metrics.write_latency_error,
                metrics.copy_latency_ok,
                metrics.copy_latency_error,
                strict=True,
            )
        ):
            counts[f"writes timed {side}"] = ok.count
            counts[f"failed writes timed {side}"] = error.count
            counts[f"copies timed {side}"] = copy_ok.count
            counts[f"failed copies timed {side}"] = copy_error.count
        return counts


async def _deliver(receive: Callable[[bytes], None], frames: list[bytes], *, together: bool) -> None:
    for data in [b"".join(frames)] if together else frames:
        receive(data)
        if not together:
            await asyncio.sleep(0)
    await asyncio.sleep(0)
