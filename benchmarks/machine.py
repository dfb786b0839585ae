"""The machine that figures were taken on, in the words that a reader needs to judge them."""

import os
import platform
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


def processor(cpuinfo: str) -> str:
    """The name of the first processor in a ``/proc/cpuinfo``; the architecture where it has none."""
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model"):
            return " ".join(value.split())
    return platform.machine()
