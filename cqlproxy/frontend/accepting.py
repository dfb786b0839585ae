"""The listening sockets: connections are accepted one by one, and each is judged before it costs much.

When the process or the system has no descriptor left, accepting pauses. Those who connect meanwhile wait in
the system's queue, and those who are connected notice nothing.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from typing import Final

log = logging.getLogger(__name__)

BACKLOG: Final = 1024
"""Connections that the system holds until they are accepted."""

AT_ONCE: Final = 64
"""Connections accepted in one turn of the event loop: those who are connected have theirs in between."""

PAUSE_SECONDS: Final = 0.5
"""Until the next attempt, when there was no descriptor."""

_EXHAUSTED: Final = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))


class Acceptor:
    """Listens on every address of a host. ``accepted(socket, host)`` gets each connection and whence it is;
    ``exhausted()`` is called when there is no descriptor for one.
    """

    def __init__(self, accepted: Callable[[socket.socket, str], None], exhausted: Callable[[], None]) -> None:
        self._accepted = accepted
        self._exhausted = exhausted
        self._loop = asyncio.get_running_loop()
        self._sockets: list[socket.socket] = []
        self._pause: asyncio.TimerHandle | None = None

    async def start(self, host: str, port: int) -> None:
        """Begin to accept. Raises ``OSError`` when an address cannot be bound."""
        found = await self._loop.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE, proto=socket.IPPROTO_TCP
        )
        try:
            for family, kind, protocol, _, address in dict.fromkeys(found):
                self._sockets.append(_listening(family, kind, protocol, address))
        except OSError:
            self.stop()
            raise
        self._go_on()

    def stop(self) -> None:
        """Accept no more; who still waits to be accepted is refused by the system. May be repeated."""
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        for listening in self._sockets:
            self._loop.remove_reader(listening)
            listening.close()
        self._sockets.clear()

    def _go_on(self) -> None:
        self._pause = None
        for listening in self._sockets:
            self._loop.add_reader(listening, self._accept, listening)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(AT_ONCE):
            try:
                connection, address = listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._rest(error)
                    return
                # Of the connection, which was broken before it was accepted (accept(2)), not of the listener.
                continue
            connection.setblocking(False)
            self._accepted(connection, address[0])

    def _rest(self, error: OSError) -> None:
        self._exhausted()
        log.error(
            "no connection can be accepted: there are no descriptors left; raise the limit of open files"
            " (ulimit -n), or lower listen.max_clients",
            extra={"error": error.strerror},
        )
        for listening in self._sockets:
            self._loop.remove_reader(listening)
        self._pause = self._loop.call_later(PAUSE_SECONDS, self._go_on)


def _listening(family: int, kind: int, protocol: int, address: tuple[object, ...]) -> socket.socket:
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setblocking(False)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # A host name may stand for addresses of both families, each with a socket of its own.
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening
