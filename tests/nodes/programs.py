"""Ordinary programs with the unchanged cassandra-driver, which they find in an environment of their own."""

import json
import os
import tempfile
from pathlib import Path

from bootstrap.environments import CHECKOUT, driver_python
from tests.nodes.process import GuardedProcess


class DriverProgram:
    """A Python file run by the interpreter that has cassandra-driver, started at once.

    The file may import the standard library, ``cassandra`` and, by its name in this checkout, another such
    file. What it wants to say to its starter is one
    line with a JSON object; the last such line of its output counts.
    """

    def __init__(self, script: Path, *arguments: str | int, root: Path) -> None:
        command: list[str | Path] = [driver_python(), script, *map(str, arguments)]
        handle, log = tempfile.mkstemp(prefix=f"{script.stem}-", suffix=".log", dir=root)
        os.close(handle)
        self._process = GuardedProcess(
            script.name,
            command,
            log=Path(log),
            cwd=CHECKOUT,
            environment={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        )

    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.is_running()

    def wait(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds for its end; whether it has ended."""
        return self._process.wait(timeout)

    def result(self, timeout: float) -> dict[str, object]:
        """Its JSON object, once it has ended, at most `timeout` seconds from now.

        Raises `ProcessError` with the end of its output when it takes longer, fails, or says no object.
        """
        if not self._process.wait(timeout):
            self.stop()
            raise self._process.error(f"did not end within {timeout:g} s")
        if self._process.status != 0:
            raise self._process.error(f"failed with status {self._process.status}")
        for line in reversed(self._process.log.read_text().splitlines()):
            if line.startswith("{"):
                said: dict[str, object] = json.loads(line)
                return said
        raise self._process.error("printed no JSON object")

    def stop(self) -> None:
        """End it if it still runs."""
        self._process.stop(grace=5)
