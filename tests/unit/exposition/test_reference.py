"""docs/metrics.md, and what the declarations say of the rest of the program."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from cqlproxy.cli import main
from cqlproxy.config.keys import keys
from cqlproxy.exposition import FAMILIES
from cqlproxy.exposition.reference import reference

ROOT = Path(__file__).parents[3]
SAID = "\n".join(f"{family.meaning} {family.unusual}" for family in FAMILIES)


def test_the_page_is_up_to_date() -> None:
    assert (ROOT / "docs" / "metrics.md").read_text() == reference(), "run `make docs`"


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`((?:proxy|process|python)_[a-z_]+)`", SAID))))
def test_the_families_that_are_named_exist(name: str) -> None:
    assert name in {family.name for family in FAMILIES}


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`cqlproxy ([a-z-]+(?: [a-z]+)?)`", SAID))))
def test_the_commands_that_are_named_exist(command: str) -> None:
    found: click.Command | None = main
    with click.Context(main) as context:
        for name in command.split():
            assert isinstance(found, click.Group)
            found = found.get_command(context, name)
            assert found is not None, command


@pytest.mark.parametrize("key", sorted(set(re.findall(r"`((?:mirror|listen)\.[a-z_]+)[:`]", SAID))))
def test_the_keys_that_are_named_exist(key: str) -> None:
    assert key in keys()


@pytest.mark.parametrize("page", [*sorted(ROOT.glob("docs/*.md")), ROOT / "README.md"], ids=lambda p: p.name)
def test_pages_name_only_families_that_there_are(page: Path) -> None:
    names = {family.name for family in FAMILIES}
    named = set(re.findall(r"\bproxy_[a-z_]+(?:_total|_seconds|_bytes|_up|_stale|_info)\b", page.read_text()))
    assert named <= names
