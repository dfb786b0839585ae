"""Requests on their way through the proxy, leg by leg; whoever measures looks at what happens within a leg.

Three legs: the client's requests come and are sent to nodes; the answers come, are passed back, and copies
are sent; the answers to the copies come. Bytes that others send are made between them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

from benchmarks.micro.in_process import InProcess
from benchmarks.micro.meters import Meter
from benchmarks.micro.requests import Kind, frames


class Legs(NamedTuple):
    """What was measured of each leg."""

    request: float
    answer: float
    copy: float

    @property
    def total(self) -> float:
        return self.request + self.answer + self.copy

    @property
    def most(self) -> float:
        """What is there after a leg, at most."""
        return max(accumulate(self))


class Writes(NamedTuple):
    """Calls of `write` in one passage."""

    to_nodes: int
    to_client: int
    to_shadow: int


class Passage:
    """Requests of one kind, again and again. `waits`: whether their answers wait for the journal's thread."""

    def __init__(self, proxy: InProcess, kind: Kind, bodies: Iterator[bytes], *, waits: bool) -> None:
        self._proxy = proxy
        self._kind = kind
        self._bodies = bodies
        self.waits = waits
        self.writes = Writes(0, 0, 0)
        """Of the last passage."""

    async def measured(self, count: int, meter: Meter) -> Legs:
        """Let `count` requests, which come at once, pass."""
        proxy = self._proxy
        client, shadow = proxy.client, proxy.shadow
        sent = frames(self._kind.opcode, self._bodies, count)
        meter.begin()
        proxy.receive(sent)
        await asyncio.sleep(0)
        request = meter.end()

        to_nodes = sum(len(node.transport.writes) for node in proxy.primary)
        answers = [(node.receive, node.answers()) for node in proxy.primary if node.transport.writes]
        meter.begin()
        for receive, answer in answers:
            receive(answer)
        await asyncio.sleep(0)
        if self.waits:
            await client.written()
        answered = meter.end()

        self.writes = Writes(to_nodes, len(client.writes), len(shadow.transport.writes))
        assert client.reading, "more comes at once than the proxy takes"
        client.take()
        copies = shadow.answers()
        meter.begin()
        if copies:
            shadow.receive(copies)
        await asyncio.sleep(0)
        return Legs(request, answered, meter.end())

    @property
    def copies_wait(self) -> bool:
        """Whether there are copies that the last passage has not sent or that were not answered in it."""
        return bool(self._proxy.shadow.under_way())

    async def settle(self) -> None:
        """Let the proxy finish whatever it still does."""
        await self._proxy.settle()
        self._proxy.client.take()
