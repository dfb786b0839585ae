"""What a read of answers brings, in order: first all clients get theirs, then what is to be copied is copied.

A read holds many answers, for many clients. Each client's are written together, at the end of the read; and
no client waits for a copy to be made that is none of its concern.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

log = logging.getLogger(__name__)


class Cork:
    """Who handles a read of answers sets ``held`` before it and calls ``release`` after it, whatever happens.

    The event loop handles one read at a time, so there is one of these: ``CORK``.
    """

    __slots__ = ("_afterwards", "_flushes", "held")

    def __init__(self) -> None:
        self.held = False
        self._flushes: list[Callable[[], None]] = []
        self._afterwards: list[Callable[[], None]] = []

    def flush(self, flush: Callable[[], None]) -> None:
        """Call ``flush`` at the end of the read that is being handled; if none is, in the next turn."""
        # Hot path.
        if self.held:
            self._flushes.append(flush)
        else:
            asyncio.get_running_loop().call_soon(flush)

    def afterwards(self, callback: Callable[[], None]) -> None:
        """Call back after all ``flush`` of the read that is being handled; if none is, at once."""
        # Hot path.
        if self.held:
            self._afterwards.append(callback)
        else:
            callback()

    def release(self) -> None:
        """The read is handled."""
        # Hot path.
        self.held = False
        if self._flushes:
            _call_all(self._flushes)
        if self._afterwards:
            _call_all(self._afterwards)


CORK: Final = Cork()


def _call_all(callbacks: list[Callable[[], None]]) -> None:
    for callback in callbacks:
        try:
            callback()
        except Exception:
            log.exception("a bug of the proxy: what a read of answers brought could not be handled")
    callbacks.clear()
