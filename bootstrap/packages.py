"""What must come from the operating system: Java 17, Maven, a whole `venv` module, HAProxy, Chromium."""

import importlib.util
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from bootstrap.commands import BootstrapError, announce, run

_JAVA_MAJOR = "17"  # what Cassandra 5.0 runs on; newer ones lack the security manager that it still sets
_DEBIAN_HAPROXY = Path("/usr/sbin/haproxy")
_DEBIAN_JAVA = Path("/usr/lib/jvm")
_VERSION = re.compile(r'version "(\d+)')


def provide(*, java: bool = False, haproxy: bool = False, chromium: bool = False) -> None:
    """Make sure of the system packages, by apt where this user may install.

    Raises `BootstrapError` with the command to type where not.
    """
    missing = _missing(java=java, haproxy=haproxy, chromium=chromium)
    if not missing:
        return
    as_root = apt()
    if as_root is None:
        raise BootstrapError(_instruction(missing))
    announce(f"Installing {' '.join(missing)} by apt (first run only) ...")
    run([*as_root, "update", "--quiet"], purpose="refresh apt's lists")
    run(
        [*as_root, "install", "--quiet", "--yes", "--no-install-recommends", *missing],
        purpose="install by apt",
    )
    find_java.cache_clear()
    still = _missing(java=java, haproxy=haproxy, chromium=chromium)
    if still:
        raise BootstrapError(
            f"apt installed {' '.join(still)}, yet it is not found; is another one first on PATH?"
        )


@cache
def find_java() -> Path | None:
    """The `java` of a Java 17: from JAVA_HOME, PATH or Debian's usual place; None when there is none."""
    home, on_path = os.environ.get("JAVA_HOME"), shutil.which("java")
    candidates = [Path(home) / "bin" / "java"] if home else []
    candidates += [Path(on_path)] if on_path else []
    candidates += sorted(_DEBIAN_JAVA.glob(f"*{_JAVA_MAJOR}*/bin/java"))
    return next((java for java in candidates if _major(java) == _JAVA_MAJOR), None)


def java() -> Path:
    """As `find_java`, but raises `BootstrapError` with the command to type when there is none."""
    found = find_java()
    if found is None:
        raise BootstrapError(_instruction(["openjdk-17-jre-headless"]))
    return found


def maven() -> Path:
    """The `mvn` on PATH; raises `BootstrapError` with the command to type when there is none."""
    found = shutil.which("mvn")
    if found is None:
        raise BootstrapError(_instruction(["maven"]))
    return Path(found)


def find_haproxy() -> Path | None:
    """The `haproxy` in Debian's place, which is not on every user's PATH, or on PATH; None without one."""
    if _DEBIAN_HAPROXY.exists():
        return _DEBIAN_HAPROXY
    found = shutil.which("haproxy")
    return Path(found) if found else None


def haproxy() -> Path:
    """As `find_haproxy`, but raises `BootstrapError` with the command to type when there is none."""
    found = find_haproxy()
    if found is None:
        raise BootstrapError(_instruction(["haproxy"]))
    return found


def apt() -> list[str] | None:
    """The words that run apt-get as root without a question; None where this user may not."""
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return ["apt-get"]
    may = shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
    return ["sudo", "-n", "apt-get"] if may and may.returncode == 0 else None


def chromium() -> Path:
    """The `chromium` on PATH; raises `BootstrapError` with the command to type when there is none."""
    found = shutil.which("chromium")
    if found is None:
        raise BootstrapError(_instruction(["chromium"]))
    return Path(found)


def _missing(*, java: bool, haproxy: bool, chromium: bool) -> list[str]:
    packages = []
    if not all(importlib.util.find_spec(module) for module in ("venv", "ensurepip")):
        packages.append("python3-venv")
    if java and find_java() is None:
        packages.append("openjdk-17-jre-headless")
    if java and shutil.which("mvn") is None:
        packages.append("maven")
    if haproxy and find_haproxy() is None:
        packages.append("haproxy")
    if chromium and shutil.which("chromium") is None:
        packages.append("chromium")
    return packages


def _instruction(packages: list[str]) -> str:
    return (
        f"missing on this machine: {', '.join(packages)} (as Debian 12 names them). Cassandra runs on Java "
        "17 and is fetched by Maven; virtual environments need python3-venv; the benchmark compares with "
        "haproxy, and the tests of the page drive chromium. Install, then run make again:\n"
        f"  sudo apt-get update && sudo apt-get install --no-install-recommends {' '.join(packages)}"
    )


def _major(java: Path) -> str | None:
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    found = _VERSION.search(said.stderr)
    return found.group(1) if found else None
