"""Streams over HTTP: what they say, how many there are, and how each of them ends."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop
from pydantic import SecretStr

from cqlproxy.admin import AdminServer
from cqlproxy.admin import server as serving
from cqlproxy.admin import streams as streaming
from cqlproxy.admin.page_endpoints import PAGE_FILES
from cqlproxy.live.samples import FIELDS
from tests.unit.admin.asking import Ask, Proxy, ask_port, with_server

PAGE = Path(serving.__file__).parent / "page"


def messages(body: bytes) -> list[tuple[str, object]]:
    """The events of a stream, or of the part of one that ends with one of them."""
    assert body.endswith(b"\n\n")
    found = []
    for message in body.decode().removesuffix("\n\n").split("\n\n"):
        event, data = message.split("\n")
        found.append((event.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


class Reader:
    """A stream that is read by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def message(self) -> tuple[str, object]:
        """The next one, which may begin a chunk or be within one."""
        event = (await self._line(b"event: ")).decode()
        return event, json.loads(await self._line(b"data: "))

    async def _line(self, begin: bytes) -> bytes:
        while not (line := await asyncio.wait_for(self.reader.readuntil(b"\n"), 5)).startswith(begin):
            pass
        return line[len(begin) : -1]

    async def rest(self) -> bytes:
        return await asyncio.wait_for(self.reader.read(), 5)


async def watch(port: int, *lines: str, limit: int = 1 << 20) -> Reader:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=limit)
    head = "\r\n".join(("GET /live HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""))
    writer.write(head.encode())
    return Reader(reader, writer)


async def begun(reader: Reader) -> Reader:
    """Once its first messages have come."""
    names = [(await reader.message())[0] for _ in range(3)]
    assert names == ["history", "events", "now"]
    return reader


@asynccontextmanager
async def server_for(
    proxy: Proxy, token: Callable[[], SecretStr | None] = lambda: None
) -> AsyncIterator[AdminServer]:
    server = AdminServer("127.0.0.1", 0, proxy, token=token)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def all_of_it() -> None:
        await scenario()

    uvloop.run(all_of_it())


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.005)


def test_one_snapshot_has_all_that_a_page_begins_with() -> None:
    proxy = Proxy()
    proxy.live.look()
    proxy.events.emit(logging.makeLogRecord({"name": "cqlproxy.cluster", "levelno": 30, "msg": "lost <b>"}))

    async def scenario(ask: Ask) -> None:
        answer = await ask("/live?snapshots=1")
        assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert answer.headers["cache-control"] == "no-store"
        (_, history), (_, events), (_, now) = messages(answer.body)
        assert isinstance(history, dict)
        assert isinstance(events, list)
        assert isinstance(now, dict)
        assert (history["fields"], len(history["samples"])) == (list(FIELDS), 1)
        assert [event["text"] for event in events] == ["lost <b>"]
        assert now["sample"] == history["samples"][0]
        assert now["status"]["mode"]["mode"] == "primary_only"
        assert now["stats"]["total_reads"] == 0
        assert (await ask("/live", "HEAD")).body == b""
        for wrong in ("0", "x", "-1", ""):
            assert (await ask(f"/live?snapshots={wrong}")).status == 422

    with_server(proxy, scenario)


def test_each_row_is_said_once_and_events_when_there_are_others() -> None:
    proxy = Proxy()

    async def scenario() -> None:
        async with server_for(proxy) as server:
            readers = [await begun(await watch(server.port)) for _ in range(3)]
            proxy.metrics.reads_total = 5
            proxy.live.look()
            for reader in readers:
                event, data = await reader.message()
                assert isinstance(data, dict)
                assert (event, data["stats"]["total_reads"]) == ("now", 5)
            record = logging.makeLogRecord(
                {"name": "cqlproxy.cluster", "levelno": 30, "levelname": "WARNING", "msg": "x"}
            )
            proxy.events.emit(record)
            proxy.live.look()
            for reader in readers:
                assert [(await reader.message())[0] for _ in range(2)] == ["events", "now"]

    run(scenario)


def test_what_is_said_is_made_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Proxy()
    made: list[int] = []
    status = proxy.status

    def counted() -> dict[str, object]:
        made.append(1)
        return status()

    monkeypatch.setattr(proxy, "status", counted)

    async def scenario() -> None:
        async with server_for(proxy) as server:
            proxy.live.look()
            assert made == []
            readers = [await begun(await watch(server.port)) for _ in range(5)]
            proxy.live.look()
            for reader in readers:
                await reader.message()
            assert len(made) == 2

    run(scenario)


def test_one_too_many_is_refused_and_a_place_is_free_when_one_has_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streaming, "MAX_STREAMS", 2)
    proxy = Proxy()

    async def scenario() -> None:
        async with server_for(proxy) as server:
            readers = [await begun(await watch(server.port)) for _ in range(2)]
            refused = await asyncio.to_thread(ask_port, server.port, "/live?snapshots=1", "GET")
            assert refused.status == 503
            assert refused.json == {
                "error": "2 streams are open already: close a page that watches this proxy"
            }
            readers[0].writer.close()
            await until(lambda: server._streams.count == 1)
            again = await asyncio.to_thread(ask_port, server.port, "/live?snapshots=1", "GET")
            assert again.status == 200

    run(scenario)


