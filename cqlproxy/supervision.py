"""Background tasks with an owner: none is lost, none fails in silence.

What goes wrong in them, and in callbacks of the event loop, comes to the loop's exception handler. In the
proxy that is an ``Unhandled``, which logs it, counts it, and says when the process cannot go on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

log = logging.getLogger(__name__)

_ESSENTIAL = "essential"


class EssentialTaskError(Exception):
    """A task has failed without which the proxy does not do what it promises; the message says which."""


class Supervisor:
    """Holds the tasks that somebody started, so that they are neither collected nor forgotten."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._essential: set[asyncio.Task[None]] = set()

    def start(
        self, work: Coroutine[Any, Any, None], name: str, *, essential: bool = False
    ) -> asyncio.Task[None]:
        """Run ``work`` in the background. An exception that leaves it is a bug, and told as such.

        ``essential``: then the process must not go on without it.
        """
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        if essential:
            self._essential.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        essential = task in self._essential
        self._essential.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            task.get_loop().call_exception_handler(
                {
                    "message": f"background task {task.get_name()!r} ended by an error",
                    "exception": error,
                    _ESSENTIAL: task.get_name() if essential else None,
                }
            )

    async def stop(self) -> None:
        """Cancel what still runs and wait for it."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Unhandled:
    """The event loop's exception handler. ``count()`` is called for each error that nobody handled.

    ``fatal(error)`` is called when an essential task has failed.
    """

    def __init__(self, count: Callable[[], None], fatal: Callable[[EssentialTaskError], None]) -> None:
        self._count = count
        self._fatal = fatal

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._count()
        error = context.get("exception")
        log.error(f"an error that nobody handled: {context.get('message', 'no message')}", exc_info=error)
        name = context.get(_ESSENTIAL)
        if name is not None:
            self._fatal(EssentialTaskError(f"the task {name!r} has failed: {error!r}"))
