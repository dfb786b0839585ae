"""What the tests of the journal share: opening one, letters, and waiting for what was stored."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import uvloop

from cqlproxy.cluster.side import Side
from cqlproxy.journal import DeadLetter, Entry, Journal, Reason, Stored, WhenFull

LARGE = 1 << 30

Parameters = ParamSpec("Parameters")


def on_loop(test: Callable[Parameters, Coroutine[object, object, None]]) -> Callable[Parameters, None]:
    """Run a test on a loop of the kind that the proxy uses."""

    @wraps(test)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(test(*args, **kwargs))

    return run


@asynccontextmanager
async def opened(
    path: Path,
    *,
    max_bytes: int = LARGE,
    fsync_seconds: float = 0.1,
    when_full: WhenFull = WhenFull.DROP_OLDEST,
    dropped: Counter[Side] | None = None,
) -> AsyncIterator[Journal]:
    """A journal, closed at the end. ``dropped`` counts what it loses; without it nothing may be lost."""
    lost = Counter[Side]() if dropped is None else dropped

    def on_dropped(side: Side, copies: int) -> None:
        lost[side] += copies

    journal = await Journal.open(
        path,
        max_bytes=max_bytes,
        fsync_seconds=fsync_seconds,
        when_full=when_full,
        on_dropped=on_dropped,
    )
    try:
        yield journal
    finally:
        await journal.close()
    if dropped is None:
        assert not lost


LETTER = DeadLetter(
    target=Side.SHADOW,
    keyspace="shop",
    tables=("shop.orders",),
    statement="INSERT INTO shop.orders (id, total) VALUES (?, ?)",
    values=[17, "9.50"],
    consistency="LOCAL_QUORUM",
    reason=Reason.REJECTED,
    error="unconfigured table orders",
    written_at=1_700_000_000.25,
    attempts=3,
    first_attempt=1_700_000_001.0,
    last_attempt=1_700_000_009.5,
)


async def stored(journal: Journal, target: Side, record: bytes, *, solitary: bool = False) -> Entry:
    """Append a copy that is in memory as well, and wait until it is on disk."""
    done = asyncio.Event()
    entry = journal.append(target, record, solitary=solitary, held=True, stored=done.set)
    async with asyncio.timeout(10):
        await done.wait()
    return entry


async def committed(journal: Journal) -> None:
    """All that was handed over is on disk: the look-up comes after it."""
    async with asyncio.timeout(10):
        await journal.letters.get(0)


async def everything(journal: Journal, target: Side) -> list[Stored]:
    """The whole backlog of a side."""
    out: list[Stored] = []
    async with asyncio.timeout(60):
        while chunk := await journal.read(target):
            out += chunk
    return out


def records(copies: list[Stored]) -> list[bytes]:
    return [copy.record for copy in copies]
