"""A loop that stands still is noticed, and what the machine adds is told apart."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest
import uvloop

from benchmarks.pulse import PERIOD, Pulse, Stalls, read_stalls


def test_waits_for_a_core_are_told_apart() -> None:
    stalls = Stalls()
    stalls.beat(PERIOD, 0.0)
    stalls.beat(PERIOD + 0.020, 0.015)
    stalls.beat(PERIOD + 0.010, 0.0)
    assert stalls.beats == 3
    assert stalls.longest == pytest.approx(0.010)
    assert stalls.longest_in_all == pytest.approx(0.020)


def test_a_stall_is_reported_once(tmp_path: Path) -> None:
    report = tmp_path / "stalls.json"

    async def told() -> Stalls:
        report.unlink(missing_ok=True)
        os.kill(os.getpid(), signal.SIGUSR1)
        while not report.exists():
            await asyncio.sleep(PERIOD)
        return read_stalls(report)

    async def run() -> None:
        pulse = Pulse(report)
        await told()
        time.sleep(0.05)
        stalled = await told()
        assert stalled.longest_in_all >= 0.04
        assert stalled.beats >= 1
        await asyncio.sleep(20 * PERIOD)
        after = await told()
        assert after.beats > 1
        assert after.longest < stalled.longest_in_all
        pulse.stop()

    uvloop.run(run())
