"""Each environment's lock holds what pyproject.toml asks for, to the version and with hashes."""

import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bootstrap.environments import REQUIREMENTS
from bootstrap.locks import lock

_PINNED = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;]+)(?: ; (?P<marker>.+))?")


def entries(name: str) -> list[tuple[str, list[str]]]:
    """The requirements of a lock, each with its hashes."""
    text = lock(name).read_text().replace("\\\n", " ")
    lines = [line.split("--hash=") for line in text.splitlines() if line and not line.startswith("#")]
    return [(first.strip(), [value.strip() for value in hashes]) for first, *hashes in lines]


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_each_package_is_locked_to_a_version_and_has_hashes(name: str) -> None:
    assert entries(name)
    for pinned, hashes in entries(name):
        assert _PINNED.fullmatch(pinned), pinned
        assert hashes, pinned
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", value) for value in hashes)


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_what_is_asked_for_is_locked_in_a_version_that_it_allows(name: str) -> None:
    locked: dict[str, set[str]] = {}
    for pinned, _ in entries(name):
        found = _PINNED.fullmatch(pinned)
        assert found is not None
        locked.setdefault(canonicalize_name(found["name"]), set()).add(found["version"])
    for text in REQUIREMENTS[name]():
        wanted = Requirement(text)
        versions = locked.get(canonicalize_name(wanted.name), set())
        assert versions, f"{text} is not locked: make lock"
        assert all(wanted.specifier.contains(version) for version in versions), f"{text}: make lock"


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_no_lock_says_where_packages_come_from(name: str) -> None:
    assert "://" not in lock(name).read_text()


def test_the_image_holds_what_was_tested() -> None:
    tested = {pinned for pinned, _ in entries("project")}
    assert [pinned for pinned, _ in entries("image") + entries("build") if pinned not in tested] == []
