"""What a migration has done, line by line: a file of JSON that only grows, and tells the next run where it
is.

A line is on disk before what it announces is done. The last one may be torn by a kill: it is taken away when
the file is opened to go on, since nothing followed from it.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from cqlproxy.client.migration.errors import JournalError

_MAX_BYTES: Final = 64 * 2**20

Event = dict[str, object]


def read_events(path: Path) -> list[Event]:
    """The events of a file, oldest first; none when there is no file. Raises ``JournalError``."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise JournalError(f"the journal {path} cannot be read: {error.strerror}") from None
    if len(content) > _MAX_BYTES:
        raise JournalError(f"the journal {path} is longer than {_MAX_BYTES} bytes: it cannot be one")
    events = []
    whole = content[: content.rfind(b"\n") + 1]
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if not isinstance(event, dict) or "event" not in event:
            raise JournalError(
                f"{path}: line {number} is no line of a migration's journal. Mend it, or move the file away:"
                " the migration then begins in the phase that the proxies are in"
            )
        events.append(event)
    return events


class Journal:
    """The file while one migration uses it; a context manager. ``told`` gets each event that is written."""

    def __init__(self, path: Path, told: Callable[[Event], None] = lambda event: None) -> None:
        self.path = path
        self._told = told
        self._file: int | None = None
        self.events: list[Event] = []
        """All of them, oldest first."""

    def __enter__(self) -> Self:
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise JournalError(
                f"another cqlproxy migrate works with the journal {self.path}: end that one first (Ctrl-C)"
            ) from None
        except OSError as error:
            self.close()
            raise JournalError(f"the journal {self.path} cannot be written: {error.strerror}") from None
        try:
            self.events = read_events(self.path)
            self._take_away_what_is_torn()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def write(self, event: str, **particulars: object) -> None:
        """Add a line; on disk when this returns. Raises ``JournalError``."""
        assert self._file is not None, "a journal is written while it is open"
        line: Event = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event}
        line.update(particulars)
        content = json.dumps(line, ensure_ascii=False).encode() + b"\n"
        try:
            os.write(self._file, content)
            os.fsync(self._file)
        except OSError as error:
            raise JournalError(f"the journal {self.path} cannot be written: {error.strerror}") from None
        self.events.append(line)
        self._told(line)

    def close(self) -> None:
        """Let others use the file. Safe to repeat."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _take_away_what_is_torn(self) -> None:
        assert self._file is not None
        content = self.path.read_bytes()
        end = content.rfind(b"\n") + 1
        if end < len(content):
            os.ftruncate(self._file, end)
