"""Helm and its kind are made by Go, once, at the versions that are pinned, and into the cache."""

from pathlib import Path

import pytest

from bootstrap import go_tools
from bootstrap.commands import BootstrapError


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with one directory of its own and an empty cache."""
    place = tmp_path / "bin"
    place.mkdir()
    monkeypatch.setenv("PATH", f"{place}:/usr/bin:/bin")
    monkeypatch.setenv("CQLPROXY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GOFLAGS", "-mod=vendor")
    return place


def go(place: Path, script: str) -> None:
    program = place / "go"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_without_go_the_message_says_what_to_install(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(bare_machine))
    with pytest.raises(BootstrapError, match=r"need helm.*Install Go 1\.26 or later"):
        go_tools.go_tool("helm")


def test_a_tool_is_made_once_at_its_version(bare_machine: Path, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    go(bare_machine, f'echo "$@ $GOTOOLCHAIN $CGO_ENABLED [$GOFLAGS]" >> {asked}; echo > "$GOBIN/helm"')
    found = {go_tools.go_tool("helm") for _ in range(2)}
    (program,) = found
    assert program.exists()
    assert program.is_relative_to(tmp_path / "cache")
    tool = go_tools.TOOLS["helm"]
    assert asked.read_text() == (
        f"install -trimpath -ldflags=-s -w {tool.package}@{tool.version} local 0 []\n"
    )


def test_what_go_does_not_make_is_not_taken_for_made(bare_machine: Path) -> None:
    go(bare_machine, "true")
    with pytest.raises(BootstrapError, match="Go made no helm"):
        go_tools.go_tool("helm")
    go(bare_machine, "echo 'requires go >= 1.99'; exit 1")
    with pytest.raises(BootstrapError, match=r"(?s)could not make helm with Go.*requires go >= 1\.99"):
        go_tools.go_tool("helm")


@pytest.mark.parametrize("tool", go_tools.TOOLS.values())
def test_versions_are_whole(tool: go_tools.Tool) -> None:
    assert tool.version.startswith("v")
    assert tool.version.count(".") == 2
