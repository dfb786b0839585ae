"""Every example of the help and of the pages is run against a running proxy, as it stands there.

What follows `|` or `>` is left out, and the address of an example is that of the proxy here.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from cqlproxy.cli import main
from cqlproxy.cli.reference import commands, examples
from tests.integration.conftest import StartProxy
from tests.integration.dead_letters import letters_of
from tests.integration.modes import switch
from tests.nodes import CassandraNode, DriverProgram, ProxyProcess
from tests.nodes.addresses import ADMIN_PORT

_ROOT = Path(__file__).parents[2]
_PAGES = ["README.md", "docs/migration.md", "docs/security.md", "docs/configuration.md", "docs/operations.md"]
_PROGRAM = Path(__file__).parent / "programs" / "lost_on_the_shadow.py"

NOT_RUN = {
    "serve": "the proxy here was started by it",
    "demo": "it starts clusters of its own; `make demo` is tried by hand before each release",
}
LETTERS = 20


def _of_pages() -> Iterator[str]:
    """The lines with commands in the blocks of shell of all pages."""
    for page in _PAGES:
        for block in re.findall(r"```sh\n(.*?)```", (_ROOT / page).read_text(), re.DOTALL):
            for line in block.splitlines():
                command = line.removeprefix("venv/bin/")
                if command.startswith("cqlproxy "):
                    yield command


def _words(example: str) -> list[str]:
    """What is given to the command."""
    words = shlex.split(example, comments=True)[1:]
    for end in ("|", ">"):
        words = words[: words.index(end)] if end in words else words
    return words


EXAMPLES = sorted(
    {shlex.join(_words(example)) for _, command in commands() for example in examples(command)}
    | {shlex.join(_words(example)) for example in _of_pages()},
    # First what leaves dead letters as they are.
    key=lambda example: ("replay" in example or "purge" in example, example),
)


@pytest.fixture(scope="module")
def proxy(start_module_proxy: StartProxy, primary: CassandraNode, root: Path) -> ProxyProcess:
    """With rules, dead letters, and a plan beside its configuration."""
    started = start_module_proxy(rules={"table_blacklist": ["*.migrations"]})
    folder = started.config_file.parent
    (folder / "config").symlink_to(folder)
    for name in ("plan.yaml", "migration.yaml"):
        when = {"no_dead_letters": False, "confirm": "Is it there?"}
        (folder / name).write_text(
            yaml.safe_dump(
                {
                    "proxies": [f"http://{started.address}:{ADMIN_PORT}"],
                    "look_every": "20ms",
                    "steps": [
                        {"to": "dual_write_async", "when": when},
                        *({"to": mode, "when": {"no_dead_letters": False}} for mode in _LATER),
                    ],
                }
            )
        )
    _lose(started, primary, root)
    return started


_LATER = ("dual_write_sync", "shadow_primary", "target_only")


def _lose(proxy: ProxyProcess, primary: CassandraNode, root: Path) -> None:
    """Make dead letters: writes to a table that the shadow lacks."""
    DriverProgram(
        _PROGRAM, proxy.address, proxy.port, primary.address, primary.port, "examples", root=root
    ).result(60)
    proxy.wait_until(lambda stats: stats["dead_letters"] == LETTERS, 30, what="dead letters")
    assert {letter["reason"] for letter in letters_of(proxy)} == {"rejected"}


@pytest.fixture(autouse=True)
def _as_an_operator(proxy: ProxyProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(proxy.config_file.parent)
    monkeypatch.setenv("CQLPROXY_URL", f"http://{proxy.address}:{ADMIN_PORT}")


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs(example: str, proxy: ProxyProcess) -> None:
    words = shlex.split(example)
    if "--url" in words:
        words[words.index("--url") + 1] = f"http://{proxy.address}:{ADMIN_PORT}"
    if words[0] in NOT_RUN or "--watch" in words:
        _is_understood(words)
        return
    if words[0] == "migrate":
        for journal in proxy.config_file.parent.glob("*.journal"):
            journal.unlink()
        switch(proxy, "dual_write_sync" if "--rollback" in words else "primary_only", force=True)
        if not {"--confirm", "--rollback", "--status"} & set(words):
            words.append("--confirm")
    result = CliRunner().invoke(main, words, input="y\n")
    try:
        expected = {0, 1} if "--connect" in words else {0}
        assert result.exit_code in expected, result.output
        assert result.stdout or words[:2] == ["dead-letters", "export"]
    finally:
        CliRunner().invoke(main, ["mirror", "resume"])
        switch(proxy, "dual_write_async", force=True)


def _is_understood(words: list[str]) -> None:
    """Its options and arguments are those of the command."""
    command = main.get_command(main.make_context("cqlproxy", [words[0]]), words[0])
    assert command is not None
    command.make_context(words[0], words[1:])


def test_there_are_examples_of_every_kind() -> None:
    first = {shlex.split(example)[0] for example in EXAMPLES}
    assert first >= {"serve", "demo", "check-config", "config", "status", "mode", "filters", "mirror"}
    assert first >= {"dead-letters", "migrate", "completion"}
