"""The links of all pages lead somewhere in this checkout: to files, and to headings in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACES = ("*.md", "docs/*.md", "docs/runbooks/*.md", "benchmarks/*.md", "k8s/**/*.md", "tests/pods/**/*.md")
PAGES = sorted(page for place in PLACES for page in ROOT.glob(place))


def headings(page: Path) -> set[str]:
    """As they are written after ``#`` in a link."""
    found = set()
    for heading in re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.lower())
        found.add(plain.replace(" ", "-"))
    return found


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links(page: Path) -> None:
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith(("http:", "https:")):
            continue
        file, _, heading = target.partition("#")
        place = (page.parent / file).resolve() if file else page
        if not place.exists() or (heading and heading not in headings(place)):
            wrong.append(target)
    assert wrong == []


def test_the_front_door_leads_to_every_page() -> None:
    front = (ROOT / "README.md").read_text()
    assert [page.name for page in (ROOT / "docs").glob("*.md") if f"docs/{page.name}" not in front] == []
