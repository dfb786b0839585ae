"""The proxy put together: clusters, mirror, router, listener, admin server; started and stopped in order."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Iterable
from time import monotonic

from cqlproxy.admin.exposition import render
from cqlproxy.admin.server import AdminServer
from cqlproxy.client.handshake import Handshake
from cqlproxy.client.listener import Listener
from cqlproxy.client.one_node import Address, OneNode
from cqlproxy.clock import WriteClock
from cqlproxy.cluster.backend import Backend, ConnectError
from cqlproxy.cluster.versions import VersionedCluster
from cqlproxy.config import ClusterAddress, Config
from cqlproxy.metrics import Gauges, Metrics, NodeState
from cqlproxy.mirror.mutation import Mutation
from cqlproxy.mirror.worker import Mirror
from cqlproxy.modes import Mode
from cqlproxy.routing.asked_again import AskedAgain
from cqlproxy.routing.copies import Copies
from cqlproxy.routing.router import Router
from cqlproxy.rules_in_force import RulesInForce
from cqlproxy.statements import StatementCache
from cqlproxy.supervision import Supervisor
from filters import Governor, Rules, load_rules

log = logging.getLogger(__name__)

SWEEP_SECONDS = 0.1
"""How often requests past their deadline are looked for."""

RETRY_SECONDS = (1.0, 10.0)
"""The first and the longest pause between attempts to reach a cluster for the first time."""

DRAIN_SECONDS = 5.0
"""How long a stopping proxy delivers copies that it still holds."""

ANSWER_SECONDS = 5.0
"""How long a stopping proxy waits for the answers to what its clients have asked."""

NEVER_SENT = frozenset({"queue_full", "shutdown"})
"""Reasons for which a copy is dropped, not failed: the shadow was not asked, or not to the end."""

STATEMENTS_KEPT = 10_000


class StartupError(Exception):
    """The proxy cannot start; the message says why, and what to look at."""


class Proxy:
    """One proxy process. Implements ``admin.view.View``."""

    def __init__(self, config: Config, rules: Rules) -> None:
        self._config = config
        self.metrics = Metrics(config.mode)
        self._supervisor = Supervisor()
        self._stopping = False
        self._listening = False
        governor = Governor(rules)
        self._primary = VersionedCluster(self._make_primary)
        self._shadow: Backend | None = None
        self._mirror: Mirror | None = None
        if config.mode is Mode.DUAL_WRITE_ASYNC and config.shadow is not None:
            self._shadow = self._backend("shadow", config.shadow, config.mirror.shadow_timeout_ms)
            self._mirror = Mirror(
                self._shadow,
                max_requests=config.mirror.max_requests,
                max_bytes=config.mirror.max_bytes,
                timeout=config.mirror.shadow_timeout_ms / 1000,
                metrics=self.metrics,
                undelivered=self._undelivered,
                rules=rules,
                ask_again=AskedAgain(governor, self.metrics),
            )
        self.rules = RulesInForce(governor, self._mirror, self.metrics)
        copies = Copies(
            governor=governor,
            mirror=self._mirror,
            metrics=self.metrics,
            schema_changes=config.mirror.schema_changes,
        )
        self._router = Router(
            statements=StatementCache(STATEMENTS_KEPT),
            copies=copies,
            clock=WriteClock(),
            metrics=self.metrics,
            pin_timestamps=config.mirror.pin_timestamps and self._mirror is not None,
        )
        listen = Address(config.listen.host, config.listen.port)
        advertised = config.listen.advertised_address
        self._listener = Listener(
            host=listen.host,
            port=listen.port,
            max_frame_bytes=config.listen.max_frame_bytes,
            router=self._router,
            handshake=Handshake(self._primary),
            one_node=OneNode(listen, None if advertised is None else str(advertised)),
            metrics=self.metrics,
        )
        self._admin = AdminServer(config.admin.host, config.admin.port, self)
        self.metrics.gauges = Gauges(nodes=self._node_states, rules=lambda: self.rules.state)
        if self._mirror is not None:
            mirror = self._mirror
            self.metrics.gauges = Gauges(
                queue_depth=lambda: mirror.depth,
                queue_bytes=lambda: mirror.depth_bytes,
                mirror_in_flight=lambda: mirror.in_flight,
                mirror_lag_seconds=lambda: mirror.lag,
                nodes=self._node_states,
                rules=lambda: self.rules.state,
            )

    def _make_primary(self, version: int) -> Backend:
        # Events come from one control connection, whatever versions clients speak.
        return self._backend(
            "primary", self._config.primary, self._config.request_timeout_ms, version, events=version == 4
        )

    def _backend(
        self, name: str, address: ClusterAddress, timeout_ms: int, version: int = 4, *, events: bool = False
    ) -> Backend:
        return Backend(
            name=name,
            contact_points=list(address.contact_points),
            port=address.port,
            local_datacenter=address.local_datacenter,
            request_timeout=timeout_ms / 1000,
            protocol_version=version,
            on_event=self._primary_event if events else lambda body: None,
            on_change=self._mirror_may_go_on if name == "shadow" else lambda: None,
        )

    # --- life ---------------------------------------------------------------------------------

    async def start(self) -> None:
        """Serve. Returns when clients can connect. Raises ``StartupError``."""
        try:
            await self._admin.start()
        except OSError as error:
            raise StartupError(_cannot_bind("admin", self._config.admin, error)) from error
        if self._shadow is not None:
            self._supervisor.start(self._connect_shadow(self._shadow), "connect to the shadow")
        self.rules.start()
        await self._connect_primary()
        self._supervisor.start(self._sweep(), "time-outs")
        try:
            await self._listener.start()
        except OSError as error:
            raise StartupError(_cannot_bind("listen", self._config.listen, error)) from error
        self._listening = True
        log.info(
            "ready for clients",
            extra={
                "host": self._config.listen.host,
                "port": self._config.listen.port,
                "mode": self._config.mode,
            },
        )

    async def _connect_primary(self) -> None:
        limit = self._config.connect_timeout
        give_up_at = asyncio.get_running_loop().time() + limit
        pause, longest = RETRY_SECONDS
        while True:
            try:
                async with asyncio.timeout_at(give_up_at):
                    await self._primary.main.connect()
                return
            except TimeoutError:
                reason = f"the primary cluster did not answer within connect_timeout ({limit:g} s)"
                raise StartupError(reason) from None
            except ConnectError as error:
                if asyncio.get_running_loop().time() + pause >= give_up_at:
                    raise StartupError(f"{error}; gave up after connect_timeout ({limit:g} s)") from error
                log.warning("%s; trying again in %g s", error, pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)

    async def _connect_shadow(self, shadow: Backend) -> None:
        """The shadow may be away for as long as it likes: clients do not wait for it."""
        pause, longest = RETRY_SECONDS
        while True:
            try:
                await shadow.connect()
                return
            except ConnectError as error:
                log.warning("%s; copies wait in the queue; trying again in %g s", error, pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)

    async def stop(self) -> None:
        """Answer what is under way, deliver what is queued for a while, close everything."""
        self._stopping = True
        self._listener.stop_accepting()
        loop = asyncio.get_running_loop()
        answered_by = loop.time() + ANSWER_SECONDS
        while any(backend.in_flight for backend in self._primary) and loop.time() < answered_by:
            await asyncio.sleep(0.02)
        self._listener.close_clients()
        await self._router.stop()
        if self._mirror is not None:
            if not await self._mirror.drain(DRAIN_SECONDS):
                log.warning("copies are lost at shutdown", extra={"copies": self._mirror.depth})
            await self._mirror.stop()
        await self.rules.stop()
        await self._supervisor.stop()
        if self._shadow is not None:
            await self._shadow.close()
        await self._primary.close()
        await self._admin.stop()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = monotonic()
            for backend in self._primary:
                backend.sweep(now)
            if self._shadow is not None:
                self._shadow.sweep(now)
            self.metrics.requests_timed_out = sum(backend.timed_out for backend in self._primary)

    # --- what the parts tell each other -------------------------------------------------------

    def _primary_event(self, body: bytes) -> None:
        event = self._listener.schema_event(body)
        if event is not None and event.change.target == "KEYSPACE":
            for backend in self._primary:
                backend.keyspace_changed(event.change.keyspace)

    def _mirror_may_go_on(self) -> None:
        if self._mirror is not None:
            self._mirror.pump()

    def _undelivered(self, mutation: Mutation, reason: str) -> None:
        """The journal's place: until there is one, a copy that cannot be delivered is counted, and lost."""
        if reason in NEVER_SENT:
            self.metrics.count_dropped(reason)
        else:
            self.metrics.count_mirror_failed(reason)
        for table in mutation.tables:
            self.metrics.undelivered_by_table.add(reason, table.keyspace, table.table)

    def _node_states(self) -> Iterable[NodeState]:
        backends = [self._primary.main] + ([self._shadow] if self._shadow is not None else [])
        for backend in backends:
            for address, up in backend.node_states().items():
                yield NodeState(backend.name, address, up)

    # --- what the operator sees ---------------------------------------------------------------

    def ready(self) -> tuple[bool, list[str]]:
        """Ready while clients can be served: the shadow has no say in it."""
        reasons = []
        if self._stopping:
            reasons.append("the proxy is stopping")
        elif not self._primary.main.ready:
            reasons.append("no node of the primary cluster is connected")
        elif not self._listening:
            reasons.append("not listening for clients yet")
        return not reasons, reasons

    def stats(self) -> dict[str, object]:
        return self.metrics.snapshot()

    def metrics_text(self) -> bytes:
        return render(self.metrics)


def _cannot_bind(section: str, where: object, error: OSError) -> str:
    host, port = getattr(where, "host", "?"), getattr(where, "port", "?")
    return f"cannot listen on {host}, port {port} ({section}): {error.strerror or error}"


async def serve(config: Config) -> None:
    """Run a proxy until SIGTERM or SIGINT; SIGHUP reads its rules file again.

    Raises ``StartupError``, ``filters.RulesError``.
    """
    rules = Rules()
    if config.filters is not None:
        rules = load_rules(config.filters.rules_file, loaded_at=time.time())
    proxy = Proxy(config, rules)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, proxy.rules.reload_soon)
    starting = asyncio.ensure_future(proxy.start())
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
    try:
        if starting.done():
            starting.result()
            await stopped
            log.info("stopping")
        else:
            starting.cancel()
    finally:
        stopped.cancel()
        await proxy.stop()
