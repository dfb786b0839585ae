"""Settings of a running proxy, changed by command and by an edited file: they take effect at once."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from cqlproxy.cli import main
from frame_codec import Opcode, Query, QueryParameters
from tests.integration.conftest import StartProxy
from tests.integration.raw_client import RawClient
from tests.nodes import CassandraNode, ProxyProcess
from tests.nodes.addresses import ADMIN_PORT

SCHEMA = (
    "CREATE KEYSPACE adjusted WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    "CREATE TABLE adjusted.t (k int PRIMARY KEY, v text)",
)


@pytest.fixture(scope="module")
def proxy(start_module_proxy: StartProxy) -> ProxyProcess:
    proxy = start_module_proxy(mirror={"journal": "off"}, log={"format": "json"})
    with RawClient(proxy) as client:
        client.start()
        for text in SCHEMA:
            ask(client, text)
    proxy.wait_copied()
    return proxy


def ask(client: RawClient, text: str) -> None:
    client.request(Query(text, QueryParameters()))
    client.expect(Opcode.RESULT, stream=1)


def config(proxy: ProxyProcess, *arguments: object) -> Result:
    url = f"http://{proxy.address}:{ADMIN_PORT}"
    return CliRunner().invoke(main, ["config", *map(str, arguments), "--url", url])


def shown(proxy: ProxyProcess) -> dict[str, Any]:
    result = config(proxy, "get", "--json")
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def edit(proxy: ProxyProcess, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the configuration file, and tell the proxy."""
    document = yaml.safe_load(proxy.config_file.read_text())
    change(document)
    proxy.config_file.write_text(yaml.safe_dump(document))
    proxy.send(signal.SIGHUP)


def wait_for(proxy: ProxyProcess, holds: Callable[[], bool], what: str) -> None:
    proxy.wait_until(lambda stats: holds(), 20, what=what)


def test_bounds_of_the_mirror_hold_from_the_command_on(proxy: ProxyProcess, shadow: CassandraNode) -> None:
    shadow.pause()
    result = config(proxy, "set", "mirror.max_requests", 3)
    assert (result.exit_code, result.stdout) == (
        0,
        "mirror.max_requests is 3 now, after 50000, until the proxy ends.\n",
    )
    again = config(proxy, "set", "mirror.max_requests", 3)
    assert (again.exit_code, again.stdout) == (0, "mirror.max_requests was so already.\n")
    with RawClient(proxy) as client:
        client.start()
        for key in range(10):
            ask(client, f"INSERT INTO adjusted.t (k, v) VALUES ({key}, 'x')")
    assert proxy.stats()["queue_depth"] == 3
    assert proxy.stats()["dropped_writes"] == 7
    assert config(proxy, "set", "mirror.max_requests", 50_000).exit_code == 0
    shadow.resume()
    proxy.wait_copied()


def test_reads_are_compared_from_the_command_on(proxy: ProxyProcess) -> None:
    def read() -> None:
        with RawClient(proxy) as client:
            client.start()
            ask(client, "SELECT * FROM adjusted.t WHERE k = 0")

    def looked_at() -> float:
        by_reason = proxy.stats()["validation_skipped_by_reason"]
        assert isinstance(by_reason, dict)
        return proxy.count("validated_reads") + sum(by_reason.values())

    read()
    assert looked_at() == 0
    assert config(proxy, "set", "validation_percentage", 100).exit_code == 0
    read()
    wait_for(proxy, lambda: looked_at() == 1, "a comparison")
    assert config(proxy, "set", "validation_percentage", 0).exit_code == 0
    read()
    assert looked_at() == 1


def test_an_edited_file_is_in_force_after_sighup_and_what_needs_a_restart_is_named(
    proxy: ProxyProcess,
) -> None:
    def change(document: dict[str, Any]) -> None:
        document["log"] = {"format": "json", "level": "debug"}
        document["mirror"]["replay_rate"] = 123
        document["listen"]["max_clients"] = 77
        document["mode"] = "primary_only"

    edit(proxy, change)
    wait_for(proxy, lambda: shown(proxy)["needs_restart"] == ["listen.max_clients"], "the file's settings")
    body = shown(proxy)
    assert body["differs_from_file"] == ["listen.max_clients"]
    assert (body["config"]["mode"], body["config"]["log"]["level"]) == ("primary_only", "debug")
    assert body["config"]["mirror"]["replay_rate"] == 123
    assert proxy.stats()["mode"] == "primary_only"
    records = [json.loads(line) for line in proxy.log.read_text().splitlines()]
    (told,) = [record for record in records if record["message"] == "mirror.replay_rate is now 123"]
    assert (told["previous"], told["by"]) == (20_000, "SIGHUP")
    assert any(record["message"] == "needs a restart: listen.max_clients" for record in records)

    edit(proxy, lambda document: document.update(log={"level": "loud"}, mirror={"replay_rate": 5}))
    unused = f"the configuration file cannot be used; what was in force stays so: {proxy.config_file}:"
    wait_for(proxy, lambda: unused in proxy.log.read_text(), "a complaint")
    assert {**shown(proxy), "file_problems": []} == body
    assert "# the file cannot be used as it is now: " in config(proxy, "get").stdout
    assert config(proxy, "set", "mode", "dual_write_async").stdout == (
        "mode is dual_write_async now, after primary_only.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        (("listen.port", 1), 1, "cqlproxy: listen.port: cannot be changed while the proxy runs: "),
        (("listen.prot", 1), 2, "KEY: listen.prot is not a known key, did you mean port? (accepted here: "),
        (("mirror.replay_rate", "fast"), 2, "mirror.replay_rate: must be a whole number from 1 to 10000000"),
        (("mirror", "{}"), 2, "mirror: is a section: name its keys, such as mirror.max_requests"),
        (("mode", "dual"), 2, "mode: 'dual' is not a mode"),
    ],
)  # fmt: skip
def test_what_cannot_be_changed_says_so(
    proxy: ProxyProcess, arguments: tuple[object, ...], status: int, line: str
) -> None:
    before = shown(proxy)
    result = config(proxy, "set", *arguments)
    assert (result.exit_code, result.stdout) == (status, "")
    assert result.stderr.startswith(line), result.stderr
    assert shown(proxy) == before


def test_it_listens_soon_and_is_small(start_proxy: StartProxy) -> None:
    proxy = start_proxy(launch=False)
    began = time.monotonic()
    proxy.launch()
    proxy.wait_ready()
    took = time.monotonic() - began
    told = Path(f"/proc/{proxy.pid}/status").read_text()
    status = dict(line.split(":", 1) for line in told.splitlines())
    resident = int(status["VmRSS"].split()[0]) / 1000
    print(f"listening after {took:.2f} s, {resident:.0f} MB resident")
    assert resident < 90
    assert took < 10, "by far: the goal is 1.5 s where nothing else runs"
