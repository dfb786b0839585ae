"""Whole requests through the proxy, kind by kind: what each of them costs, in counts and in steps."""

from __future__ import annotations

import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median
from typing import Final

from benchmarks.micro.bounds import Figures
from benchmarks.micro.in_process import DEFAULT, Setting, started
from benchmarks.micro.meters import (
    Bytecode,
    CompiledCalls,
    HeldBlocks,
    HeldContainers,
    Meter,
    ProcessorTime,
    PythonCalls,
)
from benchmarks.micro.pace import step_seconds
from benchmarks.micro.passage import Legs, Passage, Writes
from benchmarks.micro.requests import BATCHES, INSERTS, KNOWN_TEXTS, NEW_TEXTS, SELECTS, UNLIKE_INSERTS, Kind

FEW: Final = 32
MANY: Final = 96
"""Of one request counts what `MANY` have more than `FEW`: what a turn of the loop costs drops out."""

_WARM_UP: Final = 12
_MOST_WARM_UP: Final = 200
_JOURNALED_TRIES: Final = 4

SWITCH_SECONDS: Final = 0.0001
"""As the service sets it where there is a journal."""


@dataclass(frozen=True, slots=True)
class Case:
    """A kind of request, and the setting that it passes in."""

    name: str
    kind: Kind
    setting: Setting = DEFAULT

    @property
    def waits(self) -> bool:
        """Whether answers wait for the journal's thread."""
        return self.setting.journal == "always"


CASES: Final = (
    Case("SELECT", SELECTS),
    Case("SELECT, three nodes", SELECTS, Setting(nodes=3)),
    Case("INSERT, not copied", INSERTS, Setting(mode="primary_only")),
    Case("INSERT", INSERTS),
    Case("INSERT, lengths differ", UNLIKE_INSERTS),
    Case("INSERT, three nodes", INSERTS, Setting(nodes=3)),
    Case("INSERT, other ids there", INSERTS, Setting(own_ids=True)),
    Case("INSERT, journal always", INSERTS, Setting(journal="always")),
    Case("text INSERT, each new", NEW_TEXTS),
    Case("text INSERT, seen before", KNOWN_TEXTS),
    Case("BATCH of ten", BATCHES),
)


@dataclass(frozen=True, slots=True)
class Counts:
    """What one request costs, by leg; the same in each run."""

    python_calls: Legs
    compiled_calls: Legs
    bytecode: Legs
    """Instructions."""
    blocks: Legs
    """Allocations of at most 512 bytes that are held after each leg and were not before."""
    containers: Legs
    """Of these, or larger, what the garbage collector watches."""
    alone: float
    """Instructions for a request that comes alone, with what the three turns of the event loop take."""
    cycles: float
    """Objects that only the garbage collector could free."""
    writes: dict[int, Writes]
    """By how many requests came together."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one request costs, by leg: in seconds of processor time, and in steps."""

    seconds: Legs
    steps: Legs


@dataclass(frozen=True, slots=True)
class Whole:
    """All that was measured of one case."""

    counts: Counts
    cost: Cost

    @property
    def figures(self) -> Figures:
        """As they are bounded."""
        counts = self.counts
        return Figures(
            counts.python_calls.total,
            counts.compiled_calls.total,
            counts.bytecode.total,
            self.cost.steps.total,
            counts.blocks.most,
            counts.containers.most,
            counts.alone,
        )


async def measured(case: Case, rounds: int) -> Whole:
    """Warm up, count and time a case."""
    async with passing(case) as passage:
        return Whole(await counted(passage), await timed(passage, rounds))


@asynccontextmanager
async def passing(case: Case) -> AsyncIterator[Passage]:
    """The case, warmed up: what is made once is made, and the mirror's window takes `MANY` copies."""
    switch = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        async with started(case.setting) as proxy:
            passage = Passage(proxy, case.kind, await proxy.bodies(case.kind), waits=case.waits)
            await _warm_up(passage)
            gc.collect()
            gc.disable()
            yield passage
    finally:
        gc.enable()
        sys.setswitchinterval(switch)


async def _warm_up(passage: Passage) -> None:
    for done in range(_MOST_WARM_UP):
        await passage.measured(MANY, ProcessorTime())
        all_at_once = not passage.copies_wait
        await passage.settle()
        if all_at_once and done >= _WARM_UP:
            return
    raise AssertionError(f"the mirror's window does not grow to {MANY} copies")


async def counted(passage: Passage) -> Counts:
    """Count everything."""
    python_calls = await _least(passage, PythonCalls())
    compiled_calls = await _least(passage, CompiledCalls())
    bytecode = await _least(passage, Bytecode())
    blocks = await _least(passage, HeldBlocks())
    containers = await _least(passage, HeldContainers())
    alone = (await passage.measured(1, Bytecode())).total
    await passage.settle()
    gc.collect()
    writes = {}
    for count in (1, FEW, MANY):
        await passage.measured(count, ProcessorTime())
        writes[count] = passage.writes
        await passage.settle()
    cycles = gc.collect() / (1 + FEW + MANY)
    return Counts(python_calls, compiled_calls, bytecode, blocks, containers, alone, cycles, writes)


async def _least(passage: Passage, meter: Meter) -> Legs:
    """As `_more`. How often the journal's thread wakes, and what it has in its hands, comes and goes."""
    tries = range(_JOURNALED_TRIES if passage.waits else 1)
    return min([await _more(passage, meter) for _ in tries], key=lambda legs: legs.total)


async def _more(passage: Passage, meter: Meter) -> Legs:
    found = []
    for count in (FEW, MANY):
        # Once before it counts: the meter's own code makes some things once, too.
        await passage.measured(count, meter)
        await passage.settle()
        found.append(await passage.measured(count, meter))
        await passage.settle()
    few, many = found
    return Legs(*((most - least) / (MANY - FEW) for least, most in zip(few, many, strict=True)))


async def timed(passage: Passage, rounds: int) -> Cost:
    """Measure `FEW` requests so often, each time with steps before them.

    The processor's speed changes from moment to moment, so that a round's requests are compared with its
    own steps. Medians, since whatever disturbs a round may fall on its steps or on its requests.
    """
    meter = ProcessorTime()
    seconds: list[Legs] = []
    steps: list[Legs] = []
    for _ in range(rounds):
        step = step_seconds()
        taken = Legs(*(leg / FEW for leg in await passage.measured(FEW, meter)))
        seconds.append(taken)
        steps.append(Legs(*(leg / step for leg in taken)))
        if passage.waits:
            await passage.settle()
    return Cost(_medians(seconds), _medians(steps))


def _medians(rounds: list[Legs]) -> Legs:
    return Legs(*map(median, zip(*rounds, strict=True)))
