"""How the process ends: asked by a signal, or because a part of it has failed."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from cqlproxy import life_cycle
from cqlproxy.collector import Collector
from cqlproxy.life_cycle import run_to_the_end
from cqlproxy.supervision import EssentialTaskError, Supervisor


class Untouched(Collector):
    """Leaves the collector of the tests as it is, and notes that it has begun."""

    def __init__(self) -> None:
        super().__init__(lambda: 0)
        self.begun = False

    def begin(self, now: float) -> None:
        self.begun = True


class Scripted:
    """Starts at once or never, fails when it is told to, and notes what is asked of it."""

    def __init__(self, *, starts: bool = True, fails: bool = False, stops: bool = True) -> None:
        self.calls: list[str] = []
        self._starts, self._fails, self._stops = starts, fails, stops
        self._supervisor = Supervisor()
        self.collector = Untouched()

    async def start(self) -> None:
        self.calls.append("start")
        if self._fails:
            self._supervisor.start(self._fail(), "a part", essential=True)
        else:
            asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)
        if not self._starts:
            await asyncio.Event().wait()

    async def _fail(self) -> None:
        raise ValueError("broken")

    async def stop(self) -> None:
        self.calls.append("stop")
        if not self._stops:
            await asyncio.Event().wait()

    def reload_soon(self) -> None:
        self.calls.append("reload")

    def count_unhandled_error(self) -> None:
        self.calls.append("error")


@pytest.mark.parametrize("starts", [True, False], ids=["started", "still starting"])
def test_a_signal_stops_it_in_order(starts: bool) -> None:
    scripted = Scripted(starts=starts)
    asyncio.run(run_to_the_end(scripted))
    assert scripted.calls == ["start", "stop"]
    assert scripted.collector.begun is starts


@pytest.mark.parametrize("starts", [True, False], ids=["started", "still starting"])
def test_an_essential_part_that_fails_stops_it_and_is_told(
    starts: bool, caplog: pytest.LogCaptureFixture
) -> None:
    scripted = Scripted(starts=starts, fails=True)
    with pytest.raises(EssentialTaskError, match=r"'a part' has failed: ValueError\('broken'\)"):
        asyncio.run(run_to_the_end(scripted))
    assert scripted.calls == ["start", "error", "stop"]
    assert "the proxy cannot go on, and ends" in caplog.text


def test_one_that_cannot_stop_any_more_ends_all_the_same(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(life_cycle, "FAILED_STOP_SECONDS", 0.05)
    scripted = Scripted(fails=True, stops=False)
    with pytest.raises(EssentialTaskError):
        asyncio.run(run_to_the_end(scripted))
    assert "did not stop in order" in caplog.text
