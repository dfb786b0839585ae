"""How the programs in other languages than Python are built: into the cache, when they are first asked for.

Versions are locked in each folder, and package managers go where the machine tells them to.
"""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

from bootstrap import cache, packages
from bootstrap.commands import BootstrapError, announce, run

_FOLDER = Path(__file__).parent
_LEFT_OUT = ("node_modules", "target")
_IGNORED = shutil.ignore_patterns(*_LEFT_OUT, ".*")

Command = list[str | Path]


def go(folder: str, *, tags: str = "") -> Command:
    """A program in Go; `tags` are build tags."""
    compiler = _tool(
        "go",
        "Go 1.25 or later: https://go.dev/doc/install, or apt-get install golang-go where it is new enough",
    )

    def build(place: Path) -> None:
        source = _FOLDER / folder
        what: Command = ["-C", source, "build", "-tags", tags, "-o", place / "program", "."]
        run([compiler, *what], purpose=f"build {source}")

    return [_built(folder, build, variant=tags) / "program"]


def node(folder: str) -> Command:
    """A program for Node.js: its sources, beside the packages of package-lock.json."""
    runtime = _tool(
        "node", "Node.js 20 or later: https://nodejs.org/en/download, or apt-get install nodejs npm"
    )
    npm = _tool("npm", "npm: apt-get install npm")

    def build(place: Path) -> None:
        shutil.copytree(
            _FOLDER / folder, place, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*_LEFT_OUT)
        )
        options: Command = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefix", place]
        run([npm, "ci", *options], purpose=f"install the packages of {folder}")

    return [runtime, _built(folder, build) / "main.js"]


def java(folder: str) -> Command:
    """A program in Java, by Maven: its classes beside the jars of the driver."""
    runtime = packages.java()
    maven = packages.maven()
    _tool("javac", "a Java compiler by: apt-get install openjdk-17-jdk-headless")

    def build(place: Path) -> None:
        shutil.copytree(_FOLDER / folder, place, dirs_exist_ok=True, ignore=_IGNORED)
        goals = ["compile", "dependency:copy-dependencies"]
        where = [f"-DoutputDirectory={place / 'jars'}", "-DincludeScope=runtime"]
        run([maven, "-q", "-B", "-f", place / "pom.xml", *goals, *where], purpose=f"build {folder}")

    built = _built(folder, build)
    path = f"{built / 'target' / 'classes'}:{built / 'jars' / '*'}"
    return [runtime, "-XX:TieredStopAtLevel=1", "-cp", path, "cqlproxy.work.Main"]


def rust(folder: str) -> Command:
    """A program in Rust, by cargo."""
    cargo = _tool("cargo", "Rust 1.88 or later by: rustup toolchain install stable")

    def build(place: Path) -> None:
        manifest = _FOLDER / folder / "Cargo.toml"
        what: Command = ["--locked", "--manifest-path", manifest, "--target-dir", place / "target"]
        run([cargo, "build", *what], purpose=f"build {folder}")
        shutil.copy(place / "target" / "debug" / "work", place / "program")
        shutil.rmtree(place / "target")  # some hundred megabytes

    return [_built(folder, build) / "program"]


def _tool(name: str, how: str) -> Path:
    found = shutil.which(name)
    if found is None:
        raise BootstrapError(f"missing on this machine: {name}. Install {how}; then run the tests again")
    return Path(found)


def _built(folder: str, build: Callable[[Path], None], *, variant: str = "") -> Path:
    """The directory that `build` has filled with what is made of the sources in `folder`."""

    def announced(place: Path) -> None:
        announce(f"Building the client in tests/drivers/{folder} {variant}(first run only) ...")
        build(place)

    digest = hashlib.sha256(variant.encode())
    source = _FOLDER / folder
    kept = [path for path in source.rglob("*") if path.is_file() and not _left_out(path.relative_to(source))]
    for path in sorted(kept):
        digest.update(f"\0{path.relative_to(source)}\0".encode() + path.read_bytes())
    return cache.made_once(f"client-{folder}-{digest.hexdigest()[:16]}", announced)


def _left_out(path: Path) -> bool:
    return any(part in _LEFT_OUT or part.startswith(".") for part in path.parts)
