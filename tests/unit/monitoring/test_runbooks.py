"""Each alert has a runbook that says what to do, and all that it tells one to type exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from cqlproxy.cli import main
from cqlproxy.config.keys import keys
from cqlproxy.exposition.families import FAMILIES
from monitoring.queries import named
from monitoring.rules import alerts

ROOT = Path(__file__).parents[3]
PLACE = ROOT / "docs" / "runbooks"
PAGES = sorted(PLACE.glob("*.md"))
OF_ALERTS = [page for page in PAGES if page.name != "README.md"]
PARTS = ["What it means", "Impact", "Look", "Do", "When it clears"]

METRIC = re.compile(r"`((?:proxy|process|python)_\w+)`")
KEY = re.compile(r"`((?:listen|primary|shadow|mirror|admin|filters|log)\.[\w.]+)")

each_page = pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def command_lines(page: Path) -> list[str]:
    in_blocks = [line for block in blocks(page, "sh") for line in block.splitlines()]
    in_text = re.findall(r"`(cqlproxy [^`]+)`", page.read_text())
    return in_blocks + [line for line in in_text if not line.endswith("--version")]


def parse(words: list[str]) -> None:
    """As the program parses them; nothing is carried out. Raises `click.ClickException`."""
    name: str | None = None
    command: click.Command = main
    while isinstance(command, click.Group):
        name, found, words = command.resolve_command(click.Context(command), words)
        assert found is not None
        command = found
    command.make_context(name, words)


@pytest.mark.parametrize("name", sorted({alert.name for alert in alerts()}))
def test_each_alert_has_one(name: str) -> None:
    (runbook,) = {alert.runbook for alert in alerts() if alert.name == name}
    page = ROOT / runbook
    assert page.parent == PLACE
    assert page.read_text().splitlines()[0] == f"# {name}"
    assert re.findall(r"^## (.*)$", page.read_text(), re.MULTILINE) == PARTS


def test_each_belongs_to_an_alert_and_is_in_the_list() -> None:
    assert {page.relative_to(ROOT).as_posix() for page in OF_ALERTS} == {alert.runbook for alert in alerts()}
    row = re.compile(r"^\| \[(\w+)\]\(([\w-]+\.md)\) \| (.*?) \|", re.MULTILINE)
    listed = row.findall((PLACE / "README.md").read_text())
    severities: dict[str, set[str]] = {}
    for alert in alerts():
        severities.setdefault(alert.name, set()).add(alert.severity)
    files = {alert.name: Path(alert.runbook).name for alert in alerts()}
    assert listed == [(name, files[name], " or ".join(sorted(severities[name]))) for name in severities]


@each_page
def test_its_commands_exist(page: Path) -> None:
    wrong = []
    for line in command_lines(page):
        program, *words = shlex.split(line)
        assert program == "cqlproxy", line
        try:
            parse(words)
        except click.ClickException as error:
            # Files of the example are not here; all else is as the program wants it.
            if not (isinstance(error, click.BadParameter) and "does not exist" in error.message):
                wrong.append(f"{line}: {error.format_message()}")
    assert wrong == []


@each_page
def test_its_metrics_and_keys_exist(page: Path) -> None:
    text = page.read_text()
    families = {family.name for family in FAMILIES}
    assert set(METRIC.findall(text)) <= families
    assert {key.rstrip(".") for key in KEY.findall(text)} <= set(keys())


@each_page
def test_its_queries_name_what_is_there(page: Path) -> None:
    labels = {family.name: set(family.labels) for family in FAMILIES}
    inline = re.findall(r"`(sum [^`]+)`", page.read_text())
    for query in [*blocks(page, "promql"), *inline]:
        for metric, wanted in named(query).items():
            assert wanted <= labels[metric], query


def test_a_command_that_is_wrong_is_noticed() -> None:
    for wrong in ("mirror shwo", "mode set", "config get --yaml", "dead-letters replay --colour red"):
        with pytest.raises(click.ClickException):
            parse(wrong.split())
    with pytest.raises(click.ClickException):
        parse(["mirror", "drain", "--target", "nobody"])
