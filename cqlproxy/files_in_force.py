"""Certificates, keys and secrets that are read again when their files change, without a restart.

What was made of the files stays in force until something better is made of them: a file that is missing,
half written or wrong changes nothing, is told of once, and shows in the metrics until it is repaired.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from cqlproxy.supervision import Supervisor

log = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
"""How often the files are looked at."""

SETTLE_SECONDS = 0.5
"""For how long changed files must stay as they are: a certificate and its key are not replaced at once."""

Made = TypeVar("Made")


class FileProblemsError(Exception):
    """Files that cannot be used; `problems` has a line, ``path.to.key: what is wrong``, per reason."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Watched(Protocol):
    """Files in force, whatever was made of them."""

    name: str
    failures: int
    problems: tuple[str, ...]

    async def look(self) -> None: ...

    async def reload(self) -> None: ...


class FilesInForce(Generic[Made]):
    """What ``read`` made of the files at ``paths``, kept that of the files as they are now.

    ``name`` is the section or key of the configuration that names the files: for messages and metrics.
    ``read`` gets what is in force, None at first; it may run in any thread, and raises ``FileProblemsError``.
    So does this constructor, which reads once.
    """

    def __init__(self, name: str, paths: Sequence[Path], read: Callable[[Made | None], Made]) -> None:
        self.name = name
        self.failures = 0
        """How often changed files could not be used."""
        self.problems: tuple[str, ...] = ()
        """What is wrong with the files as they are now; empty while what is in force is theirs."""
        self._paths = tuple(paths)
        self._read = read
        self._seen = self._mark()
        self._reading = asyncio.Lock()
        self.current: Made = read(None)

    async def look(self) -> None:
        """Read the files if they have changed since they were last read, as soon as they stop changing."""
        mark = await asyncio.to_thread(self._mark)
        while mark != self._seen:
            await asyncio.sleep(SETTLE_SECONDS)
            before, mark = mark, await asyncio.to_thread(self._mark)
            if mark == before:
                await self.reload()
                return

    async def reload(self) -> None:
        """Read the files now, changed or not. What comes of it is logged."""
        async with self._reading:
            before = self._seen
            self._seen = await asyncio.to_thread(self._mark)
            try:
                made = await asyncio.to_thread(self._read, self.current)
            except FileProblemsError as error:
                self.failures += 1
                self.problems = error.problems
                for problem in error.problems:
                    # In the message itself, so that one problem does not hide the next (see cqlproxy.logs).
                    log.error(f"changed files cannot be used; what was read before stays in force: {problem}")
                return
            if self.problems or before != self._seen:
                log.info("changed files are in force", extra={"section": self.name})
            self.current, self.problems = made, ()

    def _mark(self) -> bytes:
        """What changes when a file does: a hash of their contents, and of why they cannot be read."""
        digest = hashlib.sha256()
        for path in self._paths:
            try:
                content = path.read_bytes()
            except OSError as error:
                content = repr(error).encode()
            digest.update(len(content).to_bytes(8, "big") + content)
        return digest.digest()


class FileWatch:
    """Looks at files again and again, and at once when asked to. Used on one event loop."""

    def __init__(self, watched: Iterable[Watched]) -> None:
        self.watched = tuple(watched)
        self._supervisor = Supervisor()

    def start(self) -> None:
        """Begin to look."""
        if self.watched:
            self._supervisor.start(self._run(), "watched files")

    async def stop(self) -> None:
        """Look no more. What is in force stays so."""
        await self._supervisor.stop()

    def reload_soon(self) -> None:
        """Read all files now, in the background (SIGHUP)."""
        for files in self.watched:
            self._supervisor.start(files.reload(), f"reload of {files.name}")

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for files in self.watched:
                await files.look()
