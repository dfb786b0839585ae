"""Hot functions one by one, with the arguments that a request under way has for them.

What is not here is a leg of a whole request: the dispatch of an EXECUTE is the first leg of a SELECT, passing
back an answer its second; the mirror takes, sends and settles a copy in the second and third of an INSERT.
"""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import repeat
from statistics import median
from typing import Final

from benchmarks.micro.bounds import Figures
from benchmarks.micro.in_process import Setting, started
from benchmarks.micro.meters import Bytecode, CompiledCalls, Meter, ProcessorTime, PythonCalls
from benchmarks.micro.pace import step_seconds
from benchmarks.micro.requests import INSERTS, UNLIKE_INSERTS, frames, texts
from cqlproxy.clock import WriteClock
from cqlproxy.cluster.own_ids import with_own_ids
from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.cluster.side import Side
from cqlproxy.mirror.record import record_of
from cqlproxy.routing.writes import PreparedWrite
from cqlproxy.statements import analyse
from frame_codec import REQUEST_VERSIONS, FrameDecoder, Opcode, execute_id, with_timestamp

_FEW: Final = 32
_MANY: Final = 96
_EXECUTE: Final = int(Opcode.EXECUTE)

SPLIT_FRAMES: Final = "32 frames split"
SPLIT_UNLIKE: Final = "32 frames split, lengths differ"
PINNED: Final = "write time pinned"
ROUTED: Final = "replica chosen"
DECIDED: Final = "governor asked, 32 copies made"
WITH_IDS: Final = "other prepared id"
RECORD: Final = "journal record"
ANALYSED: Final = "ten columns analysed"


@asynccontextmanager
async def hot_functions() -> AsyncIterator[dict[str, Callable[[], object]]]:
    """Each function by its name, ready to be called again and again."""
    async with started(Setting(nodes=3, own_ids=True)) as proxy:
        bodies = await proxy.bodies(INSERTS)
        sent = frames(INSERTS.opcode, bodies, 32)
        prepared_id = execute_id(next(bodies), 0)
        unlike = frames(INSERTS.opcode, UNLIKE_INSERTS.bodies(prepared_id), 32)
        proxy.receive(frames(INSERTS.opcode, bodies, 1))
        (write,) = (write for node in proxy.primary for write in node.under_way())
        assert isinstance(write, PreparedWrite)
        prepared = write.prepared
        copies = write.steps.copies
        mutation = copies.prepared(write)
        assert mutation is not None
        backend = write.route.backend
        clock = WriteClock()
        writes = [write] * 32
        parameters_at = 2 + len(prepared_id)
        unstamped = next(bodies)
        text = next(texts())
        decoder = FrameDecoder(max_body_length=1 << 20, versions=REQUEST_VERSIONS)
        numbers: dict[PreparedStatement, int] = {prepared: 1}
        yield {
            SPLIT_FRAMES: lambda: decoder.feed(sent),
            SPLIT_UNLIKE: lambda: decoder.feed(unlike),
            PINNED: lambda: with_timestamp(unstamped, parameters_at + 2, clock.next()),
            ROUTED: lambda: backend.pick_for(prepared, write.body, parameters_at),
            DECIDED: lambda: copies.prepared_together(writes, write.started),
            WITH_IDS: lambda: with_own_ids(_EXECUTE, write.body, (prepared,), Side.SHADOW),
            RECORD: lambda: record_of(mutation, numbers.__getitem__),
            ANALYSED: lambda: analyse(text),
        }
        await proxy.settle()


def figures(function: Callable[[], object], rounds: int) -> Figures:
    """Of one call. Of steps the median is told, each time compared with those of its own round."""
    gc.disable()
    try:
        timer = ProcessorTime()
        steps: list[float] = []
        for _ in range(rounds):
            step = step_seconds()
            steps.append(_measured(function, _FEW, timer) / _FEW / step)
        # The call of what is measured here, a lambda, is none of the proxy's.
        return Figures(
            _more(function, PythonCalls()) - 1,
            _more(function, CompiledCalls()),
            _more(function, Bytecode()),
            median(steps),
        )
    finally:
        gc.enable()


def _more(function: Callable[[], object], meter: Meter) -> float:
    few, many = (_measured(function, count, meter) for count in (_FEW, _MANY))
    return (many - few) / (_MANY - _FEW)


def _measured(function: Callable[[], object], count: int, meter: Meter) -> float:
    calls = repeat(None, count)
    meter.begin()
    for _ in calls:
        function()
    return meter.end()
