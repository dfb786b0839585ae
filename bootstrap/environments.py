"""The virtual environments: the project's own, one for the unchanged DataStax driver, one for the profiler.

The first two are apart because scylla-driver, which the proxy is built on, and cassandra-driver, which the
tests and the demo use as an application would, both install a package named ``cassandra``.
"""

import hashlib
import sys
import tomllib
from pathlib import Path

from bootstrap import cache
from bootstrap.commands import announce, run

CHECKOUT = Path(__file__).resolve().parent.parent

_DRIVER_REQUIREMENTS = ("cassandra-driver==3.29.3", "lz4>=4.3,<5")


def project_python(*, plots: bool = False) -> Path:
    """The interpreter of the project's environment, which has this checkout installed in place.

    Made on the first call for this checkout, this Python and this pyproject.toml; with `plots` it is another
    one, which has what draws them.
    """
    extras = "test,dev,plots" if plots else "test,dev"

    def make(place: Path) -> None:
        announce("Making the project's virtual environment (first run only) ...")
        _make_environment(place, "--editable", f"{CHECKOUT}[{extras}]")

    key = _key((CHECKOUT / "pyproject.toml").read_text(), str(CHECKOUT), *(["plots"] if plots else []))
    return cache.made_once(f"project-{key}", make) / "bin" / "python"


def driver_python() -> Path:
    """The interpreter of the environment with cassandra-driver and nothing of ours; made when first asked."""

    def make(place: Path) -> None:
        announce("Making a virtual environment for the unchanged cassandra-driver (first run only) ...")
        _make_environment(place, *_DRIVER_REQUIREMENTS)

    return cache.made_once(f"driver-{_key(*_DRIVER_REQUIREMENTS)}", make) / "bin" / "python"


def profiler_scripts() -> Path:
    """The programs of the environment with py-spy, which nothing else needs; made when first asked.

    What it holds is the group ``bench`` of pyproject.toml.
    """
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    requirements: list[str] = project["project"]["optional-dependencies"]["bench"]

    def make(place: Path) -> None:
        announce("Making a virtual environment for the profiler (first run only) ...")
        _make_environment(place, *requirements)

    return cache.made_once(f"profiler-{_key(*requirements)}", make) / "bin"


def _key(*parts: str) -> str:
    # base_prefix, not prefix: it is the same from inside the project's environment and before that exists.
    return hashlib.sha256("\0".join((sys.version, sys.base_prefix, *parts)).encode()).hexdigest()[:16]


def _make_environment(place: Path, *requirements: str) -> None:
    run([sys.executable, "-m", "venv", place], purpose="make a virtual environment")
    run(
        [
            place / "bin" / "python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            *requirements,
        ],
        purpose="install Python packages",
    )
