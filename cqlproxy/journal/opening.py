"""The journal's file is opened: as it is, made anew, or moved aside when it cannot be used."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Final, NamedTuple

from cqlproxy.cluster.side import Side
from cqlproxy.journal.errors import JournalError

APPLICATION_ID: Final = 0x43514C4A
"""Marks the file as a journal of cqlproxy (``PRAGMA application_id``)."""

FORMAT: Final = 1
"""The version of tables and records (``PRAGMA user_version``). Other versions are moved aside."""

TABLES: Final = ("to_primary", "to_shadow")
"""The copies on their way, by ``Side``."""

_CHECKPOINT_PAGES: Final = 4000
_WAL_BYTES: Final = 64 << 20

_ROW_COLUMNS: Final = (
    "number INTEGER PRIMARY KEY, copies INTEGER NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL,"
    " began INTEGER NOT NULL, crc INTEGER NOT NULL, records BLOB NOT NULL"
)
_SCHEMA: Final = (
    f"CREATE TABLE {TABLES[Side.PRIMARY]} ({_ROW_COLUMNS})",
    f"CREATE TABLE {TABLES[Side.SHADOW]} ({_ROW_COLUMNS})",
    # Copies that are settled for good in rows that are still needed for others.
    "CREATE TABLE removed (target INTEGER, number INTEGER, place INTEGER,"
    " PRIMARY KEY (target, number, place)) WITHOUT ROWID",
    "CREATE TABLE statements (number INTEGER PRIMARY KEY, description BLOB NOT NULL)",
    # Numbers of letters are never used again: operators write them down.
    "CREATE TABLE letters (id INTEGER PRIMARY KEY AUTOINCREMENT, bytes INTEGER NOT NULL,"
    " target INTEGER NOT NULL, keyspace TEXT, reason TEXT NOT NULL, buried_at REAL NOT NULL,"
    " tables TEXT NOT NULL, details TEXT NOT NULL,"
    " low INTEGER NOT NULL, high INTEGER NOT NULL, crc INTEGER NOT NULL, records BLOB NOT NULL)",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {FORMAT}",
)


class OpenedFile(NamedTuple):
    connection: sqlite3.Connection
    moved_aside: Path | None
    """Where the file went that stood there before and could not be used."""
    why: str | None
    """What was wrong with it."""


class _UnusableError(Exception):
    """The file cannot be used. ``kind`` becomes part of its new name."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(why)
        self.kind = kind


def open_file(path: Path, *, sync_commits: bool) -> OpenedFile:
    """Open the journal, for this process alone. Raises ``JournalError``.

    ``sync_commits``: each commit is on the device before it counts, not only in the system's memory.
    """
    if not path.parent.is_dir():
        raise JournalError(
            f"journal {path}: there is no directory {path.parent}; create it, or set mirror.journal_path"
        )
    try:
        _check_sizes(path)
        return OpenedFile(_open(path, sync_commits=sync_commits), None, None)
    except _UnusableError as unusable:
        moved = _move_aside(path, unusable.kind)
        why = str(unusable)
    try:
        return OpenedFile(_open(path, sync_commits=sync_commits), moved, why)
    except _UnusableError as error:
        raise JournalError(
            f"journal {path}: a new file cannot be used either ({error}); check the disk"
        ) from error


def code_of(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 when the error is not SQLite's own."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF if isinstance(code, int) else 0


def _open(path: Path, *, sync_commits: bool) -> sqlite3.Connection:
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(path, timeout=0, isolation_level=None)
        # A second process is told so, and no commit has to take a lock.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        _check(connection, path)
        connection.execute(f"PRAGMA synchronous = {'FULL' if sync_commits else 'NORMAL'}")
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise _explained(path, error) from error
    except BaseException:
        if connection is not None:
            connection.close()
        raise
    return connection


def _check_sizes(path: Path) -> None:
    """SQLite throws a write-ahead log away when the file that it belongs to is empty or gone."""
    log = path.with_name(path.name + "-wal")
    if log.is_file() and log.stat().st_size and not (path.is_file() and path.stat().st_size):
        raise _UnusableError("damaged", f"it is empty or gone, though {log.name} is there")


def _check(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables of a new file; be sure of those of an old one."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if not tables and not application:
        # Before the first table, or it has no effect.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA:
            connection.execute(statement)
        connection.execute("COMMIT")
        return
    if application != APPLICATION_ID:
        raise JournalError(
            f"journal {path}: this is an SQLite file of something else, and was left as it is;"
            " set mirror.journal_path to a file of the proxy's own"
        )
    if version != FORMAT:
        raise _UnusableError(
            f"version-{version}",
            f"it has format {version}, and this version of cqlproxy uses format {FORMAT}",
        )
    (result,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if result != "ok":
        raise _UnusableError("damaged", f"it is damaged: {result}")
    # Takes the lock for good, as long as the connection lives.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("COMMIT")


def _explained(path: Path, error: sqlite3.Error) -> Exception:
    """What an error at opening means, and what to do."""
    code = code_of(error)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return _UnusableError("damaged", f"it is damaged, or not a journal at all: {error}")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return JournalError(
            f"journal {path}: another process uses it, a second proxy most likely;"
            " stop that one, or give each proxy a mirror.journal_path of its own"
        )
    if code == sqlite3.SQLITE_FULL:
        return JournalError(
            f"journal {path}: no space is left on its disk; make room, or set mirror.journal_path"
        )
    return JournalError(
        f"journal {path}: it cannot be opened for writing ({error});"
        " check that its directory and the file belong to the proxy's user and are not read-only"
    )


def _move_aside(path: Path, kind: str) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    moved = path.with_name(f"{path.name}.{kind}-{stamp}")
    again = 1
    while moved.exists():
        again += 1
        moved = path.with_name(f"{path.name}.{kind}-{stamp}-{again}")
    try:
        # With the names that let SQLite find one by the other.
        for suffix in ("-wal", "-shm"):
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.rename(moved.with_name(moved.name + suffix))
        if path.exists():
            path.rename(moved)
    except OSError as error:
        raise JournalError(
            f"journal {path}: it cannot be used, nor moved aside ({error.strerror}); move it away by hand"
        ) from error
    return moved
