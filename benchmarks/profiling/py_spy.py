"""py-spy, which samples a Python process from outside: where it comes from, and what it is asked to do."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

from benchmarks.errors import BenchmarkError
from bootstrap import environments

_GRACE_SECONDS: Final = 60.0
"""For it to attach, and to write what it has found."""


class PySpy:
    """Samples the process `pid`, `rate` times a second, for `seconds` each time.

    Seen are threads that hold the interpreter's lock, in Python or C, as the event loop does in all
    that it does but to wait. all_threads: also those that do not, such as what the journal's thread does in
    SQLite; threads that wait are among them. native: also the functions of C extensions that have symbols.
    """

    def __init__(self, pid: int, *, rate: int, seconds: float, all_threads: bool, native: bool) -> None:
        self._program = shutil.which("py-spy") or environments.tool("profiler", "py-spy")
        self._options = ["--pid", str(pid), "--rate", str(rate), "--duration", f"{seconds:.0f}", "--threads"]
        if not all_threads:
            self._options.append("--gil")
        if native:
            self._options.append("--native")
        self._timeout = seconds + _GRACE_SECONDS

    def stacks(self, output: Path) -> None:
        """Write what ``stacks`` reads, each function as one, whatever its line. Raises `BenchmarkError`."""
        self._record("--format", "raw", "--function", "--output", str(output))

    def flame_graph(self, output: Path) -> None:
        """Write an SVG for a browser, with the lines of functions. Raises `BenchmarkError`."""
        self._record("--format", "flamegraph", "--output", str(output))

    def _record(self, *options: str) -> None:
        command = [self._program, "record", *self._options, *options]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=self._timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise BenchmarkError(f"py-spy did not end within {self._timeout:g} s") from error
        if done.returncode:
            said = done.stdout.decode(errors="replace").strip()
            raise BenchmarkError(f"py-spy could not sample the proxy (it may need root): {said}")
