"""Other programs get the addresses of the clusters, are awaited, and not measured when they are not there."""

import json
import os
import socket
import stat
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.contestants import haproxy
from benchmarks.contestants.contestant import Clusters, started_program
from benchmarks.contestants.other_proxies import (
    CQL_PROXY,
    ZDM,
    others,
    start_cql_proxy,
    start_zdm,
)
from benchmarks.errors import BenchmarkError
from benchmarks.proxy_under_load import Measured
from tests.nodes import ProcessError, loopback_address

_CLUSTERS = Clusters(
    SimpleNamespace(address="127.0.1.1", port=9142), SimpleNamespace(address="127.0.1.2", port=9242)
)

_PROGRAM = """\
#!{python} -S
import json, os, socket, sys
settings = {{key: value for key, value in os.environ.items() if key.startswith("ZDM_")}}
with open(sys.argv[0] + ".said", "w") as said:
    json.dump([settings, sys.argv[1:]], said)
address = settings.get("ZDM_PROXY_LISTEN_ADDRESS")
if address is None:
    address = sys.argv[sys.argv.index("--bind") + 1].rpartition(":")[0]
listening = socket.create_server((address, 9042))
while True:
    listening.accept()
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A proxy that listens where it is told to, and notes what it was told."""
    return _executable(tmp_path / "proxy", _PROGRAM.format(python=sys.executable))


def _executable(file: Path, text: str) -> Path:
    file.write_text(text)
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


def _told(
    start: Callable[[ExitStack, Clusters, Path], Measured], program: Path
) -> tuple[Measured, dict[str, str], list[str]]:
    """What `start` measures, and the settings and options that the program was given."""
    with ExitStack() as running:
        measured = start(running, _CLUSTERS, program)
        assert Path("/proc", str(measured.pid)).exists()
        socket.create_connection((measured.host, measured.port), 5).close()
    assert not Path("/proc", str(measured.pid)).exists()
    settings, options = json.loads(program.with_name("proxy.said").read_text())
    return measured, settings, options


def test_zdm_is_told_of_both_clusters(program: Path) -> None:
    measured, settings, options = _told(start_zdm, program)
    assert options == []
    assert settings["ZDM_PROXY_LISTEN_ADDRESS"] == measured.host
    assert (settings["ZDM_ORIGIN_CONTACT_POINTS"], settings["ZDM_ORIGIN_PORT"]) == ("127.0.1.1", "9142")
    assert (settings["ZDM_TARGET_CONTACT_POINTS"], settings["ZDM_TARGET_PORT"]) == ("127.0.1.2", "9242")
    assert {"ZDM_ORIGIN_USERNAME", "ZDM_TARGET_PASSWORD"} <= settings.keys()
    assert int(settings["ZDM_PROXY_MAX_CLIENT_CONNECTIONS"]) > 1000


def test_cql_proxy_is_told_of_the_primary(program: Path) -> None:
    measured, _, options = _told(start_cql_proxy, program)
    given = dict(zip(options[::2], options[1::2], strict=True))
    assert given == {
        "--contact-points": "127.0.1.1",
        "--port": "9142",
        "--bind": f"{measured.host}:9042",
        "--database-type": "cassandra",
    }


def test_others_are_those_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZDM_PROXY", raising=False)
    monkeypatch.delenv("CQL_PROXY", raising=False)
    assert others() == []
    monkeypatch.setenv("CQL_PROXY", "/bin/cql-proxy")
    monkeypatch.setenv("ZDM_PROXY", "/bin/zdm-proxy")
    assert [contestant.name for contestant in others()] == [ZDM, CQL_PROXY]


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    file = tmp_path / "missing"
    with ExitStack() as running, pytest.raises(BenchmarkError, match=f"zdm: there is no program {file}"):
        start_zdm(running, _CLUSTERS, file)
    file.write_text("not to be run")
    assert not os.access(file, os.X_OK)
    with ExitStack() as running, pytest.raises(BenchmarkError, match="there is no program"):
        start_zdm(running, _CLUSTERS, file)


def test_a_program_that_ends_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    ends = _executable(tmp_path / "ends", f"#!{sys.executable} -S\nimport sys\nsys.exit('no such setting')\n")
    with ExitStack() as running, pytest.raises(ProcessError, match="no such setting"):
        started_program(running, "it", [ends], loopback_address(), place=tmp_path)


def test_haproxy_relays_to_the_primary_with_one_thread() -> None:
    lines = [line.split() for line in haproxy.configuration("127.0.2.1", _CLUSTERS).splitlines()]
    assert ["nbthread", "1"] in lines
    assert ["mode", "tcp"] in lines
    assert ["bind", "127.0.2.1:9042"] in lines
    assert ["server", "primary", "127.0.1.1:9142"] in lines
