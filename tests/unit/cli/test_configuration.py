"""`cqlproxy config`: what it prints of the configuration in force, what it asks for, and how it fails."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import yaml
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator

from cqlproxy.cli import main
from tests.unit.admin.asking import Proxy
from tests.unit.cli.running import Running


@pytest.fixture
def running() -> Iterator[Running]:
    server = Running(Proxy())
    yield server
    server.stop()


def run(running: Running, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["config", *arguments, "--url", running.url])


def test_the_whole_of_it_as_it_would_be_written(running: Running) -> None:
    result = run(running, "get")
    assert (result.exit_code, result.stderr) == (0, "")
    assert yaml.safe_load(result.stdout) == running.proxy.config.shown()["config"]
    shown = run(running, "get", "--json")
    assert json.loads(shown.stdout) == running.proxy.config.shown()


@pytest.mark.parametrize(
    ("key", "text", "value"), [("log.level", "info\n", "info"), ("listen.port", "9042\n", 9042)]
)
def test_one_value(running: Running, key: str, text: str, value: object) -> None:
    assert run(running, "get", key).stdout == text
    assert json.loads(run(running, "get", key, "--json").stdout) == {"key": key, "value": value}


def test_a_value_is_changed_once(running: Running) -> None:
    first, second = (run(running, "set", "log.level", "debug") for _ in range(2))
    assert first.stdout == "log.level is debug now, after info, until the proxy ends.\n"
    assert second.stdout == "log.level was so already.\n"
    assert [changes for changes, _ in running.proxy.config.asked] == [{"log.level": "debug"}] * 2
    assert "@" in running.proxy.config.asked[0][1]
    as_json = run(running, "set", "log.level", "info", "--json")
    assert json.loads(as_json.stdout)["changed"] == {"log.level": {"from": "debug", "to": "info"}}


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        (["get", "log.levle"], 2, "KEY: log.levle is not a known key, did you mean level? (accepted here: "),
        (["set", "log.levle", "info"], 2, "KEY: log.levle is not a known key, did you mean level? "),
        (["set", "log.level", "loud"], 2, "log.level: must be one of info, debug"),
        (["set", "listen.port", "1"], 1, "cqlproxy: listen.port: needs a restart"),
    ],
)
def test_what_is_refused(running: Running, arguments: list[str], status: int, line: str) -> None:
    result = run(running, *arguments)
    assert (result.exit_code, result.stdout) == (status, "")
    assert result.stderr.startswith(line)


def test_what_is_refused_as_json(running: Running) -> None:
    result = run(running, "set", "listen.port", "1", "--json")
    assert (result.exit_code, json.loads(result.stdout)["field"]) == (1, "set.listen.port")


@pytest.mark.parametrize("arguments", [["get"], ["get", "log.level"], ["set", "log.level", "debug"]])
def test_a_proxy_that_is_not_there(arguments: list[str]) -> None:
    result = CliRunner().invoke(main, ["config", *arguments, "--url", "http://127.0.0.1:1"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "http://127.0.0.1:1" in result.stderr


def test_the_schema_is_printed_without_a_proxy() -> None:
    result = CliRunner().invoke(main, ["config", "schema"])
    assert result.exit_code == 0
    Draft202012Validator.check_schema(json.loads(result.stdout))


@pytest.mark.parametrize("command", ["get", "set", "schema"])
def test_each_command_shows_an_example(command: str) -> None:
    result = CliRunner().invoke(main, ["config", command, "--help"])
    assert f"cqlproxy config {command}" in result.stdout
