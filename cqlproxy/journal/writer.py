"""When the journal writes: batches one after the other, each with what came while the last was written."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cqlproxy.journal.store import Batch, Report, Store
from cqlproxy.journal.thread import StoreThread

log = logging.getLogger(__name__)

SOON_SECONDS: Final = 0.002
"""From one batch to the next while somebody waits for it. After a pause, a batch is written at once."""

LATER_SECONDS: Final = 0.015
"""How long what nobody waits for may be collected."""

RETRY_SECONDS: Final = 1.0
"""After a batch that could not be written, until the next attempt."""


@dataclass(slots=True)
class Flight:
    """A batch on its way, and who is to be told."""

    batch: Batch
    bytes: int
    then: list[Callable[[], None]]
    """Called once it is written."""
    waiters: list[asyncio.Future[None]] = field(default_factory=list)
    """Resolved when it was written or could not be."""


class Writer:
    """Asks for a batch with ``take``, has it written, and reports to ``written`` or ``lost``.

    ``take()`` returns None when there is nothing to write. ``lost`` gets a batch that could not be written,
    and puts back what has to be tried again. ``log_file`` is the descriptor of the write-ahead log, which is
    brought to its device ``fsync_seconds`` after a batch; None when each batch waits for the device anyway.
    """

    def __init__(
        self,
        path: Path,
        store: Store,
        thread: StoreThread,
        *,
        log_file: int | None,
        fsync_seconds: float,
        take: Callable[[], Flight | None],
        written: Callable[[Flight, Report], None],
        lost: Callable[[Flight], None],
    ) -> None:
        self._path = path
        self._store = store
        self._thread = thread
        self._loop = asyncio.get_running_loop()
        self._fsync_seconds = fsync_seconds
        self._take = take
        self._written = written
        self._lost = lost
        self._timer: asyncio.TimerHandle | None = None
        self._urgent = False
        self._closed = False
        self._flight: Flight | None = None
        self._waiters: list[asyncio.Future[None]] = []
        self._last = 0.0
        self.failing: str | None = None
        """Why nothing can be written at the moment."""
        self._retry_at = 0.0
        self._log_file = log_file
        self._unsynced = False
        self._sync_timer: asyncio.TimerHandle | None = None
        self._syncing: asyncio.Future[None] | None = None

    @property
    def bytes_in_flight(self) -> int:
        return 0 if self._flight is None else self._flight.bytes

    def soon(self) -> None:
        """There is something to write that somebody waits for."""
        if self._urgent or self._closed:
            return
        self._urgent = True
        if self._flight is None:
            self._schedule(self._last + SOON_SECONDS)

    def later(self) -> None:
        """There is something to write."""
        if self._timer is None and self._flight is None and not self._closed:
            self._schedule(self._loop.time() + LATER_SECONDS)

    async def committed(self) -> None:
        """Return when all that there is to write now has been written, or could not be."""
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiters.append(waiter)
        if self._flight is None:
            self._flush()
        await waiter

    async def close(self) -> None:
        """Nothing comes any more: write what is left, and stop the clocks."""
        self._retry_at = 0.0
        self._closed = True
        await self.committed()
        while self._flight is not None:
            await self.committed()
        for timer in (self._timer, self._sync_timer):
            if timer is not None:
                timer.cancel()
        if self._syncing is not None:
            await asyncio.wait([self._syncing])
        if self._log_file is not None:
            os.close(self._log_file)
            self._log_file = None

    # --- one batch after the other ------------------------------------------------------------

    def _schedule(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._flush)

    def _flush(self) -> None:
        flight = self._take()
        # After it: to take rows may ask for a batch once more.
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._urgent = False
        waiters, self._waiters = self._waiters, []
        if flight is None:
            _resolve(waiters)
            return
        flight.waiters = waiters
        if self.failing is not None and self._loop.time() < self._retry_at:
            self._lost(flight)
            _resolve(waiters)
            # What was put back is tried then.
            self._schedule(self._retry_at)
            return
        self._flight = flight
        self._thread.submit(lambda: self._store.apply(flight.batch), self._done, self._failed)

    def _done(self, report: Report) -> None:
        flight = self._flight
        assert flight is not None
        self._flight = None
        self._last = self._loop.time()
        if self.failing is not None:
            self.failing = None
            log.warning("the journal can be written again", extra={"journal": str(self._path)})
        self._written(flight, report)
        for row in flight.batch.rows:
            # The row may stay for long, and what is called may hold a whole copy.
            stored, row.stored = row.stored, []
            run_all(stored)
        run_all(flight.then)
        _resolve(flight.waiters)
        self._unsynced = True
        self._sync_later()
        self._next()

    def _failed(self, error: Exception) -> None:
        flight = self._flight
        assert flight is not None
        self._flight = None
        self._last = self._loop.time()
        self._retry_at = self._last + RETRY_SECONDS
        self._complain(error)
        self._lost(flight)
        _resolve(flight.waiters)
        self._schedule(self._retry_at)

    def _next(self) -> None:
        """Something may have come while a batch was written."""
        if self._flight is not None:
            return
        if self._waiters:
            self._flush()
        elif self._urgent:
            self._schedule(self._last + SOON_SECONDS)
        else:
            self._schedule(self._last + LATER_SECONDS)

    def _complain(self, error: Exception) -> None:
        if self.failing is None:
            text = (
                "the journal cannot be written: copies that memory cannot hold are lost until it can;"
                " look at its disk, and if the file is damaged, restart to have it moved aside"
            )
            if not isinstance(error, sqlite3.Error):
                log.error(text, extra={"journal": str(self._path)}, exc_info=error)
            else:
                log.error(text, extra={"journal": str(self._path), "error": str(error)})
        self.failing = str(error)

    # --- fsync --------------------------------------------------------------------------------

    def _sync_later(self) -> None:
        if self._log_file is not None and self._sync_timer is None and self._syncing is None:
            self._sync_timer = self._loop.call_later(self._fsync_seconds, self._sync)

    def _sync(self) -> None:
        """Bring to the device what was committed. Beside the thread, which goes on writing meanwhile.

        SQLite's own ``synchronous = NORMAL`` does so for a checkpoint only, which may be hours away.
        """
        self._sync_timer = None
        self._unsynced = False
        assert self._log_file is not None
        self._syncing = self._loop.run_in_executor(None, os.fsync, self._log_file)
        self._syncing.add_done_callback(self._synced)

    def _synced(self, syncing: asyncio.Future[None]) -> None:
        self._syncing = None
        if not syncing.cancelled() and (error := syncing.exception()) is not None:
            log.error(
                "the journal cannot be brought to its device: a loss of power would lose copies",
                extra={"journal": str(self._path), "error": str(error)},
            )
        if self._unsynced and not self._closed:
            self._sync_later()


def run_all(callbacks: list[Callable[[], None]]) -> None:
    """Call all of them, also when one fails."""
    for callback in callbacks:
        try:
            callback()
        except Exception:
            log.exception("a callback of the journal failed")


def _resolve(waiters: list[asyncio.Future[None]]) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(None)
