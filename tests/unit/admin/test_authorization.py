"""Who may ask the admin port: with a token, without one, by TLS; and what is logged of it."""

from __future__ import annotations

import asyncio
import http.client
import logging
import socket
import ssl
from pathlib import Path

import pytest
import uvloop
from pydantic import SecretStr

from cqlproxy.admin import AdminServer
from cqlproxy.tls.contexts import server_files
from tests.nodes.certificates import Authority
from tests.unit.admin.asking import Ask, Proxy, ask_port, with_server
from tests.unit.admin.letters import letter, letters_kept

TOKEN = "correct-horse-battery-staple"
RIGHT = {"Authorization": f"Bearer {TOKEN}"}
PATHS = ("/stats", "/metrics", "/config/mode", "/filters", "/dead-letters", "/no/such/path")


def token() -> SecretStr:
    return SecretStr(TOKEN)


def test_probes_need_no_token_and_everything_else_does(caplog: pytest.LogCaptureFixture) -> None:
    proxy = Proxy()

    async def scenario(ask: Ask) -> None:
        for path in ("/health", "/ready"):
            assert (await ask(path)).status == 200
        for path in PATHS:
            answer = await ask(path)
            assert answer.status == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert "admin token" in str(answer.json)
            assert (await ask(path, headers=RIGHT)).status != 401
        assert (await ask("/filters/reload", "POST")).status == 401
        assert (await ask("/health", "POST")).status == 405

    with_server(proxy, scenario, token)
    assert proxy.metrics.admin_refused == len(PATHS) + 1
    assert TOKEN not in caplog.text


@pytest.mark.parametrize(
    "given",
    [
        "",
        TOKEN,
        "Bearer",
        "Bearer ",
        f"Basic {TOKEN}",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN} {TOKEN}",
        f"Bearer {TOKEN.upper()}",
        "Bearer \u00e4\u00f6",
        f"Bearer {'x' * 10_000}",
    ],
)
def test_a_wrong_token_is_refused(given: str) -> None:
    async def scenario(ask: Ask) -> None:
        assert (await ask("/stats", headers={"Authorization": given})).status == 401
        assert (await ask("/stats", headers={"authorization": f"bearer  {TOKEN} "})).status == 200

    with_server(Proxy(), scenario, token)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1", "https://localhost"])
def test_a_page_of_another_site_may_not_ask(origin: str) -> None:
    proxy = Proxy()

    async def scenario(ask: Ask) -> None:
        headers = {"Host": "127.0.0.1:8080", "Origin": origin}
        answer = await ask("/config/mode", "POST", b'{"mode": "target_only"}', headers=headers)
        assert answer.status == 403
        headers["Origin"] = "http://127.0.0.1:8080"
        assert (await ask("/config/mode", "POST", b'{"mode": "target_only"}', headers=headers)).status == 200

    with_server(proxy, scenario)
    assert (len(proxy.modes.asked), proxy.metrics.admin_refused) == (1, 1)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("evil.example:8080", 403),
        ("127.0.0.1.evil.example", 403),
        ("localhost:8080", 200),
        ("[::1]:8080", 200),
    ],
)
def test_a_name_that_leads_here_is_not_this_site_where_no_token_is_needed(host: str, status: int) -> None:
    async def scenario(ask: Ask) -> None:
        headers = {"Host": host, "Origin": f"http://{host}"}
        body = b'{"mode": "target_only"}'
        assert (await ask("/config/mode", "POST", body, headers=headers)).status == status

    async def with_token(ask: Ask) -> None:
        headers = {"Host": host, "Origin": f"http://{host}", **RIGHT}
        assert (await ask("/stats", headers=headers)).status == 200

    with_server(Proxy(), scenario)
    with_server(Proxy(), with_token, token)


def test_the_token_in_force_is_the_one_that_counts() -> None:
    current = [SecretStr(TOKEN)]

    async def scenario(ask: Ask) -> None:
        assert (await ask("/stats", headers=RIGHT)).status == 200
        current[0] = SecretStr("another-token-of-now")
        assert (await ask("/stats", headers=RIGHT)).status == 401

    with_server(Proxy(), scenario, lambda: current[0])


def test_each_changing_request_is_logged_with_who_and_what(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def scenario(ask: Ask) -> None:
        agent = {**RIGHT, "User-Agent": "cqlproxy (ann@host)\x1b"}
        await ask("/config/mode", "POST", b'{"mode": "no such mode"}', headers=agent)
        await ask("/filters/test", "POST", b'{"statement": "SELECT 1"}', headers=agent)
        await ask("/stats", headers=agent)
        await ask("/filters/reload", "POST", headers={"User-Agent": "stranger"})

    with_server(Proxy(), scenario, token)
    told = [vars(record) for record in caplog.records if record.name == "cqlproxy.admin.authorization"]
    assert [(fields["msg"], fields["request"], fields["agent"], fields.get("status")) for fields in told] == [
        ("a request to change something", "POST /config/mode", "cqlproxy (ann@host)\x1b", 400),
        (
            "a request to the admin port is refused: it has not the right token",
            "POST /filters/reload",
            "stranger",
            None,
        ),
    ]
    assert all(fields["client"].startswith("127.0.0.1:") for fields in told)


def test_it_is_logged_which_letters_were_deleted_and_replayed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    proxy = Proxy()

    async def scenario(ask: Ask) -> None:
        async with letters_kept(proxy, tmp_path / "journal.db", [letter(), letter("shop.carts")]):
            await ask("/dead-letters/purge", "POST", b'{"keyspace": "shop", "table": "carts"}')
            await ask("/dead-letters/replay", "POST", b'{"all": true}')

    with_server(proxy, scenario)
    told = [vars(record) for record in caplog.records if record.name == "cqlproxy.admin.letters_endpoints"]
    assert [(fields["letters"], fields["wanted"]) for fields in told] == [
        (1, "keyspace shop, table carts"),
        (1, "all"),
    ]


def test_a_name_of_another_address_is_refused_without_a_token() -> None:
    async def run() -> None:
        for host in ("0.0.0.0", "::"):
            with pytest.raises(OSError, match=r"other machines can reach .*; set admin.token_file"):
                await AdminServer(host, 0, Proxy()).start()
        server = AdminServer("0.0.0.0", 0, Proxy(), token=token)
        await server.start()
        await server.stop()

    uvloop.run(run())


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_https_and_nothing_else_with_the_certificate_of_now(tmp_path: Path) -> None:
    authority = Authority("authority", tmp_path)
    pair = authority.issue("proxy", "127.0.0.1")
    files = server_files("admin.tls", pair.cert, pair.key, None)
    client = ssl.create_default_context(cafile=authority.file)
    old = ssl.create_default_context(cafile=authority.file)
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1

    def certificate(port: int) -> bytes | None:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            client.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
        ):
            return secured.getpeercert(binary_form=True)

    async def run() -> None:
        server = AdminServer("127.0.0.1", 0, Proxy(), token=token, tls=files)
        await server.start()

        async def ask(tls: ssl.SSLContext | None) -> int:
            return (await asyncio.to_thread(ask_port, server.port, "/stats", "GET", None, RIGHT, tls)).status

        assert await ask(client) == 200
        for wrong in (None, old):
            with pytest.raises((OSError, http.client.HTTPException)):
                await ask(wrong)
        before = await asyncio.to_thread(certificate, server.port)
        authority.issue("proxy", "127.0.0.1")
        await files.reload()
        assert await asyncio.to_thread(certificate, server.port) not in (None, before)
        assert await ask(client) == 200
        await server.stop()

    uvloop.run(run())
