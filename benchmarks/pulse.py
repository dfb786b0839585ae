"""cqlproxy with a pulse in its event loop, which tells how long the loop stood still.

python -m benchmarks.pulse FILE serve -c CONFIG runs it as it is, and adds a timer of a millisecond. Each
SIGUSR1 writes to FILE what was seen since the one before. Time in which the loop could have gone on, but
others had all cores, is told apart: it is the machine's, not the proxy's.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Coroutine
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import uvloop

from benchmarks.measure import waited_seconds

PERIOD = 0.001
"""Seconds between two beats; the loop's clock has milliseconds, so one may come two of them late."""


@dataclass(slots=True)
class Stalls:
    """Since the last report; in seconds, by which a beat came later than the one before it and `PERIOD`."""

    beats: int = 0
    longest: float = 0.0
    """Without the time in which others had all cores."""
    longest_in_all: float = 0.0

    def beat(self, gap: float, waited: float) -> None:
        """One more, `gap` seconds after the last; for `waited` seconds of them there was no core."""
        self.beats += 1
        late = gap - PERIOD
        self.longest_in_all = max(self.longest_in_all, late)
        self.longest = max(self.longest, late - waited)


class Pulse:
    """The timer, in the running event loop, which must be that of the main thread."""

    def __init__(self, report: Path) -> None:
        self._report = report
        self._stalls = Stalls()
        self._schedstat = os.open("/proc/self/schedstat", os.O_RDONLY)
        self._loop = asyncio.get_running_loop()
        self._waited = self._wait()
        self._last = perf_counter()
        self._loop.add_signal_handler(signal.SIGUSR1, self._tell)
        self._timer = self._loop.call_later(PERIOD, self._beat)

    def stop(self) -> None:
        """Take it out of the loop."""
        self._timer.cancel()
        self._loop.remove_signal_handler(signal.SIGUSR1)
        os.close(self._schedstat)

    def _beat(self) -> None:
        now, waited = perf_counter(), self._wait()
        self._stalls.beat(now - self._last, waited - self._waited)
        self._last, self._waited = now, waited
        self._timer = self._loop.call_later(PERIOD, self._beat)

    def _wait(self) -> float:
        return waited_seconds(os.pread(self._schedstat, 100, 0).decode())

    def _tell(self) -> None:
        said, self._stalls = self._stalls, Stalls()
        part = self._report.with_suffix(".part")
        part.write_text(json.dumps(asdict(said)))
        part.replace(self._report)


def read_stalls(report: Path) -> Stalls:
    """What was written to `report`. Raises `OSError`."""
    return Stalls(**json.loads(report.read_text()))


def main() -> None:
    report = Path(sys.argv.pop(1))
    run = uvloop.run

    def run_with_pulse(served: Coroutine[object, object, None]) -> None:
        async def beating() -> None:
            pulse = Pulse(report)
            try:
                await served
            finally:
                pulse.stop()

        run(beating())

    vars(uvloop)["run"] = run_with_pulse
    from cqlproxy.cli import main as cqlproxy

    cqlproxy()


if __name__ == "__main__":
    main()
