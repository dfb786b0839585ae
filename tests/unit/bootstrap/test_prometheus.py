"""Prometheus is fetched without being installed, and one that is there is used."""

import os
from pathlib import Path

import pytest

from bootstrap import prometheus
from bootstrap.commands import BootstrapError


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with one directory, which is empty, and an empty cache."""
    place = tmp_path / "bin"
    place.mkdir()
    monkeypatch.setenv("PATH", str(place))
    monkeypatch.setenv("CQLPROXY_CACHE", str(tmp_path / "cache"))
    return place


def program(place: Path, name: str, script: str = "") -> Path:
    path = place / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_what_is_on_the_path_is_used(bare_machine: Path) -> None:
    expected = program(bare_machine, "prometheus"), program(bare_machine, "promtool")
    assert prometheus.programs() == expected


def test_without_apt_the_message_says_what_to_install(bare_machine: Path) -> None:
    with pytest.raises(BootstrapError, match=r"Install Prometheus 2\.42 or later"):
        prometheus.programs()


def test_the_package_is_unpacked_once_and_not_installed(bare_machine: Path, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    program(bare_machine, "apt-get", f'echo "$@" >> {asked}; echo > prometheus.deb')
    program(bare_machine, "dpkg-deb", 'test "$1" = --extract && echo > "$3/unpacked"')
    for _ in range(2):
        found = prometheus.programs()
    assert found.promtool == tmp_path / "cache" / "prometheus" / "usr" / "bin" / "promtool"
    assert asked.read_text() == "download --quiet prometheus\n"
    assert [path.name for path in (tmp_path / "cache" / "prometheus").iterdir()] == ["unpacked"]


def test_lists_that_are_missing_are_refreshed(
    bare_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists = tmp_path / "lists"
    program(
        bare_machine,
        "apt-get",
        f"case $1 in update) echo > {lists};; download) test -f {lists} && echo > prometheus.deb;; esac",
    )
    program(bare_machine, "dpkg-deb")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert prometheus.programs().prometheus.name == "prometheus"


def test_who_may_not_refresh_them_is_told_what_apt_said(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(bare_machine, "apt-get", "echo E: no such package >&2; exit 100")
    program(bare_machine, "dpkg-deb")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(BootstrapError, match="no such package"):
        prometheus.programs()
