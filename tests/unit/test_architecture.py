"""Who imports whom: the table of docs/architecture.md, held against the sources."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PURE = {"frame_codec", "filters", "statements"}
SERVING = {
    *("cluster", "mirror", "routing", "frontend", "journal", "validation", "exposition", "admin"),
    *("proxy", "service"),
}

# By room: rooms, and modules of cqlproxy that belong to none, which it must not import.
FORBIDDEN: dict[str, set[str]] = {
    "frame_codec": {"*"},
    "filters": {"*"},
    "statements": SERVING | {"client", "cli", "metrics", "config"},
    "tls": SERVING | {"client", "cli"},
    "cluster": SERVING - {"cluster"} | {"client", "cli", "config"},
    "journal": SERVING - {"journal", "cluster"} | {"client", "cli", "config"},
    "mirror": SERVING - {"mirror", "journal", "cluster"} | {"client", "cli", "config"},
    "routing": {
        "frontend",
        "validation",
        "exposition",
        "admin",
        "proxy",
        "service",
        "client",
        "cli",
        "config",
    },
    "validation": {"frontend", "exposition", "admin", "proxy", "service", "client", "cli", "config"},
    "frontend": {"exposition", "admin", "proxy", "service", "client", "cli", "config"},
    "json_writes": {"validation", "exposition", "admin", "proxy", "service", "client", "cli", "config"},
    "live": {"frontend", "validation", "exposition", "admin", "proxy", "service", "client", "cli", "config"},
    "admin": {"frontend", "proxy", "service", "client", "cli"},
    "tracing": {
        "frontend",
        "validation",
        "exposition",
        "admin",
        "proxy",
        "service",
        "client",
        "cli",
        "config",
    },
    "exposition": SERVING - {"cluster", "frontend", "validation", "journal"} | {"client", "cli", "config"},
    "config": SERVING | {"client", "cli", "metrics", "filters", "statements", "preflight"},
    "preflight": {"frontend", "admin", "proxy", "service", "client", "cli"},
    "client": SERVING | {"cli", "config", "metrics", "frame_codec", "filters", "statements", "preflight"},
    "cli": {"frontend", "mirror", "routing", "cluster"},
}

# What the pure rooms must not import of the standard library; the watcher of filters looks at a file.
NOT_PURE = {"asyncio", "socket", "logging", "time", "threading"}
WATCHES = {"filters/watcher.py", "filters/governor.py", "filters/rules_file.py", "filters/resting.py"}


def files(room: str) -> list[Path]:
    folder = ROOT / room if room in ("frame_codec", "filters") else ROOT / "cqlproxy" / room
    return sorted(folder.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Names of modules, but for those that are imported for types alone."""
    tree = ast.parse(path.read_text())
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "cqlproxy":
            yield from (f"cqlproxy.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module


def room_of(module: str) -> str | None:
    """The room, or the module of cqlproxy, that is imported; None for what is not ours."""
    first, *rest = module.split(".")
    if first in ("frame_codec", "filters"):
        return first
    return rest[0] if first == "cqlproxy" and rest else None


@pytest.mark.parametrize("room", FORBIDDEN)
def test_a_room_imports_what_it_may(room: str) -> None:
    found = files(room)
    assert found, "there is such a room"
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in found
        for module in imported(path)
        if (other := room_of(module)) is not None
        and other != room
        and (other in FORBIDDEN[room] or "*" in FORBIDDEN[room])
    ]
    assert wrong == []


@pytest.mark.parametrize("room", sorted(PURE))
def test_the_pure_rooms_are_pure(room: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in files(room)
        if str(path.relative_to(ROOT)) not in WATCHES
        for module in imported(path)
        if module.split(".")[0] in NOT_PURE
    ]
    assert wrong == []


def test_every_room_is_in_the_table_of_the_page() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    rooms = {path.parent.name for path in (ROOT / "cqlproxy").glob("*/__init__.py")}
    assert {room for room in rooms if f"`cqlproxy/{room}/`" not in page} == set()
    assert rooms <= FORBIDDEN.keys()
