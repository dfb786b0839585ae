"""What a run of the proxy tells the next one: the mode that was set, by whom and when, and how the run ended.

A small JSON file beside the configuration, replaced as a whole (written aside, synced, renamed), so that a
proxy that is killed leaves the old or the new content. Everything here waits for the disk: a running proxy
calls it in a thread.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

from cqlproxy.modes import Mode

VERSION: Final = 1
"""Of the file's format. A file of another one is moved aside."""

_MAX_BYTES: Final = 64 * 1024


class Run(StrEnum):
    """What the run that last used the file came to."""

    NONE = "none"
    """None has served yet."""
    SERVING = "serving"
    """It serves, or it died while it did."""
    ENDED = "ended"
    """It was stopped, and has taken care of its copies."""


class LastRun(StrEnum):
    """How the run before this one ended, as `/stats` says it."""

    NONE = "none"
    """There was none."""
    CLEAN = "clean"
    UNCLEAN = "unclean"
    """It was killed, or cannot be known: copies that only its memory held are lost."""


class State(NamedTuple):
    """The content of the file."""

    mode: Mode
    since: datetime
    """When the mode was set, in UTC."""
    by: str
    """Who set it."""
    switched: bool
    """Whether it was set while a proxy ran. If not, it is the configuration's, which may change."""
    run: Run


class StateFileError(Exception):
    """The file cannot be used; the message says why, what that means and what to do."""


class StateFile:
    """The file while one proxy uses it: `open`, `run_begins`, any number of `switch`, `close`."""

    def __init__(self, path: Path, state: State, last_run: LastRun, notes: list[str], lock: int) -> None:
        self.path = path
        self.state = state
        """What the file says now."""
        self.last_run = last_run
        self.notes = notes
        """What the operator should read at start: one line each, for warnings."""
        self._lock = lock
        self._began = False

    @classmethod
    def open(cls, path: Path, configured: Mode, *, shadow: bool, now: datetime) -> StateFile:
        """Read the file, or make it when there is none, for this process alone.

        `configured` is the configuration's mode, used until somebody has switched it; `shadow` says whether
        the configuration has a shadow cluster; `now` is in UTC. A file that cannot be understood is moved
        aside. Raises `StateFileError` when it cannot be read or written, when another proxy uses it, and when
        its mode needs a shadow that is not configured.
        """
        lock = _locked(path)
        try:
            found, notes = _read_or_move_aside(path, now)
            last_run = _last_run(found, damaged=bool(notes))
            if found is not None and found.switched:
                if found.mode.uses_shadow and not shadow:
                    raise StateFileError(
                        f"{_told(path, found)}, needs a shadow, and the configuration has none: add the key"
                        " shadow, or remove the file to start in the configuration's mode"
                    )
                state = found
                if (line := difference(path, found, configured)) is not None:
                    notes.append(line)
            else:
                run = Run.NONE if found is None else found.run
                unchanged = found is not None and found.mode is configured
                since = found.since if found is not None and unchanged else now
                state = State(configured, since, "the configuration", switched=False, run=run)
            if last_run is LastRun.UNCLEAN:
                # A file that was moved aside forgets how the run ended that it told of.
                state = state._replace(run=Run.SERVING)
                notes.append(
                    "the last run did not end cleanly: copies that only its memory held, if any, are lost"
                )
            _write(path, state)
        except BaseException:
            os.close(lock)
            raise
        return cls(path, state, last_run, notes, lock)

    def run_begins(self) -> None:
        """Note that this run serves: until `close` it counts as killed. Raises `StateFileError`."""
        self._replace(self.state._replace(run=Run.SERVING))
        self._began = True

    def switch(self, mode: Mode, *, by: str, now: datetime) -> None:
        """Note a mode that was set. Raises `StateFileError`; then the file says what it said before."""
        self._replace(self.state._replace(mode=mode, by=by, since=now, switched=True))

    def close(self, *, clean: bool = True) -> None:
        """Note that the run has ended, if it began, and let others use the file. Safe to repeat.

        With `clean` False, copies were left behind in memory. Raises `StateFileError`.
        """
        if self._lock < 0:
            return
        try:
            if self._began and clean:
                self._replace(self.state._replace(run=Run.ENDED))
        finally:
            os.close(self._lock)
            self._lock = -1

    def _replace(self, state: State) -> None:
        _write(self.path, state)
        self.state = state


