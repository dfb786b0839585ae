"""What a contestant is, and how the program of one is started and watched."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from benchmarks.errors import BenchmarkError
from benchmarks.proxy_under_load import Measured
from tests.nodes import GuardedProcess, workspace
from tests.nodes.addresses import NATIVE_PORT
from tests.nodes.proxy import ContactPoint

_START_SECONDS = 30.0


class Clusters(NamedTuple):
    """Between which a contestant stands."""

    primary: ContactPoint
    shadow: ContactPoint


Start = Callable[[ExitStack, Clusters], Measured]
"""Starts a contestant, which runs as long as the stack lasts. Raises `BenchmarkError`, `ProcessError`."""


class Contestant(NamedTuple):
    """One of those that are compared."""

    name: str
    start: Start


def started_program(
    running: ExitStack,
    name: str,
    command: Sequence[str | Path],
    address: str,
    environment: Mapping[str, str] | None = None,
    place: Path | None = None,
) -> Measured:
    """A program that listens for CQL at `address` until `running` ends; its files are in `place`.

    environment: in addition to our own. Raises `BenchmarkError` when the program is missing, and
    `ProcessError` with the end of its log when it ends at once or does not listen.
    """
    program = Path(command[0])
    if not program.is_file() or not os.access(program, os.X_OK):
        raise BenchmarkError(f"{name}: there is no program {program} that may be run")
    place = place or running.enter_context(workspace())
    process = GuardedProcess(
        name, command, log=place / "log", environment={**os.environ, **(environment or {})}, cwd=place
    )
    running.callback(process.kill)
    process.wait_listening(address, NATIVE_PORT, _START_SECONDS)
    return Measured(address, NATIVE_PORT, process.pid)
