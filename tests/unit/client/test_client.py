"""The client library against a running admin server: typed answers, the tree of errors, latencies."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import cast
from uuid import UUID

import pytest

from cqlproxy.client import (
    MigrationProxyClient,
    RefusedError,
    ServerFailureError,
    UnauthorisedError,
    UnreachableError,
    tls_context,
)
from cqlproxy.client.figures import WriteResult
from cqlproxy.json_writes.request import WriteError
from cqlproxy.modes import Mode
from tests.nodes.certificates import Authority
from tests.unit.admin.asking import Proxy
from tests.unit.admin.letters import letter, letters_kept
from tests.unit.cli.running import Running
from tests.unit.cli.test_reaching import TOKEN, Served
from tests.unit.client.proxies import RunningProxy, running_proxies

ROOT = Path(__file__).parents[3]
Call = Callable[[MigrationProxyClient], Awaitable[object]]

CALLS: dict[str, Call] = {
    "insert": lambda proxy: proxy.insert("ks", "t", {"id": 1}),
    "update": lambda proxy: proxy.update("ks", "t", {"v": 1}, {"id": 1}),
    "delete": lambda proxy: proxy.delete("ks", "t", {"id": 1}),
    "write": lambda proxy: proxy.write("ks", "t", "INSERT INTO t (id) VALUES (?)", [1]),
    "health": lambda proxy: proxy.health(),
    "status": lambda proxy: proxy.status(),
    "stats": lambda proxy: proxy.stats(),
    "metrics": lambda proxy: proxy.metrics(),
    "mode": lambda proxy: proxy.mode(),
    "set_mode": lambda proxy: proxy.set_mode("DualAsync"),
    "filters": lambda proxy: proxy.filters(),
    "reload_filters": lambda proxy: proxy.reload_filters(),
    "test_filters": lambda proxy: proxy.test_filters("SELECT * FROM t"),
    "mirrors": lambda proxy: proxy.mirrors(),
    "pause": lambda proxy: proxy.pause(),
    "resume": lambda proxy: proxy.resume(),
    "drain": lambda proxy: proxy.drain(),
    "config": lambda proxy: proxy.config(),
    "change_config": lambda proxy: proxy.change_config({"log.level": "debug"}),
    "dead_letters": lambda proxy: anext(proxy.dead_letters()),
    "replay": lambda proxy: proxy.replay({"all": True}),
    "purge": lambda proxy: proxy.purge({"all": True}),
}


@pytest.fixture(scope="module")
def _server() -> Iterator[RunningProxy]:
    with running_proxies(Mode.PRIMARY_ONLY) as (proxy,):
        yield proxy


@pytest.fixture
def running(_server: RunningProxy) -> RunningProxy:
    _server.begin_again(Mode.PRIMARY_ONLY)
    return _server


def asked(
    url: str,
    *calls: Call,
    token: str | None = None,
    tls: ssl.SSLContext | None = None,
    timeout: float = 10.0,
) -> list[object]:
    """What each call gives, one after the other, with one client."""

    async def ask() -> list[object]:
        async with MigrationProxyClient(url, token=token, tls=tls, timeout=timeout) as proxy:
            return [await call(proxy) for call in calls]

    return asyncio.run(ask())


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_proxy_that_cannot_be_reached_is_named(call: Call) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(UnreachableError) as error:
        asked(url, call)
    assert str(error.value) == f"no proxy can be reached at {url}: Connection refused"
    assert error.value.url == url


@pytest.mark.parametrize("call", [call for name, call in CALLS.items() if name != "health"])
def test_the_wrong_token_is_unauthorised(call: Call, guarded: Served) -> None:
    url = f"http://127.0.0.1:{guarded.port}"
    with pytest.raises(UnauthorisedError, match="this needs the admin token") as error:
        asked(url, call, token="some-other-token-of-ours")
    assert (error.value.status, error.value.url) == (401, url)
    assert "some-other-token" not in str(error.value)


@pytest.fixture(scope="module")
def guarded() -> Iterator[Served]:
    served = Served(None)
    yield served
    served.stop()


def test_the_right_token(guarded: Served) -> None:
    url = f"http://127.0.0.1:{guarded.port}"
    asked(url, CALLS["stats"], CALLS["health"], token=TOKEN)
    asked(url, CALLS["health"])


def test_by_tls(tmp_path: Path) -> None:
    authority = Authority("authority", tmp_path)
    served = Served(authority.issue("proxy", "127.0.0.1"))
    url = f"https://127.0.0.1:{served.port}"
    try:
        asked(url, CALLS["stats"], token=TOKEN, tls=tls_context(authority.file))
        with pytest.raises(UnreachableError, match="is refused: unable to get local"):
            asked(url, CALLS["stats"], token=TOKEN)
        with pytest.raises(UnreachableError, match=r"does not speak http: .* is it https there"):
            asked(url.replace("https", "http"), CALLS["stats"], token=TOKEN)
    finally:
        served.stop()


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8080", "ftp://a", "http://", "http://a:b", "http://u@a", "http://a?b"]
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ValueError, match="is not the address of an admin port"):
        MigrationProxyClient(url)


def test_a_proxy_that_does_not_answer_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(UnreachableError, match=f"the proxy at {url} did not answer within 0.1 s"):
            asked(url, CALLS["stats"], timeout=0.1)


def test_what_is_no_proxy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):
                    pass

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(
            UnreachableError, match=rf"what answers at {url} is no cqlproxy \(HTTP status 200\)"
        ):
            asked(url, CALLS["stats"])
        thread.join()


def test_modes(running: RunningProxy) -> None:
    async def walk() -> None:
        async with MigrationProxyClient(running.url) as proxy:
            before = await proxy.mode()
            assert (before.mode, before.by, before.answered_by) == (
                Mode.PRIMARY_ONLY, "the configuration", "primary",
            )  # fmt: skip
            after = await proxy.set_mode("ShadowPrimary", by="a test", expected=before)
            assert (after.mode, after.previous, after.by) == (
                Mode.SHADOW_PRIMARY,
                Mode.PRIMARY_ONLY,
                "a test",
            )
            assert after.answered_by == "shadow"
            # Again, it changes nothing.
            again = await proxy.set_mode(Mode.SHADOW_PRIMARY)
            assert (again.since, again.by, again.previous) == (after.since, "a test", Mode.SHADOW_PRIMARY)
            with pytest.raises(RefusedError, match="is in force, set by a test") as refusal:
                await proxy.set_mode("TargetOnly", expected=before)
            assert refusal.value.status == 409
            with pytest.raises(ValueError, match="is not a mode"):
                await proxy.set_mode("everywhere")

    asyncio.run(walk())


def test_a_refusal_names_the_field(running: RunningProxy) -> None:
    with pytest.raises(RefusedError) as error:
        asked(running.url, lambda proxy: proxy.test_filters(""))
    assert (error.value.status, error.value.field) == (422, "statement")
    assert "statement: " in str(error.value)


def test_a_failure_of_the_proxy(running: RunningProxy) -> None:
    running.proxy.broken = True
    try:
        with pytest.raises(
            ServerFailureError, match="HTTP status 500: a bug of the proxy, see its log: KeyError"
        ):
            asked(running.url, CALLS["stats"])
    finally:
        running.proxy.broken = False


def test_figures_and_metrics(running: RunningProxy) -> None:
    running.metrics.writes_total, running.metrics.writes_ok = 7, 6
    running.figures.dead_letters, running.figures.lag = 3, 1.5
    running.proxy.reasons.append("no node of the primary is connected")

    async def look() -> None:
        async with MigrationProxyClient(running.url) as proxy:
            stats = await proxy.stats()
            assert (stats.total_writes, stats.successful_writes, stats.dead_letters) == (7, 6, 3)
            assert (stats.mode, stats.mirror_lag_seconds) == (Mode.PRIMARY_ONLY, 1.5)
            assert stats.figures["users"] == 0
            health = await proxy.health()
            assert (health.alive, health.ready) == (True, False)
            assert health.reasons == ("no node of the primary is connected",)
            metrics = await proxy.metrics()
            assert metrics.value("proxy_mode", mode="primary_only") == 1
            assert metrics.value("proxy_mode") == 1
            assert metrics.value("no_such_metric") == 0

    asyncio.run(look())


def test_rules(running: RunningProxy) -> None:
    (shown, statements) = asked(
        running.url, CALLS["filters"], lambda proxy: proxy.test_filters("INSERT INTO a.t (id) VALUES (1)")
    )
    assert isinstance(shown, dict)
    assert shown["rules"]["path"] is None
    assert isinstance(statements, list)
    assert [entry["table"] for entry in statements] == ["t"]
    with pytest.raises(RefusedError, match="404"):
        asked(running.url, CALLS["reload_filters"])


def test_writes(running: RunningProxy) -> None:
    writes = running.proxy.writes

    async def write() -> None:
        async with MigrationProxyClient(running.url) as proxy:
            done = await proxy.insert("shop", "orders", {"id": UUID(int=7), "at": None}, consistency="QUORUM")
            assert (done.success, done.error, done.write_timestamp) == (True, None, 1_700_000_000_000_000)
            sent = writes.asked[-1]
            assert (sent.keyspace, sent.table, sent.request_id) == ("shop", "orders", done.request_id)
            assert sent.query == 'INSERT INTO "shop"."orders" ("id", "at") VALUES (?, ?)'
            assert sent.values == ["00000000-0000-0000-0000-000000000007", None]
            await proxy.update("shop", "orders", {"v": b"a"}, {"id": 1}, timestamp=5, request_id="mine")
            sent = writes.asked[-1]
            assert (sent.values, sent.timestamp, sent.request_id) == (["YQ==", 1], 5, "mine")
            await proxy.delete("shop", "orders", {"id": 1})
            assert writes.asked[-1].query == 'DELETE FROM "shop"."orders" WHERE "id" = ?'
            query = "INSERT INTO orders (id, m) VALUES (:id, :m)"
            await proxy.write("shop", "orders", query, {"id": 1, "m": {1: "a"}})
            assert writes.asked[-1].values == {"id": 1, "m": [[1, "a"]]}

    asyncio.run(write())


def test_what_the_cluster_says_of_a_write_is_its_result(running: RunningProxy) -> None:
    running.proxy.writes.error = WriteError(0x1100, "WRITE_TIMEOUT", "no answer in time", True)
    (done,) = asked(running.url, CALLS["insert"])
    assert isinstance(done, WriteResult)
    assert not done.success
    assert done.error is not None
    assert (done.error.name, done.error.code, done.error.may_be_applied) == ("WRITE_TIMEOUT", 0x1100, True)


def test_a_write_that_is_none_is_refused_with_its_field(running: RunningProxy) -> None:
    with pytest.raises(RefusedError) as error:
        asked(running.url, lambda proxy: proxy.write("ks", "", "INSERT INTO t (id) VALUES (?)", [1]))
    assert (error.value.status, error.value.field) == (422, "table")


def test_copies_are_paused_resumed_and_waited_for(running: RunningProxy) -> None:
    running.proxy.mirrors.remaining = 250

    async def steer() -> None:
        async with MigrationProxyClient(running.url) as proxy:
            paused = await proxy.pause("shadow", by="a test")
            assert [(mirror.target, mirror.paused) for mirror in paused] == [
                ("primary", False),
                ("shadow", True),
            ]
            with pytest.raises(RefusedError, match="copies are paused"):
                await proxy.drain()
            assert not any(mirror.paused for mirror in await proxy.resume())
            drained = await proxy.drain(wait_seconds=1)
            assert (drained.drained, drained.remaining, drained.seconds_left) == (False, 150, 1.5)
            assert (await proxy.drain(wait_seconds=2)).drained
            assert [mirror.remaining for mirror in await proxy.mirrors()] == [0, 0]

    asyncio.run(steer())


def test_status_and_settings(running: RunningProxy) -> None:
    async def look() -> None:
        async with MigrationProxyClient(running.url) as proxy:
            status = await proxy.status()
            assert (status.mode.mode, status.ready, status.dead_letters) == (Mode.PRIMARY_ONLY, True, 0)
            assert [cluster.name for cluster in status.clusters] == ["primary", "shadow"]
            assert status.totals["total_writes"] == 0
            assert "log.level" in cast("list[str]", (await proxy.config())["changeable"])
            changed = await proxy.change_config({"log.level": "debug"}, by="a test")
            assert list(cast("dict[str, object]", changed["changed"])) == ["log.level"]
            with pytest.raises(RefusedError) as error:
                await proxy.change_config({"listen.port": 1})
            assert (error.value.status, error.value.field) == (409, "set.listen.port")

    asyncio.run(look())


def test_dead_letters(tmp_path: Path) -> None:
    proxy = Proxy()
    letters = [letter(table=f"shop.t{number}") for number in range(1_200)]
    served = Running(proxy, lambda: letters_kept(proxy, tmp_path / "journal.db", letters))

    async def look() -> None:
        async with MigrationProxyClient(served.url) as client:
            # More than a page of them.
            assert [found["id"] async for found in client.dead_letters()] == list(range(1, 1_201))
            assert [found["id"] async for found in client.dead_letters(table="shop.t3")] == [4]
            assert await client.purge({"ids": [4]}) == 1
            assert await client.replay({"table": "shop.t5"}) == 1
            assert [found["id"] async for found in client.dead_letters(table="shop.t3")] == []

    try:
        asyncio.run(look())
    finally:
        served.stop()


def test_latencies_by_call(running: RunningProxy) -> None:
    async def wait() -> None:
        async with MigrationProxyClient(running.url) as proxy:
            assert proxy.latencies == {}
            for _ in range(20):
                await proxy.mode()
            with pytest.raises(RefusedError):
                await proxy.test_filters("")
            (mode, test) = proxy.latencies["mode"], proxy.latencies["test_filters"]
            assert (mode.calls, mode.errors, test.calls, test.errors) == (20, 0, 1, 1)
            assert 0 < mode.p50_ms <= mode.p99_ms <= mode.max_ms
            assert mode.mean_ms <= mode.max_ms

    asyncio.run(wait())


@pytest.mark.parametrize(
    ("imported", "absent"),
    [
        ("cqlproxy.client", {"httpx", "pydantic", "yaml", "cassandra", "uvloop", "starlette"}),
        ("cqlproxy.client.client", {"pydantic", "yaml", "cassandra", "uvloop", "starlette"}),
        (
            "cqlproxy.client.migration.orchestrator",
            {
                "cassandra",
                "uvloop",
                "starlette",
                "frame_codec",
                "filters",
                "cqlproxy.config",
            },
        ),
    ],
)
def test_a_program_that_imports_it_gets_nothing_of_the_serving_side(imported: str, absent: set[str]) -> None:
    program = f"import sys, {imported}; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert absent.isdisjoint(done.stdout.split())
