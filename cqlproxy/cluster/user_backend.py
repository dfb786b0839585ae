"""A cluster under a client's own account, so that the servers decide what each request may do.

It shares with the proxy's own account on that cluster all that is the same for everybody: which nodes there
are and which of them are up, tokens and replicas, schema, TLS. Its own are the connections, one to each node.
They are single connections of the driver and no ``Cluster`` of it: that would read the schema again for
every user, keep threads and a control connection, and heed the same events once more. One per node, not per
shard as the proxy's account has them: with thousands of stream ids it carries any one user's requests, and
users times nodes times shards would be too many.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any, Protocol

from cassandra import AuthenticationFailed

from cqlproxy.cluster.backend import Backend, ConnectError
from cqlproxy.cluster.credentials import Credentials
from cqlproxy.cluster.driver import RawConnection, connection_class, open_as
from cqlproxy.cluster.ring import Node
from cqlproxy.cluster.watch import Watch

log = logging.getLogger(__name__)

REJOIN_SECONDS = 1.0
"""Between attempts to connect a user to a node that does not let it in."""

ANNOUNCED_SECONDS = 1.0


class Holder(Protocol):
    """A client that is served with these credentials."""

    def revoked(self) -> None:
        """The cluster does not accept them any more."""


class UserBackend(Backend):
    """``service`` is the same cluster under the proxy's account; it must have been connected.

    ``executor`` runs what blocks; ``on_refused`` is called when a node refuses the credentials for a further
    connection. ``max_keyspaces``: in how many it may have connections at the same time, if the proxy's own
    account may have as many.
    """

    def __init__(
        self,
        service: Backend,
        credentials: Credentials,
        executor: ThreadPoolExecutor,
        on_refused: Callable[[], None],
        *,
        max_keyspaces: int,
    ) -> None:
        super().__init__(
            name=service.name,
            contact_points=service._contact_points,
            port=service._port,
            local_datacenter=service._local_datacenter,
            request_timeout=service.request_timeout,
            protocol_version=service.protocol_version,
            tls=service._tls,
        )
        self.credentials = credentials
        self.holders: set[Holder] = set()
        """Clients that use it; without any it is closed after a while."""
        self.idle_since = monotonic()
        self.recheck_at = math.inf
        """``time.monotonic()`` at which the cluster is asked again whether it accepts the credentials."""
        self._service = service
        self._cluster = service._cluster
        self._executor = executor
        self._on_refused = on_refused
        self._class = connection_class(self._loop, self, service._tls)
        self._join_at: dict[Any, float] = {}
        self._announced: dict[RawConnection, asyncio.Future[None]] = {}
        # Whether a node is passed over is decided once for all users.
        self._watch = Watch(self.name, self.nodes, self.keyspaces, None)
        if max_keyspaces < service.keyspaces.most:
            self.keyspaces.allow(max_keyspaces, "max_keyspaces_per_user")
        else:
            self.keyspaces.allow(service.keyspaces.most)

    # --- life ---------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Open the connection to a first node; the others follow. Raises ``ConnectError``."""
        reasons = []
        for node in self._service.nodes_to_ask():
            endpoint = node.host.endpoint
            self._join_at[endpoint] = math.inf
            try:
                await self._join(node)
                return
            except Exception as error:  # the driver raises what it likes while it connects
                reasons.append(f"{endpoint}: {error}")
            finally:
                self._join_at[endpoint] = monotonic() + REJOIN_SECONDS
        told = "; ".join(reasons) or "no node is connected"
        raise ConnectError(
            f"the {self.name} cluster cannot be reached for {self.credentials.username}: {told}"
        )

    async def close(self) -> None:
        self._closing = True
        await self._supervisor.stop()
        self.keyspaces.close()
        for connection in list(self._live):
            connection.close()

    def sweep(self, now: float) -> None:
        super().sweep(now)
        for endpoint, node in self._service.nodes.items():
            own = self.nodes.get(endpoint)
            if own is not None and own.connections:
                if not node.connections:
                    # The driver has found out that the node is down: nobody else looks after these.
                    self.keyspaces.node_lost(own)
                    for connection in own.connections:
                        connection.close()
            elif node.connections and now >= self._join_at.get(endpoint, 0.0) and not self._closing:
                self._join_at[endpoint] = math.inf
                self._supervisor.start(self._join_later(endpoint, node), f"a user's connection to {endpoint}")

    async def _join_later(self, endpoint: Any, node: Node) -> None:
        try:
            await self._join(node)
        except Exception as error:  # as in ``connect``; what is open goes on serving
            log.warning(
                "a node cannot be reached for a user",
                extra={"cluster": self.name, "user": self.credentials.username, "error": str(error)},
            )
            if isinstance(error, AuthenticationFailed):
                self._on_refused()
        finally:
            self._join_at[endpoint] = monotonic() + REJOIN_SECONDS

    async def _join(self, node: Node) -> None:
        connection = await self._open_connection(node)
        if self._closing:
            connection.close()
            return
        endpoint = node.host.endpoint
        own = self.nodes.get(endpoint)
        if own is None:
            own = self.nodes[endpoint] = Node(node.host, node.circuit)
        own.host = node.host
        own.add(connection)
        self._live.append(connection)
        self._take_turns()

    async def _open_connection(self, node: Node) -> RawConnection:
        open_ = self._loop.run_in_executor(
            self._executor,
            open_as,
            self._cluster,
            self._class,
            node.host.endpoint,
            self.credentials.authenticator(),
        )
        connection: RawConnection = await open_
        if not connection.alive:
            # It is announced from another thread than the one that returns it, and may be so a little later.
            announced = self._announced[connection] = self._loop.create_future()
            try:
                async with asyncio.timeout(ANNOUNCED_SECONDS):
                    await announced
            except TimeoutError:
                connection.close()
                raise
            finally:
                del self._announced[connection]
        return connection

    # --- what the connections tell ------------------------------------------------------------

    def connection_ready(self, connection: RawConnection) -> None:
        announced = self._announced.get(connection)
        if announced is not None and not announced.done():
            announced.set_result(None)

    def connection_closed(self, connection: RawConnection) -> None:
        if connection not in self._live:
            self.keyspaces.discard(connection)
            return
        self._live.remove(connection)
        node = self.node_of(connection)
        if node is not None:
            node.discard(connection)
        self._take_turns()

    # --- what is everybody's ------------------------------------------------------------------

    def pick_replica(self, keyspace: str, routing_key: bytes) -> RawConnection | None:
        ring = self._service.ring_of(keyspace)
        if ring is not None:
            token, replicas = ring.replicas_of(routing_key)
            for replica in replicas:
                own = self.nodes.get(replica.host.endpoint)
                connection = None if own is None else own.connection_for(token)
                if connection is not None:
                    return connection
        return self.pick()

    @property
    def may_disagree(self) -> bool:
        return self._service.may_disagree

    async def schema_agreement(self) -> None:
        await self._service.schema_agreement()
