"""The write mode in force: switched while traffic flows, and kept for the next run.

A switch that leaves the answering cluster as it is holds for the next request of each client. One that
changes it first lets all clients stand still for a moment, until the writes under way are answered and
copied: so nobody misses on the new cluster what it does not have yet, and no two writes of a row cross.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from time import monotonic

from cqlproxy.admin.view import ModeRefusedError
from cqlproxy.cluster.backend import ConnectError
from cqlproxy.cluster.side import Side
from cqlproxy.cluster.versions import VersionedCluster
from cqlproxy.frontend.gate import Gate
from cqlproxy.frontend.listener import Listener
from cqlproxy.metrics import Metrics
from cqlproxy.mirror.worker import Mirror
from cqlproxy.modes import Mode
from cqlproxy.routing.route import SERVING
from cqlproxy.routing.routes import Routes
from cqlproxy.state_file import StateFile, StateFileError

log = logging.getLogger(__name__)

STANDSTILL_SECONDS = 2.0
"""How long clients stand still, at most, for copies to arrive before another cluster answers."""

_ANSWERED_CHECK_SECONDS = 0.005


class ModeInForce:
    """Implements ``admin.view.ModeView``. ``clusters`` and ``mirrors`` are by ``Side``."""

    def __init__(
        self,
        *,
        routes: Routes,
        clusters: tuple[VersionedCluster, VersionedCluster | None],
        mirrors: tuple[Mirror | None, Mirror | None],
        listener: Listener,
        gate: Gate,
        metrics: Metrics,
        state: StateFile,
    ) -> None:
        self._routes = routes
        self._clusters = clusters
        self._mirrors = mirrors
        self._listener = listener
        self._gate = gate
        self._metrics = metrics
        self._state = state
        self._switching = asyncio.Lock()
        self.may_be_switched = False
        """Whether clients are served: a proxy that starts waits for the cluster of the mode it began with."""

    @property
    def mode(self) -> Mode:
        return self._routes.mode

    def shown(self) -> dict[str, object]:
        """See ``admin.view.ModeView``."""
        state = self._state.state
        return {
            "mode": self.mode.value,
            "since": state.since.timestamp(),
            "by": state.by,
            "answered_by": SERVING[self.mode].side.label,
        }

    async def switch(
        self,
        mode: Mode,
        *,
        by: str,
        force: bool,
        expected: Mode | None = None,
        expected_since: float | None = None,
    ) -> dict[str, object]:
        """See ``admin.view.ModeView``."""
        if not self.may_be_switched:
            raise ModeRefusedError("the proxy is still starting: try again when it is ready (see /ready)")
        async with self._switching:
            previous = self.mode
            since = self._state.state.since.timestamp()
            if expected not in (None, previous) or expected_since not in (None, since):
                raise ModeRefusedError(
                    f"{previous} is in force, set by {self._state.state.by} since you have looked: look"
                    " again, and decide"
                )
            if mode is not previous:
                started = monotonic()
                await self._switch(mode, by, force)
                log.info(
                    f"the mode is now {mode}",
                    extra={
                        "previous": previous.value,
                        "by": by,
                        "forced": force,
                        "seconds": round(monotonic() - started, 3),
                    },
                )
            return {**self.shown(), "previous": previous.value}

    async def _switch(self, mode: Mode, by: str, force: bool) -> None:
        side = SERVING[mode].side
        waited_for = self._mirrors[side.other] if SERVING[mode].awaited else self._mirrors[side]
        if waited_for is not None and waited_for.paused and not force:
            raise ModeRefusedError(
                f"copies to the {waited_for.side.label} cluster are paused, and in {mode} they are waited"
                " for: let them go on first (cqlproxy mirror resume), or insist with --force"
            )
        if mode.uses_shadow and self._clusters[Side.SHADOW] is None:
            raise ModeRefusedError(
                f"{mode} needs a shadow cluster, and the configuration has none: add the key shadow,"
                " and restart"
            )
        if side is self._routes.side:
            await self._take_effect(mode, by)
            return
        if not force:
            self._check(side, mode)
        await self._connect(side, mode)
        self._listener.stand_still()
        try:
            await self._let_copies_arrive(side, force=force)
            await self._take_effect(mode, by)
        finally:
            self._listener.go_on()

    def _check(self, side: Side, mode: Mode) -> None:
        """Raise ``ModeRefusedError`` unless the cluster that is to answer can, and has what was copied."""
        cluster = self._clusters[side]
        assert cluster is not None
        if not cluster.main.ready:
            raise ModeRefusedError(
                f"no node of the {side.label} cluster is connected, and in {mode} it answers all requests:"
                " wait until it is back, or insist with --force"
            )
        mirror = self._mirrors[side]
        waiting = 0 if mirror is None else mirror.backlog
        if waiting:
            raise ModeRefusedError(
                f"{waiting} copies wait in the journal for the {side.label} cluster, which would answer"
                " without them: wait until they are there (journal_depth in /stats), or insist with --force"
            )

    async def _connect(self, side: Side, mode: Mode) -> None:
        for version in self._routes.versions():
            try:
                await self._routes.open(version, mode)
            except ConnectError as error:
                raise ModeRefusedError(
                    f"clients of protocol version {version} are connected, and {error}"
                ) from error
        await self._gate.enter_all(self._listener.identities(), side)

    async def _let_copies_arrive(self, side: Side, *, force: bool) -> None:
        """Clients stand still: wait for answers and copies. Raises ``ModeRefusedError``."""
        give_up_at = monotonic() + STANDSTILL_SECONDS
        metrics = self._metrics
        while metrics.writes_under_way and monotonic() < give_up_at:
            await asyncio.sleep(_ANSWERED_CHECK_SECONDS)
        mirror = self._mirrors[side]
        if mirror is None or await mirror.drain(max(0.1, give_up_at - monotonic())) or force:
            return
        raise ModeRefusedError(
            f"{mirror.depth} copies did not reach the {side.label} cluster, which would answer without them,"
            f" while clients stood still for {STANDSTILL_SECONDS:g} s: look at mirror_lag_seconds in /stats,"
            " try again when it is small, or insist with --force"
        )

    async def _take_effect(self, mode: Mode, by: str) -> None:
        try:
            await asyncio.to_thread(self._state.switch, mode, by=by, now=datetime.now(UTC))
        except StateFileError as error:
            raise ModeRefusedError(f"the mode would not survive a restart: {error}") from error
        self._routes.use(mode)
        self._metrics.mode = mode
        self._metrics.mode_since = self._state.state.since.timestamp()
        self._metrics.mode_changes += 1
        self._listener.use_routes()
