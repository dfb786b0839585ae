"""What each environment holds, to the version, and the hashes of its files: one ``.txt`` for each.

`make lock` makes them anew, of the newest versions that pyproject.toml allows. They hold for all platforms
and all Python versions that the project supports, and name every file of a version, so that another machine
may install another wheel of it, but none that was not there when the lock was made.
"""

from pathlib import Path

_FOLDER = Path(__file__).parent


def lock(name: str) -> Path:
    """The file of the environment `name`: project, image, build, driver, hadolint and so on."""
    return _FOLDER / f"{name}.txt"
