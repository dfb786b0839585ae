"""Connections that stand in a keyspace, for texts that do not name theirs (after a client's USE).

USE would change the keyspace of everyone who shares a pooled connection, so each keyspace in use has
connections of its own, one per node at most, made by the driver and owned here.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from cqlproxy.cluster.driver import RawConnection
from cqlproxy.cluster.request import NoAnswerError
from cqlproxy.cluster.ring import Node
from cqlproxy.supervision import Supervisor
from frame_codec import ConsistencyLevel, Opcode, Query, QueryParameters, ResultKind

log = logging.getLogger(__name__)

MAX_KEYSPACES = 64
"""Keyspaces that have connections at the same time; an idle one used longest ago gives way."""

_GROW_AGAIN_SECONDS = 1.0


class KeyspaceUnavailableError(Exception):
    """No connection in the keyspace could be had.

    ``answer`` is the ERROR body with which a node refused it, or None when no node was asked: then
    ``too_many`` says whether that is for want of room, since too many other keyspaces are in use.
    """

    def __init__(
        self, keyspace: str, reason: str, answer: bytes | None = None, *, too_many: bool = False
    ) -> None:
        super().__init__(f"no connection in keyspace {keyspace!r}: {reason}")
        self.answer = answer
        self.too_many = too_many


class _Pool:
    __slots__ = ("connections", "growing", "in_turn", "turn")

    def __init__(self) -> None:
        self.connections: dict[Any, RawConnection] = {}
        self.in_turn: list[RawConnection] = []
        """Those of them to nodes that requests are sent to."""
        self.growing = False
        self.turn = 0

    @property
    def pending(self) -> int:
        return sum(connection.pending for connection in self.connections.values())

    def close(self) -> None:
        for connection in self.connections.values():
            connection.close()


class KeyspacePools:
    """The connections by keyspace and node. ``nodes`` is the backend's live table of nodes by endpoint."""

    def __init__(
        self,
        open_connection: Callable[[Node], Awaitable[RawConnection]],
        nodes: dict[Any, Node],
        supervisor: Supervisor,
        timeout: float,
    ) -> None:
        self._open_connection = open_connection
        self._nodes = nodes
        self._supervisor = supervisor
        self._timeout = timeout
        self.most = MAX_KEYSPACES
        """How many keyspaces may have connections at the same time."""
        self._limit = "max_keyspaces"
        self._pools: OrderedDict[str, _Pool] = OrderedDict()
        self._opening: dict[tuple[str, Any], asyncio.Task[RawConnection]] = {}

    def allow(self, most: int, limit: str = "max_keyspaces") -> None:
        """Let so many keyspaces have connections; ``limit`` is what those who want more are told of it."""
        self.most, self._limit = most, limit

    def pick(self, keyspace: str) -> RawConnection | None:
        """A connection in ``keyspace`` (its real name, case as stored); None when none is open."""
        pool = self._pools.get(keyspace)
        if pool is None or not pool.in_turn:
            return None
        self._pools.move_to_end(keyspace)
        connections = pool.in_turn
        if len(pool.connections) < len(self._nodes):
            self._grow_soon(keyspace, pool)
        pool.turn = turn = (pool.turn + 1) % len(connections)
        return connections[turn]

    def beside(self, connection: RawConnection, keyspace: str) -> RawConnection:
        """The connection in ``keyspace`` to the node of ``connection``; itself when there is none.

        A node of several shards is left alone: that a request meets its shard is worth more.
        """
        pool = self._pools.get(keyspace)
        if pool is None or connection.keyspace is not None:
            return connection
        host = self._host_of(connection)
        if host is None or host.sharding_info is not None:
            return connection
        held = pool.connections.get(host.endpoint)
        if held is None:
            self._grow_soon(keyspace, pool)
            return connection
        return held

    def _host_of(self, connection: RawConnection) -> Any:
        if connection.pool is not None:
            return connection.pool.host
        node = self._nodes.get(connection.endpoint)
        return None if node is None else node.host

    async def open(self, keyspace: str, node: Node | None = None) -> RawConnection:
        """A connection in ``keyspace``, on ``node`` where one is given, opened if need be.

        Raises ``KeyspaceUnavailableError``.
        """
        if node is None:
            connection = self.pick(keyspace)
            if connection is not None:
                return connection
            connected = [candidate for candidate in self._nodes.values() if candidate.connections]
            candidates = [candidate for candidate in connected if candidate.in_turn] or connected
        else:
            candidates = [node]
        reason = "no node is connected"
        for candidate in candidates:
            try:
                return await self._open_once(keyspace, candidate)
            except KeyspaceUnavailableError:
                raise
            except Exception as error:  # the driver raises what it likes while it connects
                reason = f"{candidate.address}: {error}"
        raise KeyspaceUnavailableError(keyspace, reason)

    async def _open_once(self, keyspace: str, node: Node) -> RawConnection:
        """Whoever asks while a connection is being opened waits for the same one."""
        pool = self._pools.get(keyspace)
        if pool is not None and (held := pool.connections.get(node.host.endpoint)) is not None:
            return held
        key = (keyspace, node.host.endpoint)
        task = self._opening.get(key)
        if task is None:
            self._make_room_for(keyspace)
            task = self._opening[key] = asyncio.ensure_future(self._open_on(keyspace, node))
            task.add_done_callback(lambda done: self._opening.pop(key, None))
        return await asyncio.shield(task)

    async def _open_on(self, keyspace: str, node: Node) -> RawConnection:
        connection = await self._open_connection(node)
        use = Query('USE "{}"'.format(keyspace.replace('"', '""')), QueryParameters(ConsistencyLevel.ONE))
        try:
            opcode, body = await connection.ask(
                Opcode.QUERY, use.encode(connection.protocol_version), self._timeout
            )
        except NoAnswerError:
            connection.close()
            raise
        if opcode != Opcode.RESULT or int.from_bytes(body[:4], "big") != ResultKind.SET_KEYSPACE:
            connection.close()
            raise KeyspaceUnavailableError(keyspace, f"{node.address} refused it", body)
        pool = self._pools.get(keyspace)
        if pool is None:
            pool = self._pools[keyspace] = _Pool()
        connection.keyspace = keyspace
        pool.connections[node.host.endpoint] = connection
        self._take_turns(pool)
        return connection

    def _grow_soon(self, keyspace: str, pool: _Pool) -> None:
        if not pool.growing:
            pool.growing = True
            self._supervisor.start(self._grow(keyspace, pool), f"connections in keyspace {keyspace}")

    async def _grow(self, keyspace: str, pool: _Pool) -> None:
        try:
            for endpoint, node in list(self._nodes.items()):
                if endpoint not in pool.connections and node.in_turn:
                    await self._open_once(keyspace, node)
        except Exception as error:  # as in ``open``; the connections that are open go on serving
            log.warning(
                "no further connection in a keyspace", extra={"keyspace": keyspace, "error": str(error)}
            )
        finally:
            await asyncio.sleep(_GROW_AGAIN_SECONDS)
            pool.growing = False

    def _make_room_for(self, keyspace: str) -> None:
        """One that is idle, and was used longest ago, gives way. Raises ``KeyspaceUnavailableError``."""
        in_use = self._pools.keys() | {name for name, _ in self._opening}
        if keyspace in in_use or len(in_use) < self.most:
            return
        idle = next((name for name, pool in self._pools.items() if not pool.pending), None)
        if idle is None:
            reason = f"all of {self.most} keyspaces with connections are at work ({self._limit})"
            raise KeyspaceUnavailableError(keyspace, reason, too_many=True)
        self._pools.pop(idle).close()

    def discard(self, connection: RawConnection) -> None:
        """The connection is closed."""
        for pool in self._pools.values():
            for endpoint, held in list(pool.connections.items()):
                if held is connection:
                    del pool.connections[endpoint]
                    self._take_turns(pool)

    def node_lost(self, node: Node) -> None:
        """The node is down: connections to it are closed now, not when a time-out finds them."""
        for pool in self._pools.values():
            connection = pool.connections.get(node.host.endpoint)
            if connection is not None:
                connection.close()

    def connections_to(self, node: Node) -> list[RawConnection]:
        """All that lead to a node, of whatever keyspace."""
        endpoint = node.host.endpoint
        return [pool.connections[endpoint] for pool in self._pools.values() if endpoint in pool.connections]

    def take_turns(self) -> list[RawConnection]:
        """Other nodes than before take requests, or a connection fell silent or spoke again.

        Returns the connections that take no more.
        """
        before = [connection for pool in self._pools.values() for connection in pool.in_turn]
        for pool in self._pools.values():
            self._take_turns(pool)
        in_turn = {connection for pool in self._pools.values() for connection in pool.in_turn}
        return [connection for connection in before if connection not in in_turn]

    def _take_turns(self, pool: _Pool) -> None:
        pool.in_turn = [
            connection
            for endpoint, connection in pool.connections.items()
            if self._nodes[endpoint].in_turn and not connection.silent
        ]

    @property
    def pending(self) -> int:
        return sum(pool.pending for pool in self._pools.values())

    def __len__(self) -> int:
        return len(self._pools)

    def close(self) -> None:
        for pool in self._pools.values():
            pool.close()
