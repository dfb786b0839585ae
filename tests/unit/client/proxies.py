"""Admin servers of proxies whose modes and figures tests set, for programs that ask them over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from cqlproxy.admin import ModeRefusedError
from cqlproxy.metrics import Gauges, JournalState, Metrics, MirrorState
from cqlproxy.modes import Mode
from tests.unit.admin.asking import Proxy
from tests.unit.admin.mirrors import Mirrors
from tests.unit.admin.modes import Modes
from tests.unit.admin.writes import Writes
from tests.unit.cli.running import Running


@dataclass
class SwitchedModes(Modes):
    """Modes whose switches are seen in the figures, each at a time of its own."""

    metrics: Metrics = field(default_factory=lambda: Metrics(Mode.PRIMARY_ONLY))
    since: float = 1_700_000_000.25

    def __post_init__(self) -> None:
        self._put()

    def shown(self) -> dict[str, object]:
        return {**super().shown(), "since": self.since}

    async def switch(
        self,
        mode: Mode,
        *,
        by: str,
        force: bool,
        expected: Mode | None = None,
        expected_since: float | None = None,
    ) -> dict[str, object]:
        if expected not in (None, self.mode) or expected_since not in (None, self.since):
            raise ModeRefusedError(f"{self.mode} is in force, set by {self.by}")
        if mode is not self.mode:
            shown = await super().switch(mode, by=by, force=force)
            self.since += 60
            self._put()
            return {**shown, "since": self.since}
        return {**self.shown(), "previous": self.mode.value}

    def put(self, mode: Mode, by: str) -> None:
        """As somebody else would."""
        self.mode, self.by, self.since = mode, by, self.since + 60
        self._put()

    def _put(self) -> None:
        self.metrics.mode, self.metrics.mode_since = self.mode, self.since


@dataclass
class Figures:
    """What a proxy says of its copies."""

    lag: float = 0.0
    dead_letters: int = 0


class RunningProxy:
    """One proxy, and its server."""

    def __init__(self, mode: Mode) -> None:
        self.begin(mode)
        self.proxy = Proxy(metrics=self.metrics, modes=self.modes)
        self.running = Running(self.proxy)
        self._stopped = False

    def begin(self, mode: Mode) -> None:
        """All figures and modes as of a proxy that was never asked for anything."""
        self.metrics = Metrics(mode)
        self.figures = Figures()
        self.modes = SwitchedModes(mode=mode, metrics=self.metrics)
        self.metrics.gauges = Gauges(
            mirrors=lambda: [MirrorState("shadow", lag_seconds=self.figures.lag)],
            journal=lambda: JournalState(dead_letters=self.figures.dead_letters),
        )

    def begin_again(self, mode: Mode) -> None:
        """The same, while it is served."""
        self.begin(mode)
        self.proxy.metrics, self.proxy.modes = self.metrics, self.modes
        self.proxy.reasons.clear()
        # The server keeps to the objects that it was started with.
        self.proxy.writes.__dict__.update(Writes().__dict__)
        self.proxy.mirrors.__dict__.update(Mirrors().__dict__)

    def stop(self) -> None:
        """End its server. Safe to repeat."""
        if not self._stopped:
            self._stopped = True
            self.running.stop()

    @property
    def url(self) -> str:
        return self.running.url


@contextmanager
def running_proxies(*modes: Mode) -> Iterator[list[RunningProxy]]:
    """Proxies in these modes."""
    with ExitStack() as stack:
        proxies = []
        for mode in modes:
            proxies.append(RunningProxy(mode))
            stack.callback(proxies[-1].stop)
        yield proxies