def test_a_reader_that_does_not_read_is_hung_up_on_and_the_others_do_not_notice(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    proxy = Proxy(reasons=["x" * 200_000])

    async def scenario() -> None:
        async with server_for(proxy) as server:
            server._streams.unread_seconds = 0.2
            other = await begun(await watch(server.port))
            with socket.create_connection(("127.0.0.1", server.port)) as slow:
                slow.sendall(b"GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                await until(lambda: server._streams.count == 2)
                longest = 0.0
                while server._streams.count == 2:
                    proxy.live.look()
                    before = time.monotonic()
                    assert (await other.message())[0] == "now"
                    longest = max(longest, time.monotonic() - before)
                assert longest < 0.15
            assert server._streams.count == 1

    run(scenario)
    assert [record.getMessage() for record in caplog.records if record.levelname != "INFO"] == [
        "a page that does not read what it is sent is hung up on"
    ]


@pytest.mark.parametrize("reads", [True, False])
def test_a_stop_ends_them_at_once(reads: bool, caplog: pytest.LogCaptureFixture) -> None:
    proxy = Proxy(reasons=["x" * 2_000_000])

    async def scenario() -> None:
        async with server_for(proxy) as server:
            if reads:
                reader = await begun(await watch(server.port, limit=1 << 23))
            else:
                reader = await watch(server.port, limit=1024)
                await until(lambda: server._streams.count == 1)
            began = time.monotonic()
            await server.stop()
            assert time.monotonic() - began < 1.0
            if reads:
                assert (await reader.rest()).endswith(b"0\r\n\r\n")

    run(scenario)
    assert [record for record in caplog.records if record.levelname != "INFO"] == []


def test_another_token_ends_those_that_began_with_the_one_before() -> None:
    proxy = Proxy()
    token = ["first"]

    async def scenario() -> None:
        async with server_for(proxy, lambda: SecretStr(token[0])) as server:
            refused = await asyncio.to_thread(ask_port, server.port, "/live", "GET")
            assert refused.status == 401
            reader = await begun(await watch(server.port, "Authorization: Bearer first"))
            proxy.live.look()
            assert (await reader.message())[0] == "now"
            token[0] = "second"
            proxy.live.look()
            await until(lambda: server._streams.count == 0)

    run(scenario)


def test_events_are_told() -> None:
    proxy = Proxy()

    async def scenario(ask: Ask) -> None:
        answer = await ask("/events")
        assert answer.json == {"events": []}
        record = logging.makeLogRecord(
            {
                "name": "cqlproxy.mode_in_force",
                "levelno": 20,
                "levelname": "INFO",
                "msg": "now x",
                "by": "ann",
            }
        )
        proxy.events.emit(record)
        told = (await ask("/events")).json
        assert isinstance(told, dict)
        (event,) = told["events"]
        assert (event["kind"], event["text"], event["particulars"]) == ("mode", "now x", {"by": "ann"})

    with_server(proxy, scenario)


def test_the_page_and_its_parts_need_no_token_and_run_nothing_of_others() -> None:
    assert {path.name for path in PAGE.iterdir()} == set(PAGE_FILES.values())

    async def scenario(ask: Ask) -> None:
        for path in PAGE_FILES:
            answer = await ask(path)
            assert answer.status == 200, path
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "require-trusted-types-for 'script'" in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            text = answer.body.decode().replace("http://www.w3.org/2000/svg", "")
            for forbidden in ("http:", "https:", "innerHTML", "eval(", " style=", " onclick=", "<style"):
                assert forbidden not in text, (path, forbidden)
        assert (await ask("/page/none.js")).status == 401

    with_server(Proxy(), scenario, lambda: SecretStr("a token"))


def test_a_client_of_http_sees_chunks_as_they_come() -> None:
    proxy = Proxy()

    async def scenario() -> None:
        async with server_for(proxy) as server:

            def first_chunk() -> bytes:
                connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
                connection.request("GET", "/live")
                answer = connection.getresponse()
                try:
                    return answer.read1()
                finally:
                    connection.close()

            assert (await asyncio.to_thread(first_chunk)).startswith(b"event: history\n")

    run(scenario)
