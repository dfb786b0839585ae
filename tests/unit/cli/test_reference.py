"""docs/cli.md is what the commands say; each of them shows an example and speaks JSON."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from cqlproxy.cli.reference import commands, examples, reference

ROOT = Path(__file__).parents[3]
COMMANDS = dict(commands())
LEAVES = {path: command for path, command in COMMANDS.items() if not isinstance(command, click.Group)}

# What they print is for no program, or is lines of JSON already.
WITHOUT_JSON = {
    "cqlproxy serve",
    "cqlproxy demo",
    "cqlproxy completion",
    "cqlproxy dead-letters export",
    "cqlproxy config schema",
}


def test_the_page_is_up_to_date() -> None:
    page = (ROOT / "docs" / "cli.md").read_text()
    assert page == reference(), "run: python -m cqlproxy.cli.reference > docs/cli.md"


def test_all_commands_of_the_operator_are_there() -> None:
    wanted = "serve demo check-config config status ready mode filters mirror dead-letters migrate completion"
    assert {f"cqlproxy {name}" for name in wanted.split()} <= COMMANDS.keys()


@pytest.mark.parametrize("path", COMMANDS)
def test_each_shows_examples_of_itself(path: str) -> None:
    shown = examples(COMMANDS[path])
    assert shown
    assert all(example.startswith(f"{path} ") or example == path for example in shown)


@pytest.mark.parametrize("path", sorted(LEAVES.keys() - WITHOUT_JSON))
def test_each_speaks_json(path: str) -> None:
    assert any("--json" in parameter.opts for parameter in LEAVES[path].params)


@pytest.mark.parametrize("path", COMMANDS)
def test_every_option_and_argument_is_explained(path: str) -> None:
    for parameter in COMMANDS[path].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{path} {parameter.opts}"


def test_the_first_words_of_a_command_import_little() -> None:
    program = (
        "import sys; from cqlproxy.cli import main; main(['--version'], standalone_mode=False);"
        " print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert {"httpx", "pydantic", "rich", "yaml", "uvloop", "cassandra"}.isdisjoint(done.stderr.split())
