"""`cqlproxy status`, once and watched, against a real admin server."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from cqlproxy import __version__
from cqlproxy.cli import main
from cqlproxy.cli.status_watched import watch_status
from cqlproxy.client.address import AdminAddress
from cqlproxy.client.transport import BlockingTransport
from cqlproxy.metrics import Gauges, NodeState
from cqlproxy.modes import Mode
from tests.unit.admin.asking import Proxy
from tests.unit.admin.modes import Modes
from tests.unit.cli.running import Running


@pytest.fixture
def running() -> Iterator[Running]:
    proxy = Proxy(modes=Modes(Mode.DUAL_WRITE_ASYNC))
    proxy.metrics.gauges = Gauges(nodes=lambda: [NodeState("primary", "10.0.0.1", True)])
    proxy.metrics.writes_total = 1_234
    server = Running(proxy)
    yield server
    server.stop()


def run(running: Running, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["status", *arguments, "--url", running.url])


def test_what_it_shows(running: Running) -> None:
    running.proxy.mirrors.remaining = 2_000
    result = run(running)
    assert (result.exit_code, result.stderr) == (0, "")
    rows = dict(line.split(maxsplit=1) for line in result.stdout.splitlines() if not line.startswith("to "))
    assert rows["proxy"].startswith(f"version {__version__}, up for ")
    assert rows["ready"] == "yes"
    assert rows["mode"] == "dual_write_async since 2023-11-14 22:13:20+00:00, set by the configuration"
    assert rows["primary"].endswith("nodes are up, answers")
    assert rows["counted"].startswith("1,234 writes, 0 failed, 0 copied, ")
    assert rows["rules"] == "none: nothing is held back"
    assert rows["letters"] == "0 dead letters"
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("to shadow")]
    assert line.endswith("2,000 copies wait, lag 0 s, 100 copies/s, 20 s left")
    assert json.loads(run(running, "--json").stdout)["totals"]["total_writes"] == 1_234


def test_what_is_wrong_is_said(running: Running) -> None:
    running.proxy.reasons = ["no node of the primary is connected"]
    result = run(running)
    assert result.exit_code == 0
    assert "ready       no: no node of the primary is connected" in result.stdout
    CliRunner().invoke(main, ["mirror", "pause", "--url", running.url])
    assert "PAUSED by " in run(running).stdout


class EnoughError(Exception):
    """It has been watched long enough."""


def watched(api: BlockingTransport, console: Console, *, times: int, as_json: bool = False) -> None:
    """Watch it so many times; the server is stopped before the last one."""
    slept = 0

    def sleep(seconds: float) -> None:
        nonlocal slept
        assert seconds == 5.0
        slept += 1
        if slept == times:
            raise EnoughError

    with pytest.raises(EnoughError):
        watch_status(api, every=5.0, as_json=as_json, sleep=sleep, console=console)


def test_it_is_watched_in_a_terminal(running: Running) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120)
    with BlockingTransport(AdminAddress(running.url)) as api:
        watched(api, console, times=3)
    shown = screen.getvalue()
    # Drawn anew, in the same place.
    assert shown.count("dual_write_async since") == 4
    assert "\x1b[1A" in shown


def test_it_is_watched_in_lines_and_goes_on_while_the_proxy_is_away(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    with BlockingTransport(AdminAddress(running.url)) as api:
        watched(api, Console(file=io.StringIO()), times=2, as_json=True)
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["mode"]["mode"] for line in lines] == ["dual_write_async"] * 2
    with BlockingTransport(AdminAddress("http://127.0.0.1:1")) as api:
        watched(api, Console(file=io.StringIO()), times=3)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert [line[:61] for line in captured.err.splitlines()] == [
        "cqlproxy: no proxy can be reached at http://127.0.0.1:1: Conn"
    ] * 3
