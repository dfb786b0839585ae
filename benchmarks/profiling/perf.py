"""perf of Linux, which samples a process without stopping it: the functions of C and of the kernel.

It does not see Python functions, but what py-spy cannot tell apart: the collector, memory, system calls.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.errors import BenchmarkError

_GRACE_SECONDS: Final = 60.0
_ROW: Final = re.compile(r"\s+(\d+\.\d+%)\s+\[(.)\]\s+(\S+)")


def native_functions(pid: int, *, rate: int, seconds: float, rows: int) -> str | None:
    """The functions that the process `pid` is most often in, as a table; None where there is no perf.

    Raises `BenchmarkError` when it may not look.
    """
    perf = shutil.which("perf")
    if perf is None:
        return None
    with TemporaryDirectory(prefix="cqlproxy-perf-") as folder:
        data = Path(folder, "perf.data")
        command = [perf, "record", "-q", "-F", str(rate), "-p", str(pid), "-o", str(data)]
        _run([*command, "--", "sleep", f"{seconds:g}"], seconds + _GRACE_SECONDS)
        return table(
            _run([perf, "report", "-i", str(data), "--stdio", "--sort", "symbol"], _GRACE_SECONDS), rows
        )


def table(report: str, rows: int) -> str:
    """The first rows of perf's report; those of the kernel are marked."""
    found = [match for line in report.splitlines() if (match := _ROW.match(line))]
    lines = ["   self   C functions and the kernel's"]
    lines += [
        f"{share:>7}   {name}{' (kernel)' if where == 'k' else ''}"
        for share, where, name in (match.groups() for match in found[:rows])
    ]
    return "\n".join(lines)


def _run(command: list[str], timeout: float) -> str:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BenchmarkError(f"perf did not end within {timeout:g} s") from error
    if done.returncode:
        raise BenchmarkError(f"perf could not sample the proxy (it may need root): {done.stderr.strip()}")
    return done.stdout
