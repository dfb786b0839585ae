"""What shells are given, and what they are offered then."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from cqlproxy.cli import main

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell])
    assert result.exit_code == 0
    assert f"_CQLPROXY_COMPLETE={shell}_complete" in result.stdout


def test_an_unknown_shell_is_exit_2() -> None:
    result = CliRunner().invoke(main, ["completion", "tcsh"])
    assert result.exit_code == 2
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in result.stderr


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("cqlproxy m", {"mode", "mirror", "migrate"}),
        ("cqlproxy mode set d", {"dual_write_async", "dual_write_sync"}),
        ("cqlproxy mode set dual_write_s", {"dual_write_sync"}),
        ("cqlproxy migrate plan.yaml --to t", {"target_only"}),
        ("cqlproxy migrate plan.yaml --roll", {"--rollback"}),
        ("cqlproxy mirror pause --target s", {"shadow"}),
    ],
)
def test_what_is_offered(words: str, offered: set[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from cqlproxy.cli import main; main(prog_name='cqlproxy')"],
        cwd=ROOT,
        env={
            "_CQLPROXY_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split()) - 1),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert {line.partition(",")[2] for line in done.stdout.splitlines()} == offered
