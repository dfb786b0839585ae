"""The proxy put together: clusters, mirror, router, listener, admin server; started and stopped in order."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from cqlproxy.admin.server import AdminServer
from cqlproxy.applied_settings import AppliedSettings, mirror_settings, reads
from cqlproxy.clock import WriteClock
from cqlproxy.cluster.backend import Backend, ConnectError
from cqlproxy.cluster.side import Side
from cqlproxy.cluster.users import UserLimits, UserPools
from cqlproxy.cluster.versions import VersionedCluster
from cqlproxy.collector import Collector
from cqlproxy.config import Config, Tracing
from cqlproxy.config_in_force import ConfigInForce
from cqlproxy.configured_clusters import ConfiguredClusters
from cqlproxy.dead_letters import DeadLetters
from cqlproxy.exposition import Exposition
from cqlproxy.frontend.gate import Gate
from cqlproxy.frontend.handshake import Handshake
from cqlproxy.frontend.limits import ClientLimits
from cqlproxy.frontend.listener import Listener
from cqlproxy.frontend.one_node import Address, OneNode
from cqlproxy.frontend.tls_door import TlsDoor
from cqlproxy.journal import Journal
from cqlproxy.json_writes.writer import JsonWriter
from cqlproxy.live import RecentEvents, Recorder
from cqlproxy.metrics import ClusterUp, Gauges, JournalState, Metrics, MirrorState, NodeState
from cqlproxy.mirror.worker import Mirror
from cqlproxy.mirrors_in_force import MirrorsInForce
from cqlproxy.mode_in_force import ModeInForce
from cqlproxy.routing.asked_again import AskedAgain
from cqlproxy.routing.copies import Copies
from cqlproxy.routing.router import Router
from cqlproxy.routing.routes import Routes
from cqlproxy.rules_in_force import RulesInForce
from cqlproxy.security_files import SecurityFiles
from cqlproxy.state_file import StateFile, StateFileError
from cqlproxy.statements import StatementCache
from cqlproxy.status import status
from cqlproxy.supervision import Supervisor
from cqlproxy.validation.validator import Validator
from filters import Governor, Rules
from frame_codec import PROTOCOL_V4, SchemaChange

if TYPE_CHECKING:
    from cqlproxy.tracing import Export

log = logging.getLogger(__name__)

SWEEP_SECONDS = 0.1
"""How often requests past their deadline are looked for."""

RETRY_SECONDS = (1.0, 10.0)
"""The first and the longest pause between attempts to reach a cluster for the first time."""

ANSWER_SECONDS = 1.0
"""How long beyond its time-out a stopping proxy waits for the answer to what a client has asked."""

GOODBYE_SECONDS = 1.0
"""How long clients are given at the end to take their answers."""

CLOCK_BEHIND_SECONDS = 1.0
"""By so much the system's clock must be behind the write times for that to be told."""

STATEMENTS_KEPT = 10_000


class StartupError(Exception):
    """The proxy cannot start; the message says why, and what to look at."""


