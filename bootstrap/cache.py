"""The cache folder outside the checkout, where nothing half made is ever taken for whole.

A directory is filled under a name of its own and then published by renaming a symbolic link to it, which
happens at once or not at all. The directory itself is not renamed because virtual environments cannot move.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path


def root() -> Path:
    """The cache folder: ``$CQLPROXY_CACHE``, or ``~/.cache/cqlproxy``."""
    chosen = os.environ.get("CQLPROXY_CACHE")
    return Path(chosen).absolute() if chosen else Path.home() / ".cache" / "cqlproxy"


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """The directory `name` of the cache, filled by `make` unless an earlier call completed it.

    `make` is given an empty directory and raises when it cannot fill it; nothing is kept then. Of several
    processes that ask at the same time one makes it and the others wait. What a killed process left behind is
    removed by the next one that makes the same directory.
    """
    published = root() / name
    if published.is_dir():
        return published
    published.parent.mkdir(parents=True, exist_ok=True)
    with open(published.with_name(f"{published.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if published.is_dir():
            return published
        for abandoned in published.parent.glob(f"{published.name}.part-*"):
            shutil.rmtree(abandoned)
        part = Path(tempfile.mkdtemp(prefix=f"{published.name}.part-", dir=published.parent))
        try:
            make(part)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        link = part.with_name(f"{part.name}-link")
        link.symlink_to(part.name)
        os.replace(link, published)
    return published
