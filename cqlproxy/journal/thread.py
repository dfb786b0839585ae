"""The one thread that touches the journal's file, and the way to it from the event loop and back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeVar

from cqlproxy.journal.errors import JournalError

_Result = TypeVar("_Result")


class StoreThread:
    """Does work in the order in which it was handed over; answers on the loop, in the same order."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._stopped = False
        # A daemon, so that a process whose loop has ended by an error ends as well.
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def submit(
        self,
        work: Callable[[], _Result],
        done: Callable[[_Result], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Call ``work`` on the thread, then ``done`` with its result, or ``failed``, on the loop."""

        def step() -> None:
            try:
                result = work()
            except Exception as error:
                self._answer(failed, error)
            else:
                self._answer(done, result)

        if self._stopped:
            self._loop.call_soon(failed, JournalError("the journal is closed"))
        else:
            self._work.put(step)

    async def run(self, work: Callable[[], _Result]) -> _Result:
        """Call ``work`` on the thread; returns what it returns, raises what it raises."""
        future: asyncio.Future[_Result] = self._loop.create_future()

        def done(result: _Result) -> None:
            if not future.done():
                future.set_result(result)

        def failed(error: Exception) -> None:
            if not future.done():
                future.set_exception(error)

        self.submit(work, done, failed)
        return await future

    def stop(self) -> None:
        """End the thread after the work that it has. Returns when it has ended."""
        self._stopped = True
        self._work.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (step := self._work.get()) is not None:
            step()

    def _answer(self, callback: Callable[[_Result], None], result: _Result) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, result)
        except RuntimeError:
            # The loop is gone, and with it whoever wanted to know.
            if not self._loop.is_closed():
                raise
