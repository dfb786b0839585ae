"""What is missing on the machine is named, with the command that installs it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap import packages
from bootstrap.commands import BootstrapError


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A PATH with nothing on it, and no Java at Debian's place either."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(packages, "_DEBIAN_JAVA", tmp_path)
    monkeypatch.setattr(packages, "_DEBIAN_HAPROXY", tmp_path / "sbin" / "haproxy")
    packages.find_java.cache_clear()
    yield tmp_path
    packages.find_java.cache_clear()


def _java_that_says(place: Path, version: str) -> None:
    place.mkdir(parents=True, exist_ok=True)
    program = place / "java"
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2026-01-01' >&2\n")
    program.chmod(0o755)


@pytest.mark.usefixtures("bare_machine")
def test_without_apt_the_message_names_what_to_install() -> None:
    with pytest.raises(BootstrapError) as caught:
        packages.provide(java=True)
    assert "apt-get install --no-install-recommends openjdk-17-jre-headless maven" in str(caught.value)


@pytest.mark.usefixtures("bare_machine")
def test_java_is_not_asked_for_where_it_is_not_needed() -> None:
    packages.provide(java=False)


def test_another_java_first_on_the_path_is_passed_over(bare_machine: Path) -> None:
    _java_that_says(bare_machine, "21.0.2")
    assert packages.find_java() is None

    packages.find_java.cache_clear()
    _java_that_says(bare_machine / "java-17-openjdk" / "bin", "17.0.15")
    assert packages.java() == bare_machine / "java-17-openjdk" / "bin" / "java"


def test_haproxy_is_asked_for_where_it_is_needed(bare_machine: Path) -> None:
    with pytest.raises(BootstrapError, match="apt-get install --no-install-recommends haproxy"):
        packages.provide(haproxy=True)
    program = bare_machine / "haproxy"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    packages.provide(haproxy=True)
    assert packages.haproxy() == program


def test_chromium_is_asked_for_where_it_is_needed(bare_machine: Path) -> None:
    with pytest.raises(BootstrapError, match="apt-get install --no-install-recommends chromium"):
        packages.provide(chromium=True)
    with pytest.raises(BootstrapError, match="apt-get install --no-install-recommends chromium"):
        packages.chromium()
    program = bare_machine / "chromium"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    packages.provide(chromium=True)
    assert packages.chromium() == program
