"""How commands reach a proxy: where address, token and authority come from; the token is never shown."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr

from cqlproxy.admin import AdminServer
from cqlproxy.cli import main
from cqlproxy.tls.contexts import server_files
from tests.nodes.certificates import Authority, Pair
from tests.unit.admin.asking import Proxy

TOKEN = "correct-horse-battery-staple"
OTHER = "another-token-of-somebody"


class Served:
    """An admin server in a thread, with the token and by TLS."""

    def __init__(self, pair: Pair | None) -> None:
        self._pair = pair
        self._listening = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),))
        self._thread.start()
        assert self._listening.wait(10)

    async def _serve(self) -> None:
        pair = self._pair
        tls = None if pair is None else server_files("admin.tls", pair.cert, pair.key, None)
        server = AdminServer("127.0.0.1", 0, Proxy(), token=lambda: SecretStr(TOKEN), tls=tls)
        await server.start()
        self._loop, self._ended, self.port = asyncio.get_running_loop(), asyncio.Event(), server.port
        self._listening.set()
        await self._ended.wait()
        await server.stop()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(10)


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CQLPROXY_URL", "CQLPROXY_ADMIN_TOKEN", "CQLPROXY_ADMIN_CA_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority("authority", tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def pair(authority: Authority) -> Pair:
    return authority.issue("proxy", "proxy.example")


@pytest.fixture(scope="module")
def start() -> Iterator[Callable[[Pair | None], int]]:
    started: list[Served] = []

    def one(pair: Pair | None) -> int:
        started.append(Served(pair))
        return started[-1].port

    yield one
    for served in started:
        served.stop()


@pytest.fixture(scope="module")
def plain(start: Callable[[Pair | None], int]) -> int:
    return start(None)


@pytest.fixture(scope="module")
def secured(start: Callable[[Pair | None], int], pair: Pair) -> int:
    return start(pair)


def get(*options: object, **environment: str) -> Result:
    result = CliRunner(env=environment).invoke(main, ["mode", "get", *map(str, options)])
    assert TOKEN not in result.output
    assert OTHER not in result.output
    return result


def config(folder: Path, port: int, admin: str) -> Path:
    path = folder / "proxy.yaml"
    path.write_text(
        "primary: {contact_points: [db1]}\nmode: primary_only\n"
        f"admin: {{host: 127.0.0.1, port: {port}, {admin}}}\n"
    )
    return path


def test_without_the_token_the_command_says_how_to_give_it(plain: int) -> None:
    result = get("--url", f"http://127.0.0.1:{plain}")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "cqlproxy: the proxy answers with HTTP status 401: this needs the admin token, as Authorization:"
        " Bearer TOKEN (for the commands of cqlproxy: --token-file or CQLPROXY_ADMIN_TOKEN)\n"
    )


def test_the_token_comes_from_a_file_the_environment_or_the_configuration(plain: int, tmp_path: Path) -> None:
    url = ("--url", f"http://127.0.0.1:{plain}")
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text(TOKEN + "\n")
    wrong.write_text(OTHER)
    assert get(*url, "--token-file", right).exit_code == 0
    assert get(*url, CQLPROXY_ADMIN_TOKEN=TOKEN).exit_code == 0
    assert get("-c", config(tmp_path, plain, f"token: {TOKEN}")).exit_code == 0
    by_file = config(tmp_path, plain, "token_file: right")
    assert get("-c", by_file).exit_code == 0
    # What is nearer counts: the option, then the environment, then the file.
    assert get("-c", by_file, CQLPROXY_ADMIN_TOKEN=OTHER).exit_code == 1
    assert get("-c", by_file, "--token-file", wrong).exit_code == 1
    assert get("-c", by_file, "--token-file", right, CQLPROXY_ADMIN_TOKEN=OTHER).exit_code == 0


def test_a_token_that_cannot_be_one_is_exit_2(tmp_path: Path) -> None:
    short = tmp_path / "short"
    short.write_text("hunter2")
    result = get("--token-file", short)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"--token-file: the token in {short} must be 16 to 1024 letters")
    assert "hunter2" not in result.stderr
    result = get("--token-file", tmp_path / "none")
    assert result.stderr == f"--token-file: there is no file {tmp_path / 'none'}\n"
    result = get(CQLPROXY_ADMIN_TOKEN="hunter2")
    assert result.exit_code == 2
    assert result.stderr.startswith("CQLPROXY_ADMIN_TOKEN: must be 16")
    assert "hunter2" not in result.stderr


def test_by_tls(secured: int, authority: Authority, pair: Pair, tmp_path: Path) -> None:
    token = {"CQLPROXY_ADMIN_TOKEN": TOKEN}
    url = ("--url", f"https://127.0.0.1:{secured}")
    result = get(*url, **token)
    assert result.exit_code == 1
    assert result.stderr.startswith(
        f"cqlproxy: the certificate of https://127.0.0.1:{secured} is refused: unable to get local issuer"
        " certificate (--ca-file says whom to trust;"
    )
    # The certificate is for another name than the address.
    assert "IP address mismatch" in get(*url, "--ca-file", authority.file, **token).stderr
    assert "IP address mismatch" in get(*url, CQLPROXY_ADMIN_CA_FILE=str(authority.file), **token).stderr
    named = authority.issue("named", "127.0.0.1")
    pair_in_force = config(
        tmp_path, secured, f"token: {TOKEN}, tls: {{cert_file: {pair.cert}, key_file: {pair.key}}}"
    )
    assert get("-c", pair_in_force).exit_code == 0
    # Of the same authority, but not the certificate of the configuration.
    other = config(tmp_path, secured, f"token: {TOKEN}, tls: {{cert_file: {named.cert}, key_file: a}}")
    assert "is refused: unable to get local issuer certificate" in get("-c", other).stderr
    assert get(*url, "--ca-file", tmp_path / "none", **token).exit_code == 2


def test_the_wrong_scheme_is_said(plain: int, secured: int) -> None:
    result = get("--url", f"https://127.0.0.1:{plain}")
    assert "does not speak https: WRONG_VERSION_NUMBER; is it http there?" in result.stderr
    result = get("--url", f"http://127.0.0.1:{secured}")
    assert "does not speak http: the connection was closed; is it https there?" in result.stderr
    assert result.exit_code == 1


def test_a_configuration_that_is_wrong_is_exit_2(tmp_path: Path) -> None:
    path = tmp_path / "proxy.yaml"
    path.write_text("mode: nothing\n")
    result = get("-c", path)
    assert result.exit_code == 2
    assert f"{path}: primary: is required" in result.stderr


@pytest.mark.parametrize(
    ("host", "found"), [("0.0.0.0", "127.0.0.1"), ("'::'", "[::1]"), ("localhost", "localhost")]
)
def test_a_proxy_on_all_addresses_is_asked_on_the_loopback_one(host: str, found: str, tmp_path: Path) -> None:
    path = tmp_path / "proxy.yaml"
    path.write_text(
        "primary: {contact_points: [db1]}\nmode: primary_only\n"
        f"admin: {{host: {host}, port: 1, token: {TOKEN}}}\n"
    )
    assert f"no proxy can be reached at http://{found}:1: " in get("-c", path).stderr
