"""The admin port, asked over HTTP by a client in a thread while the server shares the test's event loop."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket

import pytest
import uvloop
from pydantic import SecretStr

from cqlproxy.admin import AdminServer
from cqlproxy.admin.page_endpoints import PAGE_FILES
from tests.unit.admin.asking import Ask, Proxy, ask_port, with_server


def test_health_is_about_the_loop_alone() -> None:
    async def scenario(ask: Ask) -> None:
        answer = await ask("/health")
        assert (answer.status, answer.json) == (200, {"status": "alive"})
        assert answer.headers["cache-control"] == "no-store"

    with_server(Proxy(reasons=["the primary is away"]), scenario)


def test_ready_tells_why_not() -> None:
    proxy = Proxy(reasons=["no node of the primary is up", "stopping"])

    async def scenario(ask: Ask) -> None:
        answer = await ask("/ready")
        assert answer.status == 503
        assert answer.json == {"status": "not ready", "reasons": ["no node of the primary is up", "stopping"]}
        proxy.reasons.clear()
        answer = await ask("/ready")
        assert (answer.status, answer.json) == (200, {"status": "ready", "reasons": []})

    with_server(proxy, scenario)


def test_stats_and_metrics_are_as_of_now() -> None:
    proxy = Proxy()

    async def scenario(ask: Ask) -> None:
        for reads in (0, 17):
            proxy.metrics.reads_total = reads
            stats = (await ask("/stats")).json
            assert isinstance(stats, dict)
            assert (stats["total_reads"], stats["mode"]) == (reads, "primary_only")
            text = await ask("/metrics")
            assert text.status == 200
            assert text.headers["content-type"].startswith("text/plain; version=")
            assert f"\nproxy_reads_total {reads}\n".encode() in text.body

    with_server(proxy, scenario)


@pytest.mark.parametrize("path", ["/none", "/healthz", "/health/", "/stats/x", "//health"])
def test_an_unknown_path_is_answered_with_those_that_exist(path: str) -> None:
    async def scenario(ask: Ask) -> None:
        answer = await ask(path)
        assert answer.status == 404
        paths = [
            *PAGE_FILES,
            "/health",
            "/ready",
            "/status",
            "/stats",
            "/metrics",
            "/events",
            "/live",
            "/config",
            "/config/schema",
            "/config/mode",
        ]
        paths += ["/filters", "/filters/reload", "/filters/test"]
        paths += ["/mirror", "/mirror/pause", "/mirror/resume", "/mirror/drain"]
        paths += [f"/dead-letters{path}" for path in ("", "/export", "/replay", "/purge", "/{id:int}")]
        paths += ["/write", "/openapi.json", "/docs"]
        assert answer.json == {"error": "Not Found", "paths": paths}

    with_server(Proxy(), scenario)


def test_only_reading_is_allowed() -> None:
    async def scenario(ask: Ask) -> None:
        for method in ("POST", "DELETE", "PUT"):
            answer = await ask("/stats", method)
            assert (answer.status, answer.json) == (405, {"error": "Method Not Allowed"})
            assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}
        head = await ask("/health", "HEAD")
        assert (head.status, head.body) == (200, b"")

    with_server(Proxy(), scenario)


def test_a_bug_is_answered_logged_and_survived(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(ask: Ask) -> None:
        answer = await ask("/stats")
        assert answer.status == 500
        assert answer.json == {"error": "a bug of the proxy, see its log: KeyError"}
        assert (await ask("/health")).status == 200

    with_server(Proxy(broken=True), scenario)
    assert "nothing there" in caplog.text


def test_garbage_is_answered_and_others_do_not_notice() -> None:
    async def run() -> None:
        server = AdminServer("127.0.0.1", 0, Proxy())
        await server.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"\x04\x00\x00\x01\x05\x00\x00\x00\x00\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")
        assert (await asyncio.to_thread(ask_port, server.port, "/health", "GET")).status == 200
        writer.close()
        await server.stop()

    uvloop.run(run())


def test_a_port_in_use_is_an_error_of_start() -> None:
    async def run(port: int) -> None:
        server = AdminServer("127.0.0.1", port, Proxy())
        with pytest.raises(OSError, match="Address already in use"):
            await server.start()
        await server.stop()

    with socket.create_server(("127.0.0.1", 0)) as taken:
        uvloop.run(run(taken.getsockname()[1]))


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_a_host_that_is_not_this_machine_is_an_error_of_start(host: str) -> None:
    async def run() -> None:
        with pytest.raises(OSError, match=r"assign requested address|not known"):
            await AdminServer(host, 8080, Proxy(), token=lambda: SecretStr("a token")).start()

    uvloop.run(run())


def test_the_port_is_free_again_after_stop_and_idle_clients_are_disconnected() -> None:
    async def run() -> None:
        first = AdminServer("127.0.0.1", 0, Proxy())
        await first.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", first.port)
        writer.write(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await reader.readline()) == b"HTTP/1.1 200 OK\r\n"
        await first.stop()
        await first.stop()
        assert (await reader.read()).endswith(b'{"status":"alive"}')
        writer.close()
        second = AdminServer("127.0.0.1", first.port, Proxy())
        await second.start()
        assert (await asyncio.to_thread(ask_port, second.port, "/ready", "GET")).status == 200
        await second.stop()

    uvloop.run(run())


def test_signals_and_logging_stay_as_the_proxy_set_them() -> None:
    def settings() -> list[object]:
        loggers = [logging.getLogger(name) for name in (None, "uvicorn", "uvicorn.error")]
        return [
            *(signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)),
            *((logger.level, list(logger.handlers), logger.propagate) for logger in loggers),
        ]

    async def run() -> None:
        before = settings()
        server = AdminServer("127.0.0.1", 0, Proxy())
        await server.start()
        assert settings() == before
        await server.stop()

    uvloop.run(run())
