"""`cqlproxy ready`, against a real admin server."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from cqlproxy.cli import main
from tests.unit.admin.asking import Proxy
from tests.unit.cli.running import Running


@pytest.fixture
def running() -> Iterator[Running]:
    server = Running(Proxy())
    yield server
    server.stop()


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["ready", *arguments, "--url", url])


def test_a_proxy_that_serves(running: Running) -> None:
    result = run(running.url)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "ready\n", "")


def test_a_proxy_that_does_not_says_why(running: Running) -> None:
    running.proxy.reasons = ["no node of the primary is connected"]
    result = run(running.url)
    assert (result.exit_code, result.stdout) == (1, "not ready\nno node of the primary is connected\n")
    result = run(running.url, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "status": "not ready",
        "reasons": ["no node of the primary is connected"],
    }


def test_a_proxy_that_is_not_there() -> None:
    result = run("http://127.0.0.1:1")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "http://127.0.0.1:1" in result.stderr