def difference(path: Path, state: State, configured: Mode) -> str | None:
    """A line that says why the mode is not the configuration's; None when it is."""
    if not state.switched or state.mode is configured:
        return None
    return (
        f"{_told(path, state)}, is used; the configuration's mode {configured} is used only until the mode"
        f" has been switched: to go to it, say `cqlproxy mode set {configured}`"
    )


def read_state(path: Path) -> State | None:
    """What the file says, None when there is none. Changes nothing. Raises `StateFileError`."""
    try:
        content = _content(path)
        return None if content is None else _parsed(content)
    except _UnusableError as error:
        raise StateFileError(f"the state file {path} cannot be understood: {error}") from None


class _UnusableError(Exception):
    """The content is not what this version writes."""

    def __init__(self, what: str, kind: str = "damaged") -> None:
        super().__init__(what)
        self.kind = kind


def _read_or_move_aside(path: Path, now: datetime) -> tuple[State | None, list[str]]:
    content = _content(path)
    if content is None:
        return None, []
    try:
        return _parsed(content), []
    except _UnusableError as error:
        aside = _free_name(path, f"{error.kind}-{now:%Y%m%dT%H%M%SZ}")
        try:
            path.rename(aside)
        except OSError as failure:
            raise _unwritable(path, failure) from failure
        return None, [
            f"the state file {path} cannot be understood ({error}) and was moved to {aside}: the mode is now"
            " the configuration's, whatever was set before; check it with `cqlproxy mode get`"
        ]


def _content(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateFileError(
            f"the state file {path} cannot be read: {error.strerror}; it says which mode was set, so the"
            " proxy does not start without it: make it readable, or set state_file in the configuration"
        ) from error


def _parsed(content: bytes) -> State:
    if len(content) > _MAX_BYTES:
        raise _UnusableError(f"it is longer than {_MAX_BYTES} bytes")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise _UnusableError("it is not JSON") from None
    if not isinstance(document, dict):
        raise _UnusableError("it is not a JSON object")
    version = document.get("version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise _UnusableError("it does not say its version")
    if version != VERSION:
        raise _UnusableError(f"it is of version {version}, not {VERSION}", f"version-{version}")
    try:
        state = State(
            Mode(document["mode"]),
            datetime.fromisoformat(document["since"]),
            document["by"],
            document["switched"],
            Run(document["run"]),
        )
    except KeyError as error:
        raise _UnusableError(f"it lacks {error.args[0]}") from None
    except (ValueError, TypeError) as error:
        raise _UnusableError(str(error)) from None
    if not isinstance(state.by, str) or not isinstance(state.switched, bool) or state.since.tzinfo is None:
        raise _UnusableError("one of by, switched and since is of the wrong type")
    return state


def _last_run(found: State | None, *, damaged: bool) -> LastRun:
    if damaged or (found is not None and found.run is Run.SERVING):
        return LastRun.UNCLEAN
    return LastRun.NONE if found is None or found.run is Run.NONE else LastRun.CLEAN


def _locked(path: Path) -> int:
    """A descriptor that holds the file for this process until it is closed or the process ends, however.

    A file of its own is locked: the state file itself is another one after each change.
    """
    try:
        lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise StateFileError(
            f"the state file {path} is in use by another cqlproxy: each needs one of its own, so set"
            " state_file (and mirror.journal_path) in one of the configurations, or stop the other proxy"
        ) from None
    except OSError as error:
        os.close(lock)
        raise _unwritable(path, error) from error
    return lock


def _write(path: Path, state: State) -> None:
    document = {"version": VERSION, **state._asdict(), "since": state.since.isoformat()}
    new = path.with_name(path.name + ".new")
    try:
        with new.open("w", encoding="utf-8") as file:
            json.dump(document, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        with suppress(OSError):
            new.unlink()
        raise _unwritable(path, error) from error
    # Some file systems cannot sync a folder; there the new name may be lost with the power, not the content.
    with suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _unwritable(path: Path, error: OSError) -> StateFileError:
    return StateFileError(
        f"the state file {path} cannot be written: {error.strerror}; the proxy keeps there which mode was"
        " set: let it write in that folder, or set state_file in the configuration to a path where it may"
    )


def _free_name(path: Path, suffix: str) -> Path:
    aside, number = path.with_name(f"{path.name}.{suffix}"), 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.{suffix}-{number}")
    return aside


def _told(path: Path, state: State) -> str:
    when = state.since.astimezone(UTC).isoformat(sep=" ", timespec="seconds")
    return f"mode {state.mode} of the state file {path}, set by {state.by} at {when}"
