"""Pools of users on scripted nodes: each its own, closed when idle or revoked, as many as there may be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from time import monotonic

import pytest

from cqlproxy.cluster.backend import ConnectError
from cqlproxy.cluster.circuit import DEFAULT, Turn
from cqlproxy.cluster.credentials import Credentials
from cqlproxy.cluster.driver import RawConnection
from cqlproxy.cluster.heartbeat import BUSY_SECONDS, KEEP_ALIVE_SECONDS, LOST_SECONDS
from cqlproxy.cluster.request import AwaitedRequest, NoAnswerError
from cqlproxy.cluster.ring import Ring
from cqlproxy.cluster.user_backend import UserBackend
from cqlproxy.cluster.users import TooManyUsersError, UserLimits, UserPools
from cqlproxy.metrics import Metrics
from cqlproxy.modes import Mode
from frame_codec import Opcode
from tests.unit.cluster.guarded_node import GuardedCluster, Service, guarded

LIMITS = UserLimits()
ANN = Credentials([b"\0ann\0anns"])
BEN = Credentials([b"\0ben\0bens"])
SWEEP_SECONDS = 0.02
TIMEOUTS_TO_OPEN = DEFAULT.timeouts


class Client:
    """Notes that it was told."""

    def __init__(self) -> None:
        self.told = asyncio.Event()

    def revoked(self) -> None:
        self.told.set()


class Bed:
    """Users of a scripted cluster, swept as the proxy does."""

    def __init__(self, cluster: GuardedCluster, service: Service, ports: list[int], pools: UserPools) -> None:
        self.cluster = cluster
        self.service = service
        self.ports = ports
        self.pools = pools

    async def until(self, holds: Callable[[], bool]) -> None:
        """Sweep until it holds; the time-out of the test ends it otherwise."""
        while not holds():
            self.sweep(monotonic())
            await asyncio.sleep(SWEEP_SECONDS)

    def sweep(self, now: float) -> None:
        self.pools.sweep(now)
        for pool in self.pools:
            pool.sweep(now)


@asynccontextmanager
async def bed(
    nodes: int = 1, recheck_seconds: float = 3600.0, limits: UserLimits = LIMITS
) -> AsyncIterator[Bed]:
    async with guarded(nodes) as (cluster, service, ports):
        cluster.passwords = {"ann": "anns", "ben": "bens", "cat": "cats"}
        pools = UserPools(
            service, limits=limits, recheck_seconds=recheck_seconds, metrics=Metrics(Mode.PRIMARY_ONLY)
        )
        try:
            yield Bed(cluster, service, ports, pools)
        finally:
            await pools.close()


async def whoami(pool: UserBackend) -> str:
    connection = pool.pick()
    assert connection is not None
    return (await connection.ask(Opcode.QUERY, b"", 5)).body.decode()


def run(test: Callable[[], Coroutine[object, object, None]]) -> None:
    asyncio.run(test())


def test_each_user_has_a_pool_of_its_own() -> None:
    async def main() -> None:
        async with bed() as on:
            of_ann, of_ben = await asyncio.gather(on.pools.open(ANN, Client()), on.pools.open(BEN, Client()))
            assert [await whoami(of_ann), await whoami(of_ben)] == ["ann", "ben"]
            assert await on.pools.open(ANN, Client()) is of_ann
            in_keyspace = await of_ann.keyspaces.open("ks")
            assert (await in_keyspace.ask(Opcode.QUERY, b"", 5)).body == b"ann"
            assert of_ann.pick() is not in_keyspace

    run(main)


def test_clients_of_one_user_who_come_together_wait_for_one_connection() -> None:
    async def main() -> None:
        async with bed() as on:
            pools = await asyncio.gather(*(on.pools.open(ANN, Client()) for _ in range(20)))
            assert len(set(pools)) == 1
            assert (on.cluster.logins, len(on.cluster.connections)) == (1, 1)

    run(main)


def test_whom_the_cluster_does_not_let_in_has_no_pool() -> None:
    async def main() -> None:
        async with bed() as on:
            with pytest.raises(ConnectError, match="wrong") as raised:
                await on.pools.open(Credentials([b"\0ann\0hush"]), Client())
            assert "hush" not in str(raised.value)
            assert len(on.pools) == 0

    run(main)


def test_a_user_is_connected_to_every_node_and_follows_those_that_come_and_go() -> None:
    async def main() -> None:
        async with bed(nodes=2) as on:
            pool = await on.pools.open(ANN, Client())
            await on.until(lambda: pool.width == 2)
            on.service.node_down(on.ports[0])
            await on.until(lambda: pool.width == 1)
            assert await whoami(pool) == "ann"
            on.service.node_up(on.ports[0])
            await on.until(lambda: pool.width == 2)
            on.cluster.connections[0].transport.abort()
            await on.until(lambda: pool.width == 1)
            await on.until(lambda: pool.width == 2)

    run(main)


def test_a_user_reaches_the_replicas_that_the_proxys_account_knows() -> None:
    async def main() -> None:
        async with bed(nodes=2) as on:
            pool = await on.pools.open(ANN, Client())
            await on.until(lambda: pool.width == 2)
            nodes = {node.host.endpoint.port: node for node in on.service.nodes.values()}
            for port in on.ports:
                on.service._rings["ks"] = Ring([2**63 - 1], [(nodes[port],)])
                for key in (b"1", b"2", b"3"):
                    connection = pool.pick_replica("ks", key)
                    assert connection is not None
                    assert connection.endpoint.port == port
            on.service.node_down(on.ports[1])
            await on.until(lambda: pool.width == 1)
            # Its replica is away: any other node coordinates.
            connection = pool.pick_replica("ks", b"1")
            assert connection is not None
            assert connection.endpoint.port == on.ports[0]

    run(main)


def test_a_node_that_is_passed_over_is_so_for_users_too_and_what_they_see_counts() -> None:
    async def main() -> None:
        async with bed(nodes=2) as on:
            pool = await on.pools.open(ANN, Client())
            await on.until(lambda: pool.width == 2)
            nodes = {node.host.endpoint.port: node for node in on.service.nodes.values()}
            stuck, other = (nodes[port] for port in on.ports)
            connection = pool.nodes[stuck.host.endpoint].connections[0]
            for _ in range(TIMEOUTS_TO_OPEN):
                connection.send(AwaitedRequest(), 0, Opcode.QUERY, b"", deadline=0.0)
            pool.sweep(monotonic())
            assert stuck.circuit.look(monotonic()) is Turn.OPENED
            pool.sweep(monotonic())
            assert {picked.endpoint.port for picked in all_of(pool)} == {other.host.endpoint.port}
            before = await pool.keyspaces.open("ks", pool.nodes[stuck.host.endpoint])
            assert before.endpoint == stuck.host.endpoint
            assert pool.keyspaces.pick("ks") is None
            in_keyspace = await pool.keyspaces.open("ks")
            assert in_keyspace.endpoint == other.host.endpoint
            assert pool.keyspaces.pick("ks") is in_keyspace
            stuck.circuit.close()
            pool.sweep(monotonic())
            assert len(all_of(pool)) == 2

    run(main)


def test_the_connections_of_users_are_watched_whether_they_are_used_or_not() -> None:
    async def main() -> None:
        async with bed() as on:
            idle, busy = await on.pools.open(ANN, Client()), await on.pools.open(BEN, Client())
            in_keyspace = await busy.keyspaces.open("ks")
            on.cluster.silent = True
            begun = monotonic()
            request = AwaitedRequest()
            used = busy.pick()
            assert used is not None
            used.send(request, 0, Opcode.QUERY, b"", deadline=begun + 3600)
            closed: dict[str, float] = {}
            for step in range(int(10 * (KEEP_ALIVE_SECONDS + LOST_SECONDS + 1))):
                now = begun + step / 10
                idle.sweep(now)
                busy.sweep(now)
                for name, pool in (("idle", idle), ("busy", busy)):
                    if not pool.ready:
                        closed.setdefault(name, now - begun)
                # Nothing is to be read: the nodes are silent. The loop has what was aborted to clear away.
                for _ in range(4):
                    await asyncio.sleep(0)
            with pytest.raises(NoAnswerError, match="connection lost"):
                await request.answer()
            assert closed["busy"] < BUSY_SECONDS + LOST_SECONDS + 1
            assert KEEP_ALIVE_SECONDS < closed["idle"] < KEEP_ALIVE_SECONDS + LOST_SECONDS + 1
            assert not in_keyspace.alive

    run(main)


def all_of(pool: UserBackend) -> set[RawConnection]:
    """What may be picked."""
    return {connection for _ in range(4) if (connection := pool.pick()) is not None}


def test_a_changed_password_is_noticed_and_its_clients_are_told() -> None:
    async def main() -> None:
        async with bed(recheck_seconds=0.3) as on:
            of_ann, of_ben = Client(), Client()
            await on.pools.open(ANN, of_ann)
            await on.pools.open(BEN, of_ben)
            on.cluster.passwords["ann"] = "new"
            changed = monotonic()
            await on.until(of_ann.told.is_set)
            assert monotonic() - changed < 1
            assert (ANN in on.pools, BEN in on.pools) == (False, True)
            await on.until(lambda: [c.user for c in on.cluster.connections if c.user] == ["ben"])
            assert not of_ben.told.is_set()

    run(main)


def test_a_cluster_that_cannot_tell_revokes_nobody() -> None:
    async def main() -> None:
        async with bed(recheck_seconds=0.1) as on:
            client = Client()
            pool = await on.pools.open(ANN, client)
            on.cluster.unable = "Unable to perform authentication: Cannot achieve consistency level ONE"
            logins = on.cluster.logins
            await on.until(lambda: on.cluster.logins > logins + 2)
            on.service.node_down(on.ports[0])
            await on.until(lambda: not pool.ready)
            on.cluster.unable = None
            on.service.node_up(on.ports[0])
            await on.until(lambda: pool.ready)
            assert await whoami(pool) == "ann"
            assert not client.told.is_set()

    run(main)


def test_a_pool_without_clients_is_closed_after_a_while() -> None:
    async def main() -> None:
        async with bed() as on:
            client = Client()
            pool = await on.pools.open(ANN, client)
            on.sweep(monotonic() + LIMITS.user_idle_seconds + 1)
            assert ANN in on.pools
            on.pools.give_back(pool, client)
            on.sweep(monotonic() + LIMITS.user_idle_seconds - 1)
            assert ANN in on.pools
            on.sweep(monotonic() + LIMITS.user_idle_seconds + 1)
            assert ANN not in on.pools
            await on.until(lambda: not on.cluster.connections)

    run(main)


def test_as_many_users_as_there_may_be() -> None:
    async def main() -> None:
        async with bed(limits=UserLimits(max_users=2)) as on:
            client = Client()
            of_ann = await on.pools.open(ANN, client)
            await on.pools.open(BEN, Client())
            cat = Credentials([b"\0cat\0cats"])
            with pytest.raises(TooManyUsersError, match=r"Too many users are connected \(max_users: 2\)"):
                await on.pools.open(cat, Client())
            on.pools.give_back(of_ann, client)
            assert await whoami(await on.pools.open(cat, Client())) == "cat"
            assert (ANN in on.pools, BEN in on.pools) == (False, True)

    run(main)
