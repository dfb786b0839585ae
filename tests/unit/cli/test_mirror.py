"""`cqlproxy mirror`, against a real admin server."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from cqlproxy.cli import draining, main
from cqlproxy.client.address import AdminAddress
from cqlproxy.client.transport import BlockingTransport
from cqlproxy.cluster.side import Side
from tests.unit.admin.asking import Proxy
from tests.unit.admin.mirrors import Mirrors
from tests.unit.cli.running import Running


@pytest.fixture(scope="module")
def _server() -> Iterator[Running]:
    server = Running(Proxy())
    yield server
    server.stop()


@pytest.fixture
def running(_server: Running) -> Running:
    # The server keeps to the object that it was started with.
    _server.proxy.mirrors.__dict__.update(Mirrors().__dict__)
    return _server


def run(running: Running, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["mirror", *arguments, "--url", running.url])


def test_show(running: Running) -> None:
    running.proxy.mirrors.remaining = 500
    result = run(running, "show")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "to primary  0 copies wait, lag 0 s, 100 copies/s",
        "to shadow   500 copies wait, lag 0 s, 100 copies/s, 5 s left",
    ]
    assert [mirror["target"] for mirror in json.loads(run(running, "show", "--json").stdout)["mirrors"]] == [
        "primary",
        "shadow",
    ]


def test_pause_and_resume_one_or_both_and_again(running: Running) -> None:
    mirrors = running.proxy.mirrors
    for _ in range(2):
        result = run(running, "pause", "--target", "shadow")
        assert (result.exit_code, list(mirrors.paused)) == (0, [Side.SHADOW])
        assert "to shadow   0 copies wait: PAUSED by " in result.stdout
    assert run(running, "pause").exit_code == 0
    assert set(mirrors.paused) == set(Side)
    for _ in range(2):
        result = run(running, "resume")
        assert (result.exit_code, mirrors.paused) == (0, {})
        assert "PAUSED" not in result.stdout


def test_drain_asks_until_all_copies_have_arrived(running: Running) -> None:
    running.proxy.mirrors.remaining, running.proxy.mirrors.lag = 250, 60.0
    result = run(running, "drain")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "All copies have arrived.\n", "")
    assert running.proxy.mirrors.waited == [1.0, 1.0, 1.0]


def test_drain_shows_how_many_are_left_and_for_how_long(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.proxy.mirrors.remaining, running.proxy.mirrors.lag = 350, 60.0
    screen = io.StringIO()
    monkeypatch.setattr(
        draining, "Console", lambda stderr: Console(file=screen, force_terminal=True, width=100)
    )
    with BlockingTransport(AdminAddress(running.url)) as api:
        reply = draining.drained(api, "shadow", None, quiet=False)
    assert (reply.status, reply.body["drained"]) == (200, True)
    shown = screen.getvalue()
    assert "250/250" in shown
    assert "100 copies/s, 0 s left" in shown


def test_drain_waits_for_no_copy_that_came_later(running: Running) -> None:
    """A proxy under load has copies on their way at any moment: what counts is that they are new."""
    mirrors = running.proxy.mirrors
    mirrors.remaining, mirrors.lag = 10_000, 0.0
    result = run(running, "drain")
    assert (result.exit_code, result.stdout) == (0, "All copies have arrived.\n")
    assert mirrors.remaining == 9_900


def test_drain_gives_up_when_the_time_is_up(running: Running) -> None:
    running.proxy.mirrors.remaining, running.proxy.mirrors.lag = 10_000, 60.0
    result = run(running, "drain", "--timeout", "0")
    assert (result.exit_code, result.stdout) == (1, "10000 copies are left.\n")
    body = json.loads(run(running, "drain", "--timeout", "0", "--json").stdout)
    assert (body["drained"], body["remaining"]) == (False, 10_000)


def test_what_the_proxy_refuses_is_exit_1_with_its_reason(running: Running) -> None:
    mirrors = running.proxy.mirrors
    mirrors.refusal = "in dual_write_sync clients wait for copies"
    result = run(running, "pause")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "cqlproxy: the proxy answers with HTTP status 409: in dual_write_sync clients wait for copies\n"
    )
    mirrors.remaining, mirrors.paused = 5, {Side.SHADOW: "ann"}
    result = run(running, "drain")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "copies are paused" in result.stderr


def test_without_a_shadow_there_are_no_copies(running: Running) -> None:
    running.proxy.mirrors.shadow = False
    assert run(running, "show").stdout == "There are no copies: no shadow is configured.\n"
    for command in ("pause", "resume", "drain"):
        result = run(running, command)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "no shadow cluster is configured" in result.stderr


@pytest.mark.parametrize(
    "arguments", [("pause", "--target", "both"), ("drain", "--timeout", "-1"), ("drain", "--timeout", "soon")]
)
def test_bad_options_are_exit_2(running: Running, arguments: tuple[str, ...]) -> None:
    result = run(running, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Invalid value for" in result.stderr
