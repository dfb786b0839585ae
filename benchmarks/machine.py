"""What figures were taken on, in the words that a reader needs to judge them: machine and programs."""

import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path


def machine() -> str:
    """Processor, cores that this process may use, memory, kernel and Python."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return (
        f"{processor(Path('/proc/cpuinfo').read_text())}, {cores} core{'s' if cores != 1 else ''}, "
        f"{memory:.0f} GiB, Linux {platform.release()}, "
        f"{platform.python_implementation()} {platform.python_version()}"
    )


def program(command: Sequence[str | Path]) -> str:
    """What a program says of its version, in its first line; empty when it cannot be asked."""
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return said.stdout.partition("\n")[0].strip() if said.returncode == 0 else ""


def commit(checkout: Path) -> str:
    """Of a checkout: its commit, and whether it has been changed; empty when it is none."""
    return program(["git", "-C", checkout, "describe", "--always", "--dirty"])


def processor(cpuinfo: str) -> str:
    """The name of the first processor in a ``/proc/cpuinfo``; the architecture where it has none."""
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model"):
            return " ".join(value.split())
    return platform.machine()
