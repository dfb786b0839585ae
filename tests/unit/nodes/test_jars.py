"""Cassandra's jars are asked of Maven once, and a failure of it is told."""

import os
from pathlib import Path

import pytest

from bootstrap.commands import BootstrapError
from tests.nodes.jars import cassandra_jars

_MAVEN = """#!/bin/sh
for word; do case $word in -DoutputDirectory=*) place=${word#*=} ;; esac; done
grep -q '<version>9.9</version>' "$place/pom.xml" || exit 9
echo run >> "$RUNS"
touch "$place/b.jar" "$place/a.jar"
"""


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Maven that makes two jars and counts its runs in the file returned."""
    (tmp_path / "mvn").write_text(_MAVEN)
    (tmp_path / "mvn").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("CQLPROXY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "runs"


def test_jars_are_fetched_once(runs: Path) -> None:
    assert [jar.name for jar in cassandra_jars("9.9")] == ["a.jar", "b.jar"]
    assert [jar.name for jar in cassandra_jars("9.9")] == ["a.jar", "b.jar"]
    assert runs.read_text() == "run\n"


@pytest.mark.usefixtures("runs")
def test_a_failed_fetch_is_told_and_not_kept() -> None:
    for _ in range(2):
        with pytest.raises(BootstrapError, match=r"could not fetch Cassandra 8\.8: .*mvn ended with 9"):
            cassandra_jars("8.8")
