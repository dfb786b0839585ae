"""Prometheus and promtool, by which dashboards and alerts are tested: those on PATH, else Debian's.

Debian's package is fetched by apt, which verifies it, and unpacked into the cache. It is not installed: that
would leave a service running, and ask for rights that unpacking does without.
"""

import shutil
from pathlib import Path
from typing import NamedTuple

from bootstrap import cache
from bootstrap.commands import BootstrapError, announce, run
from bootstrap.packages import apt

_PACKAGE = "prometheus"


class Programs(NamedTuple):
    """Where they are."""

    prometheus: Path
    promtool: Path


def programs() -> Programs:
    """Both, fetched when first asked; raises `BootstrapError` with what to do when that is not possible."""
    found = [shutil.which(name) for name in Programs._fields]
    if all(found):
        return Programs(*(Path(str(place)) for place in found))
    unpacked = cache.made_once("prometheus", _unpack) / "usr" / "bin"
    return Programs(*(unpacked / name for name in Programs._fields))


def _unpack(place: Path) -> None:
    if not all(shutil.which(tool) for tool in ("apt-get", "dpkg-deb")):
        raise BootstrapError(
            "the tests of dashboards and alerts need prometheus and promtool on PATH, and this machine has "
            "no apt to fetch them. Install Prometheus 2.42 or later, then run make again"
        )
    announce("Fetching Prometheus by apt (first run only) ...")
    download = ["apt-get", "download", "--quiet", _PACKAGE]
    try:
        run(download, purpose="download Prometheus", cwd=place)
    except BootstrapError:
        # A new machine has no lists, an old one those of versions that are gone.
        refreshes = apt()
        if refreshes is None:
            raise
        run([*refreshes, "update", "--quiet"], purpose="refresh apt's lists")
        run(download, purpose="download Prometheus", cwd=place)
    for package in place.glob("*.deb"):
        run(["dpkg-deb", "--extract", package, place], purpose="unpack Prometheus")
        package.unlink()
