"""One cluster, through scylla-driver: who is there, which connection a request takes, what has expired.

The driver's ``Cluster`` and one session of it give discovery, the token map, events, TLS and
reconnection. Connections announce themselves here when their handshake is done and when they are
lost, so that choosing one is a look-up in tables that are always current.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

from cassandra import DriverException
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.connection import ConnectionShutdown
from cassandra.metadata import Murmur3Token
from cassandra.policies import (
    DCAwareRoundRobinPolicy,
    ExponentialReconnectionPolicy,
    RoundRobinPolicy,
)

from cqlproxy.cluster.circuit import DEFAULT, CircuitSettings, CircuitState, NodeCircuit
from cqlproxy.cluster.driver import RawConnection, connection_class
from cqlproxy.cluster.keyspaces import KeyspacePools
from cqlproxy.cluster.node_tls import NodeTls
from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.cluster.request import Answer, NoAnswerError, Request
from cqlproxy.cluster.ring import Node, Ring
from cqlproxy.cluster.schema_changes import Changed, SchemaChanges, read_again
from cqlproxy.cluster.service_account import ServiceAccount
from cqlproxy.cluster.tables import TableShape, default_ttl, table_shape
from cqlproxy.cluster.watch import Watch, put_to_the_test
from cqlproxy.supervision import Supervisor
from frame_codec import Opcode, ProtocolError, SchemaChange, SchemaChangeEvent, decode_event, routing_values

log = logging.getLogger(__name__)

DRIVER_HEARTBEAT_SECONDS = 3.0
"""The driver asks its control connection when it was silent for this long, and gives it up when it does not
answer in as long. The connections of requests are watched by heartbeat.py.
"""

RECONNECT_SECONDS = (0.1, 2.0)
"""The first and the longest pause between two attempts to reach a node that is down."""

UNKNOWN_KEYSPACE_SECONDS = 0.5
"""How long until the replicas of a keyspace that the driver does not know yet are asked for again."""

AGREEMENT_SECONDS = 10.0
"""How long nodes are given to agree on a changed schema: what drivers wait for it by default."""


_NOT_THE_DATACENTER = ("refused", "timed out", "TLS", ".tls")
"""Words of reasons that have nothing to do with the configured datacenter."""


class ConnectError(Exception):
    """A cluster could not be reached; the message says what was tried and what came of it."""


class Backend:
    """A cluster as a place to send frames to.

    All methods but the constructor's arguments are for the event loop's thread.

    ``name`` is the cluster's role (``primary`` or ``shadow``), for messages and metrics.
    ``account`` is the proxy's there, None where none is needed. ``request_timeout`` is in seconds.
    ``circuit``: when a node on which requests time out is passed over.
    ``on_schema_change`` gets what a node tells of changes of the schema, once for each, and the body of that
    EVENT; ``on_change`` is called when connections came or went.
    """

    def __init__(
        self,
        *,
        name: str,
        contact_points: list[str],
        port: int,
        local_datacenter: str | None,
        request_timeout: float,
        protocol_version: int = 4,
        tls: NodeTls | None = None,
        account: ServiceAccount | None = None,
        circuit: CircuitSettings = DEFAULT,
        on_schema_change: Callable[[SchemaChange, bytes], None] = lambda change, body: None,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.protocol_version = protocol_version
        self.request_timeout = request_timeout
        self.supported: dict[str, list[str]] = {}
        self.authenticator: str | None = None
        """The class that nodes name in AUTHENTICATE; None where they let everybody in, or are not known."""
        self.nodes: dict[Any, Node] = {}
        self._contact_points = contact_points
        self._port = port
        self._local_datacenter = local_datacenter
        self._tls = tls
        self._account = account
        self._circuit = circuit
        self._on_schema_change = on_schema_change
        self._on_change = on_change
        self._loop = asyncio.get_running_loop()
        self._executor = ThreadPoolExecutor(max_workers=4, thread_name_prefix=f"{name}-driver")
        self._supervisor = Supervisor()
        self._cluster: Any = None
        # Never used, but held: the driver closes the pools of a session that nobody holds.
        self._session: Any = None
        self._closing = False
        self._live: list[RawConnection] = []
        self._in_turn: list[RawConnection] = []
        """Those of them that requests are sent on: of nodes that are not passed over, or else all."""
        self.only: RawConnection | None = None
        """The connection in turn, where there is one only."""
        self._turn = 0
        self._token_map: Any = None
        self._rings: dict[str, Ring | None] = {}
        self._preparing: dict[tuple[bytes, str | None, str | None], asyncio.Task[Answer]] = {}
        self.keyspaces = KeyspacePools(self._open_connection, self.nodes, self._supervisor, request_timeout)
        self._schema_changes = SchemaChanges(name, self._read_again, self._forget_ring, self._supervisor)
        self._watch = Watch(name, self.nodes, self.keyspaces, self._ask_soon)

    # --- life ---------------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether there is a connection to send a request on."""
        return bool(self._live)

    async def connect(self) -> None:
        """Make one attempt to reach the cluster. Raises ``ConnectError``."""
        policy: Any = (
            DCAwareRoundRobinPolicy(self._local_datacenter) if self._local_datacenter else RoundRobinPolicy()
        )
        first, longest = RECONNECT_SECONDS

        def attempt() -> Any:
            cluster = Cluster(
                self._contact_points,
                port=self._port,
                protocol_version=self.protocol_version,
                compression=False,
                # Not used for handshakes, but told by it that there are any, for the port of each shard.
                ssl_context=None if self._tls is None else self._tls.context,
                auth_provider=self._account,
                connection_class=connection_class(self._loop, self, self._tls),
                reconnection_policy=ExponentialReconnectionPolicy(first, longest, max_attempts=None),
                execution_profiles={EXEC_PROFILE_DEFAULT: ExecutionProfile(load_balancing_policy=policy)},
                idle_heartbeat_interval=DRIVER_HEARTBEAT_SECONDS,
                idle_heartbeat_timeout=DRIVER_HEARTBEAT_SECONDS,
                reprepare_on_up=False,
                # None: what has changed is read by schema_changes.py.
                schema_event_refresh_window=-1,
                driver_config_reporting_enabled=False,
            )
            try:
                return cluster, cluster.connect(wait_for_all_pools=True)
            except Exception:
                cluster.shutdown()
                raise

        try:
            self._cluster, self._session = await self._loop.run_in_executor(self._executor, attempt)
        except Exception as error:
            told = await self._loop.run_in_executor(self._executor, self._explain, error)
            raise ConnectError(told) from error

    def _explain(self, error: Exception) -> str:
        where = ", ".join(self._contact_points)
        reasons = [str(error)]
        if isinstance(error, NoHostAvailable) and isinstance(error.errors, dict) and error.errors:
            reasons = [
                f"{endpoint}: {self._tls_failure(str(endpoint), reason) or reason}"
                for endpoint, reason in error.errors.items()
            ]
        hint = ""
        if self._account is None and any("requires authentication" in reason for reason in reasons):
            hint = (
                f" (set {self.name}.username and {self.name}.password_file: the proxy needs an account there)"
            )
        elif self._local_datacenter and not any(word in r for word in _NOT_THE_DATACENTER for r in reasons):
            hint = f" (is local_datacenter {self._local_datacenter!r} right?)"
        told = "; ".join(reasons)
        return f"the {self.name} cluster cannot be reached at {where}, port {self._port}: {told}{hint}"

    def _tls_failure(self, endpoint: str, error: Exception) -> str | None:
        """What TLS has to do with a connection that failed; None for nothing. Blocks."""
        if self._tls is None:
            closed = isinstance(error, ConnectionResetError | ConnectionShutdown)
            return f"{error}; does the node require TLS? Then set {self.name}.tls" if closed else None
        address, _, port = endpoint.rpartition(":")
        return self._tls.explain(error, address, int(port))

    async def close(self) -> None:
        """Close all connections. Requests under way are told that theirs was lost."""
        self._closing = True
        await self._supervisor.stop()
        self.keyspaces.close()
        if self._cluster is not None:
            await self._loop.run_in_executor(self._executor, self._cluster.shutdown)
        self._executor.shutdown(wait=False)

    # --- choosing and sending -----------------------------------------------------------------

    def pick(self) -> RawConnection | None:
        """The next connection in turn; None when there is none."""
        in_turn = self._in_turn
        count = len(in_turn)
        if count == 1:
            return in_turn[0]
        if not count:
            return None
        self._turn = turn = (self._turn + 1) % count
        return in_turn[turn]

    @property
    def width(self) -> int:
        """How many connections there are to choose from."""
        return len(self._in_turn)

    def nodes_to_ask(self) -> list[Node]:
        """The nodes that requests are sent to."""
        connected = [node for node in self.nodes.values() if node.connections]
        return [node for node in connected if node.in_turn] or connected

    def pick_for(self, prepared: PreparedStatement, body: bytes, parameters_at: int) -> RawConnection | None:
        """A connection for an EXECUTE: to a replica where the partition is known, else as ``pick``.

        ``parameters_at`` is the offset of the query parameters in ``body``.
        """
        # Hot path: with one connection there is nothing to choose.
        connection = self.only
        if connection is not None and prepared.stands_in is None:
            return connection
        if connection is None and prepared.routing_indexes and prepared.routing_keyspace is not None:
            routing_key = routing_values(body, parameters_at, prepared.routing_indexes)
            if routing_key is not None:
                connection = self.pick_replica(prepared.routing_keyspace, routing_key)
        if connection is None:
            connection = self.pick()
        if prepared.stands_in is None or connection is None:
            return connection
        # Servers complain of such a statement on a connection that stands elsewhere, though they execute it.
        return self.keyspaces.beside(connection, prepared.stands_in)

    def pick_replica(self, keyspace: str, routing_key: bytes) -> RawConnection | None:
        """A connection to a replica of the partition, else as ``pick``.

        ``routing_key`` is the serialized partition key, as the partitioner hashes it.
        """
        ring = self._rings.get(keyspace) or self.ring_of(keyspace)
        if ring is None:
            return self.pick()
        return ring.connection_for(routing_key) or self.pick()

    def ring_of(self, keyspace: str) -> Ring | None:
        """The replicas of a keyspace; None while they are not known, which begins to change that."""
        if keyspace not in self._rings:
            self._rings[keyspace] = None
            self._supervisor.start(self._build_ring(keyspace), f"ring of {keyspace}")
        return self._rings[keyspace]

    def send(self, request: Request, connection: RawConnection, flags: int, opcode: int, body: bytes) -> bool:
        """Send on ``connection`` with the cluster's request timeout; False when it cannot take it."""
        return connection.send(request, flags, opcode, body, monotonic() + self.request_timeout)

    def sweep(self, now: float) -> None:
        """Give up requests past their deadline, look after the nodes, and notice a changed token map.

        ``now`` is ``time.monotonic()``.
        """
        if self._watch.sweep(now):
            self._take_turns()
        if self._cluster is not None and self._cluster.metadata.token_map is not self._token_map:
            self._token_map = self._cluster.metadata.token_map
            self._rings.clear()

    def _ask_soon(self, node: Node) -> None:
        self._supervisor.start(put_to_the_test(node.connections[0]), f"a question to {node.address}")

    def _take_turns(self) -> None:
        """Choose anew which connections requests are sent on: some came, went, fell silent or spoke again."""
        in_turn = [
            connection
            for node in self.nodes.values()
            if not node.circuit.passes_over
            for connection in node.connections
            if not connection.silent
        ] or list(self._live)
        left = [connection for connection in self._in_turn if connection not in in_turn]
        self._in_turn = in_turn
        self.only = in_turn[0] if len(in_turn) == 1 else None
        for node in self.nodes.values():
            node.passed_over = node.circuit.passes_over
            node.use([connection for connection in node.connections if connection in in_turn])
        left += self.keyspaces.take_turns()
        for connection in left:
            connection.let_go()
            passed_over = self.node_of(connection)
            # But for those that try it: they are there to be answered.
            if passed_over is not None and passed_over.circuit.state is not CircuitState.HALF_OPEN:
                connection.hand_over()

    @property
    def in_flight(self) -> int:
        """Requests that wait for an answer of this cluster."""
        return sum(connection.pending for connection in self._live) + self.keyspaces.pending

    async def _build_ring(self, keyspace: str) -> None:
        metadata = self._cluster.metadata
        token_map = metadata.token_map
        if token_map is None or not issubclass(token_map.token_class, Murmur3Token):
            return
        if keyspace not in metadata.keyspaces:
            # Just created: the driver has yet to read it.
            self._loop.call_later(UNKNOWN_KEYSPACE_SECONDS, self._rings.pop, keyspace, None)
            return
        ring = await self._loop.run_in_executor(
            self._executor, Ring.of, token_map, keyspace, dict(self.nodes)
        )
        if metadata.token_map is token_map and keyspace in self._rings:
            self._rings[keyspace] = ring

    @property
    def schema(self) -> Any:
        """The driver's ``Metadata`` of a cluster that was connected."""
        return self._cluster.metadata

    async def rows(self, text: str, host: object = None) -> list[Any]:
        """What the proxy's account reads by a query, on the driver's ``host`` where one is given.

        Raises what the driver raises. Not for clients' requests: the driver decodes the rows.
        """
        return await self._loop.run_in_executor(
            self._executor, lambda: list(self._session.execute(text, host=host))
        )

    @property
    def may_disagree(self) -> bool:
        """Whether a schema change may be known to one node and not yet to another."""
        return len(self.nodes) > 1

    async def schema_agreement(self) -> None:
        """Wait until the connected nodes have the same schema, `AGREEMENT_SECONDS` at most.

        A driver does so after a schema change; one that sees a single node has nobody to compare it with.
        """
        if self.may_disagree:
            await self._loop.run_in_executor(
                self._executor, self._session.wait_for_schema_agreement, AGREEMENT_SECONDS
            )

    def table(self, keyspace: str, table: str) -> TableShape | None:
        """A table or view by its names as stored; None when the driver does not know it, or not yet."""
        return None if self._cluster is None else table_shape(self._cluster.metadata, keyspace, table)

    def default_ttl(self, keyspace: str, table: str) -> int:
        """The time to live in seconds that a table gives writes; 0 for none, or when it is not known."""
        return 0 if self._cluster is None else default_ttl(self._cluster.metadata, keyspace, table)

    async def _read_again(self, changed: Changed) -> None:
        if self._cluster is None:
            # A node tells of changes as soon as the driver has asked it to.
            raise DriverException("the connections to the cluster are still being opened")
        await self._loop.run_in_executor(self._executor, read_again, self._cluster, changed)

    def _forget_ring(self, keyspace: str) -> None:
        self._rings.pop(keyspace, None)

    async def prepare(self, text: bytes, keyspace: str | None, near: RawConnection | None = None) -> Answer:
        """PREPARE ``text`` as in ``keyspace``, on the node of ``near`` where that is given.

        Whoever asks for the same while it is under way gets the same answer.
        Raises ``NoAnswerError`` or ``KeyspaceUnavailableError``.
        """
        node = self.node_of(near) if near is not None else None
        key = (text, keyspace, None if node is None else node.address)
        task = self._preparing.get(key)
        if task is None:
            task = self._preparing[key] = asyncio.ensure_future(self._prepare(text, keyspace, node))
            task.add_done_callback(lambda done: self._preparing.pop(key, None))
        return await asyncio.shield(task)

    async def _prepare(self, text: bytes, keyspace: str | None, node: Node | None) -> Answer:
        connection: RawConnection | None
        if keyspace is not None:
            connection = await self.keyspaces.open(keyspace, node)
        elif node is not None and node.connections:
            connection = node.connections[0]
        else:
            connection = self.pick()
        if connection is None:
            raise NoAnswerError(f"no node of the {self.name} cluster is connected")
        return await connection.ask(Opcode.PREPARE, len(text).to_bytes(4, "big") + text, self.request_timeout)

    def node_of(self, connection: RawConnection) -> Node | None:
        """The node that a connection leads to."""
        pool = connection.pool
        return self.nodes.get(connection.endpoint if pool is None else pool.host.endpoint)

    async def _open_connection(self, node: Node) -> RawConnection:
        """A further connection to ``node``, with the driver's settings, owned by the caller."""
        connection: RawConnection = await self._loop.run_in_executor(
            self._executor, self._cluster.connection_factory, node.host.endpoint
        )
        return connection

    def tls_of(self, endpoint: Any) -> tuple[ssl.SSLContext | None, str]:
        """How a connection to ``endpoint`` is secured: the context, and whose certificate it must be."""
        tls = self._tls
        return (None, endpoint.address) if tls is None else (tls.context, tls.name_of(endpoint.address))

    # --- what the driver's connections tell (``driver.Owner``) --------------------------------

    def connection_ready(self, connection: RawConnection) -> None:
        if connection.pool is None:
            return
        host = connection.pool.host
        node = self.nodes.get(host.endpoint)
        if node is None:
            node = self.nodes[host.endpoint] = Node(host, NodeCircuit(self._circuit))
            self._rings.clear()
        if not node.connections:
            node.circuit.close()
        node.host = host
        node.add(connection)
        self._live.append(connection)
        self._take_turns()
        log.info("connected to a node", extra={"cluster": self.name, "node": node.address})
        self._on_change()

    def connection_closed(self, connection: RawConnection) -> None:
        node = self.node_of(connection)
        if node is not None:
            node.requests_lost += connection.pending
        if connection.pool is None:
            self.keyspaces.discard(connection)
            return
        if connection in self._live:
            self._live.remove(connection)
        if node is not None:
            node.discard(connection)
        self._take_turns()
        if node is not None:
            if not self._closing:
                log.warning(
                    "lost a connection to a node",
                    extra={"cluster": self.name, "node": node.address, "requests": connection.pending},
                )
            if not node.connections:
                self.keyspaces.node_lost(node)
        self._on_change()

    def authenticator_told(self, authenticator: str | None) -> None:
        self.authenticator = authenticator

    def supported_received(self, options: dict[str, list[str]]) -> None:
        self.supported = options

    def event_received(self, body: bytes) -> None:
        try:
            event = decode_event(body, self.protocol_version)
        except ProtocolError as error:
            log.warning("an event of the cluster could not be read", extra={"error": error.message})
            return
        if isinstance(event, SchemaChangeEvent):
            self._schema_changes.note(event.change)
            self._on_schema_change(event.change, body)