class Proxy:
    """One proxy process. Implements ``admin.view.View``.

    ``max_clients``: how many clients there are descriptors for; None: as many as the configuration allows.
    ``config_file``: where the configuration was read from, and is read again on SIGHUP; None: nowhere.
    ``events``: what has been told so far, and whoever listens to the log adds to; None: nobody does.
    """

    def __init__(
        self,
        config: Config,
        rules: Rules,
        state: StateFile,
        journal: Journal | None,
        metrics: Metrics,
        files: SecurityFiles,
        *,
        max_clients: int | None = None,
        config_file: Path | None = None,
        events: RecentEvents | None = None,
    ) -> None:
        self._config = config
        self._state = state
        self._journal = journal
        self._files = files
        mode = state.state.mode
        self.metrics = metrics
        self.metrics.mode_since = state.state.since.timestamp()
        self.metrics.last_run = state.last_run
        self._exposition = Exposition(metrics)
        self._supervisor = Supervisor()
        self._stopping = False
        self._listening = False
        governor = Governor(rules)
        self._configured = ConfiguredClusters(config, files)
        primary = VersionedCluster(lambda version: self._backend(Side.PRIMARY, version), self._users)
        shadow: VersionedCluster | None = None
        mirrors: tuple[Mirror | None, Mirror | None] = (None, None)
        if config.shadow is not None:
            shadow = VersionedCluster(lambda version: self._backend(Side.SHADOW, version), self._users)
            ask_again = AskedAgain(governor, self.metrics)
            mirrors = (
                self._mirror_to(Side.PRIMARY, primary.main, rules, ask_again),
                self._mirror_to(Side.SHADOW, shadow.main, rules, ask_again),
            )
        self._clusters = (primary, shadow)
        self._mirrors = [mirror for mirror in mirrors if mirror is not None]
        self._routes = Routes(
            self._clusters,
            mirrors,
            mode,
            pin_timestamps=config.mirror.pin_timestamps,
            max_prepared=config.max_prepared_statements,
        )
        self.rules = RulesInForce(governor, self._mirrors, self.metrics)
        self._clock = clock = WriteClock()
        statements = StatementCache(STATEMENTS_KEPT)
        self._validator: Validator | None = None
        if shadow is not None:
            self._validator = Validator(
                share=config.validation_percentage / 100,
                recheck_after=config.validation_recheck_ms / 1000,
                clusters=(primary, shadow),
                governor=governor,
                statements=statements,
                counts=self.metrics.validation,
            )
        copies = Copies(
            governor=governor,
            metrics=self.metrics,
            clock=clock,
            schema_changes=config.mirror.schema_changes,
            consistency=config.mirror.consistency,
        )
        self._spans = None if config.tracing is None else _export(config.tracing, config.listen.port)
        self._router = self._new_router(config, statements, copies, clock)
        gate = Gate(
            self._routes,
            self._clusters,
            shadow_account=(config.shadow.auth if config.shadow is not None else None) or "service",
            primary_asks=config.primary.username is not None,
            metrics=self.metrics,
        )
        listen = Address(config.listen.host, config.listen.port)
        advertised = config.listen.advertised_address
        handshake = Handshake(self._routes, gate)
        self._listener = Listener(
            host=listen.host,
            port=listen.port,
            limits=_limits(config, max_clients),
            router=self._router,
            handshake=handshake,
            one_node=OneNode(listen, None if advertised is None else str(advertised)),
            metrics=self.metrics,
            tls=None if files.listen is None else TlsDoor(files.listen, self.metrics.count_turned_away),
        )
        self.writes = JsonWriter(
            router=self._router,
            routes=self._routes,
            statements=statements,
            clock=clock,
            metrics=self.metrics,
            load=self._listener.load,
            standing_still=lambda: handshake.standing_still,
        )
        self.modes = ModeInForce(
            routes=self._routes,
            clusters=self._clusters,
            mirrors=mirrors,
            listener=self._listener,
            gate=gate,
            metrics=self.metrics,
            state=state,
        )
        self._applied = AppliedSettings(
            config,
            mirrors=self._mirrors,
            journal=journal,
            router=self._router,
            validator=self._validator,
        )
        self.config = ConfigInForce(config, config_file, modes=self.modes, appliers=self._applied.appliers)
        self.mirrors = MirrorsInForce(self._mirrors, self.metrics, lambda: self._routes.mode)
        self.letters = None if journal is None else DeadLetters(journal.letters, self._copies_came_back)
        self._admin = AdminServer(
            config.admin.host, config.admin.port, self, token=files.token, tls=files.admin
        )
        self.metrics.gauges = Gauges(
            ready=lambda: self.ready()[0],
            config_stale=lambda: self.config.stale,
            clients_limit=max_clients or config.listen.max_clients,
            requests_limit=config.listen.max_requests,
            mirrors=self._mirror_states,
            journal=self._journal_state,
            requests_under_way=lambda: self._listener.load.requests,
            prepared_statements=lambda: self._routes.prepared_statements,
            keyspaces_in_use=self._keyspaces_in_use,
            users=lambda: sum(cluster.user_count for cluster in self._clusters if cluster is not None),
            write_clock_ahead_seconds=lambda: self._clock.ahead_seconds,
            clusters=self._clusters_up,
            spans=lambda: {} if self._spans is None else self._spans.spans,
            nodes=self._node_states,
            rules=lambda: self.rules.state,
            certificates=files.certificates,
            watched=files.states,
        )
        self.live = Recorder(metrics, events or RecentEvents())
        self.collector = Collector(self._under_way)

    def _new_router(
        self, config: Config, statements: StatementCache, copies: Copies, clock: WriteClock
    ) -> Router:
        wanted = reads(config, self._validator)
        if config.tracing is None or self._spans is None:
            return Router(
                statements=statements, copies=copies, clock=clock, metrics=self.metrics, reads=wanted
            )
        from cqlproxy.tracing import Sampler, TracingRouter

        return TracingRouter(
            tracer=self._spans.tracer,
            sampler=Sampler(config.tracing.ratio, config.tracing.max_per_second),
            statements=statements,
            copies=copies,
            clock=clock,
            metrics=self.metrics,
            reads=wanted,
        )

    def _mirror_to(self, side: Side, target: Backend, rules: Rules, ask_again: AskedAgain) -> Mirror:
        return Mirror(
            target,
            side,
            mirror_settings(self._config),
            metrics=self.metrics,
            rules=rules,
            ask_again=ask_again,
            journal=self._journal,
        )

    def _users(self, backend: Backend) -> UserPools:
        config = self._config
        limits = UserLimits(config.max_users, config.max_keyspaces_per_user, config.user_idle_seconds)
        return UserPools(
            backend, limits=limits, recheck_seconds=config.auth_recheck_seconds, metrics=self.metrics
        )

    def _backend(self, side: Side, version: int) -> Backend:
        # Events come from one control connection of a cluster, whatever versions clients speak.
        if version != PROTOCOL_V4:
            return self._configured.backend(side, version)
        return self._configured.backend(
            side,
            version,
            on_schema_change=partial(self._schema_changed, side),
            on_change=partial(self._nodes_changed, side),
        )

    # --- life ---------------------------------------------------------------------------------

    async def start(self) -> None:
        """Serve. Returns when clients can connect. Raises ``StartupError``."""
        try:
            await self._admin.start()
        except OSError as error:
            raise StartupError(_cannot_bind("admin", self._config.admin, error)) from error
        answering = self._clusters[self._routes.side]
        other = self._clusters[self._routes.side.other]
        assert answering is not None
        if other is not None:
            work = self._connect_in_background(other.main)
            self._supervisor.start(work, f"connect to the {other.main.name} cluster")
        self.rules.start()
        self._files.start()
        self._supervisor.start(self.live.run(), "recent figures")
        await self._connect(answering.main)
        self._supervisor.start(self._sweep(), "time-outs", essential=True)
        try:
            await asyncio.to_thread(self._state.run_begins)
        except StateFileError as error:
            raise StartupError(str(error)) from error
        try:
            await self._listener.start()
        except OSError as error:
            raise StartupError(_cannot_bind("listen", self._config.listen, error)) from error
        self._listening = self.modes.may_be_switched = self.writes.serving = True
        log.info(
            "ready for clients",
            extra={
                "host": self._config.listen.host,
                "port": self._config.listen.port,
                "mode": self._routes.mode.value,
            },
        )

    async def _connect(self, backend: Backend) -> None:
        """Reach the cluster that answers clients. Raises ``StartupError``."""
        limit = self._config.connect_timeout
        give_up_at = asyncio.get_running_loop().time() + limit
        pause, longest = RETRY_SECONDS
        while True:
            try:
                async with asyncio.timeout_at(give_up_at):
                    await backend.connect()
                return
            except TimeoutError:
                reason = f"the {backend.name} cluster did not answer within connect_timeout ({limit:g} s)"
                raise StartupError(reason) from None
            except ConnectError as error:
                if asyncio.get_running_loop().time() + pause >= give_up_at:
                    raise StartupError(f"{error}; gave up after connect_timeout ({limit:g} s)") from error
                log.warning("%s; trying again in %g s", error, pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)

    async def _connect_in_background(self, backend: Backend) -> None:
        """The cluster that does not answer may be away as long as it likes: clients do not wait for it."""
        pause, longest = RETRY_SECONDS
        while True:
            try:
                await backend.connect()
                return
            except ConnectError as error:
                log.warning("%s; copies wait in the queue; trying again in %g s", error, pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)

    def count_unhandled_error(self) -> None:
        """Something has failed in the background; see ``supervision.Unhandled``."""
        self.metrics.unhandled_errors += 1

    async def stop(self) -> None:
        """Answer what is under way, deliver what is queued for a while, close everything."""
        self._stopping = True
        await self._listener.stop_accepting()
        answered_within = self._config.request_timeout_ms / 1000 + ANSWER_SECONDS
        await asyncio.gather(self._listener.answer_all(answered_within), self.writes.stop(answered_within))
        if self._validator is not None:
            await self._validator.stop()
        kept = await self._stop_mirrors()
        # Only now have those an answer that waited for room for their copies, or for the journal.
        await self._listener.close_clients(GOODBYE_SECONDS)
        await self._router.stop()
        if self._spans is not None:
            await self._spans.stop()
        await self.config.stop()
        await self.rules.stop()
        await self._files.stop()
        await self._supervisor.stop()
        for cluster in reversed(self._clusters):
            if cluster is not None:
                await cluster.close()
        await self._admin.stop()
        try:
            await asyncio.to_thread(self._state.close, clean=kept)
        except StateFileError as error:
            log.error(str(error))

    async def _stop_mirrors(self) -> bool:
        """Deliver for a while, and let the journal have the rest. Returns whether nothing is lost."""
        drained = await asyncio.gather(
            *(mirror.drain(self._applied.drain_seconds) for mirror in self._mirrors)
        )
        left = sum(mirror.depth for mirror in self._mirrors)
        for mirror in self._mirrors:
            await mirror.stop()
        if self._journal is not None:
            await self._journal.close()
        elif left:
            log.warning("copies are lost at shutdown: there is no journal", extra={"copies": left})
        return all(drained) or self._journal is not None

    def _under_way(self) -> int:
        """Requests and copies that are."""
        return self._listener.load.requests + sum(mirror.depth for mirror in self._mirrors)

    async def _sweep(self) -> None:
        while True:
            due = monotonic() + SWEEP_SECONDS
            await asyncio.sleep(SWEEP_SECONDS)
            now = monotonic()
            self.metrics.loop_lag.observe(max(now - due, 0.0))
            for cluster in self._clusters:
                if cluster is not None:
                    cluster.sweep(now)
            self._listener.sweep(now)
            self.mirrors.note(now)
            self.collector.look(now)
            if (ahead := self._clock.ahead_seconds) > CLOCK_BEHIND_SECONDS:
                log.warning(
                    "the system's clock has stepped back: write times go on from the last one, not to be"
                    " overtaken by what was written before",
                    extra={"seconds": round(ahead, 3)},
                )

    def reload_soon(self) -> None:
        """Read configuration, rules, certificates and token again, in the background (SIGHUP)."""
        self.config.reload_soon()
        if self._config.filters is not None or not self._files.any:
            self.rules.reload_soon()
        self._files.reload_soon()

    # --- what the parts tell each other -------------------------------------------------------

    def _schema_changed(self, side: Side, change: SchemaChange, event: bytes) -> None:
        if side is self._routes.side:
            self._listener.forward(change, event)

    def _backends(self, side: Side) -> Iterable[Backend]:
        cluster = self._clusters[side]
        return () if cluster is None else cluster

    def _nodes_changed(self, side: Side) -> None:
        for mirror in self._mirrors:
            if mirror.side is side:
                mirror.pump()

    def _copies_came_back(self) -> None:
        """Dead letters are copies again, which wait in the journal."""
        for mirror in self._mirrors:
            mirror.pump()

    def _mirror_states(self) -> Iterable[MirrorState]:
        for mirror in self._mirrors:
            requests, most_bytes = mirror.limits
            yield MirrorState(
                mirror.side.label,
                window=mirror.window,
                circuit=mirror.circuit.value,
                journal_depth=mirror.backlog,
                paused=mirror.paused,
                depth=mirror.depth,
                depth_limit=requests,
                depth_bytes=mirror.depth_bytes,
                depth_bytes_limit=most_bytes,
                in_flight=mirror.in_flight,
                lag_seconds=mirror.lag,
            )

    def _journal_state(self) -> JournalState:
        journal = self._journal
        if journal is None:
            return JournalState()
        return JournalState(
            journal.size,
            journal.letters.count,
            journal.unprotected,
            journal.failing is not None,
            journal.max_bytes,
        )

    def _keyspaces_in_use(self) -> int:
        return sum(len(backend.keyspaces) for side in Side for backend in self._backends(side))

    def _clusters_up(self) -> Iterable[ClusterUp]:
        for cluster in self._clusters:
            if cluster is not None:
                yield ClusterUp(cluster.main.name, cluster.main.ready)

    def _node_states(self) -> Iterable[NodeState]:
        for cluster in self._clusters:
            if cluster is not None:
                for node in cluster.main.nodes.values():
                    yield NodeState(
                        cluster.main.name,
                        node.address,
                        bool(node.connections),
                        node.circuit.state.value,
                        node.requests_lost,
                        len(node.connections),
                        sum(connection.pending for connection in node.connections),
                    )

    # --- what the operator sees ---------------------------------------------------------------

    def ready(self) -> tuple[bool, list[str]]:
        """Ready while clients can be served: the cluster that does not answer them has no say in it."""
        reasons = []
        if self._stopping:
            reasons.append("the proxy is stopping")
        elif not self._routes.main.backend.ready:
            reasons.append(f"no node of the {self._routes.side.label} cluster is connected")
        elif not self._listening:
            reasons.append("not listening for clients yet")
        return not reasons, reasons

    def stats(self) -> dict[str, object]:
        return self.metrics.snapshot()

    def status(self) -> dict[str, object]:
        return status(
            self.metrics,
            reasons=self.ready()[1],
            mode=self.modes.shown(),
            clusters={
                cluster.main.name: cluster.main.ready for cluster in self._clusters if cluster is not None
            },
            mirrors=self.mirrors.shown(),
            journal=None if self._journal is None else self._journal_state(),
            rules=self.rules.shown_in_short(),
        )

    def count_admin_refused(self) -> None:
        self.metrics.admin_refused += 1

    async def metrics_text(self, accept: str) -> tuple[bytes, str]:
        return await self._exposition.render(accept)


def _limits(config: Config, max_clients: int | None) -> ClientLimits:
    listen = config.listen
    return ClientLimits(
        max_clients=max_clients or listen.max_clients,
        max_clients_per_address=listen.max_clients_per_address,
        allowed_networks=listen.allowed_networks,
        max_frame_bytes=listen.max_frame_bytes,
        max_requests=listen.max_requests,
        max_requests_per_client=listen.max_requests_per_client,
        handshake_seconds=listen.handshake_seconds,
        frame_seconds=listen.frame_seconds,
        idle_seconds=listen.idle_seconds,
        unread_seconds=listen.unread_seconds,
        max_unread_bytes=listen.max_unread_bytes,
        waiting_seconds=config.request_timeout_ms / 1000,
    )


def _export(tracing: Tracing, port: int) -> Export:
    # Imported here: it needs what is installed with cqlproxy[otel], and is not small.
    from cqlproxy.tracing import Export

    return Export(tracing.endpoint, tracing.service_name, f"{socket.gethostname()}:{port}")


def _cannot_bind(section: str, where: object, error: OSError) -> str:
    host, port = getattr(where, "host", "?"), getattr(where, "port", "?")
    return f"cannot listen on {host}, port {port} ({section}): {error.strerror or error}"
