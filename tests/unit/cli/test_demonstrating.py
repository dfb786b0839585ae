"""`cqlproxy demo` starts what the checkout has, and says what it needs where there is none."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from cqlproxy.cli import demonstrating, main

ROOT = Path(__file__).parents[3]


class Replaced(BaseException):
    """What would become another program."""


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, list[str]]]:
    seen: list[tuple[Path, list[str]]] = []

    def execute(program: str, arguments: list[str]) -> None:
        seen.append((Path.cwd(), arguments))
        raise Replaced

    monkeypatch.setattr(os, "execv", execute)
    # It changes the directory, which is put back afterwards.
    monkeypatch.chdir(Path.cwd())
    return seen


@pytest.mark.parametrize("option", [[], ["--keep"]])
def test_from_a_checkout_and_below_it(
    option: list[str], became: list[tuple[Path, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT / "docs")
    with pytest.raises(Replaced):
        main(["demo", *option], standalone_mode=False)
    bootstrap = [sys.executable, "-m", "bootstrap", "--java", "python", "-m", "demo.run"]
    assert became == [(ROOT, [*bootstrap, *option])]


def test_elsewhere_it_says_what_it_needs(
    became: list[tuple[Path, list[str]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        demonstrating, "__file__", str(tmp_path / "site-packages" / "cqlproxy" / "cli" / "d.py")
    )
    result = CliRunner().invoke(main, ["demo"])
    assert (result.exit_code, result.stdout, became) == (1, "", [])
    assert result.stderr.startswith("cqlproxy: the demo runs from a checkout of the project")
