"""What a service manager such as systemd is told, where it asks: sd_notify(3), without its library.

The manager gives a datagram socket in ``NOTIFY_SOCKET``, and in ``WATCHDOG_USEC`` how often it wants to hear
of a process that is to be restarted when it is silent.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Mapping
from typing import Final

log = logging.getLogger(__name__)

_MICROSECONDS: Final = 1_000_000


class ServiceManager:
    """Tells what ``environment`` asks for; nothing where it asks for nothing."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # Linux's abstract sockets begin with a zero byte, which is written as @ (unix(7)).
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_seconds = _watchdog_seconds(environment) if address else None
        """How often ``alive`` is to be told, half of what the manager waits for; None: never."""

    def ready(self) -> None:
        """Clients can connect."""
        self._tell("READY=1")

    def stopping(self) -> None:
        """The process has begun to end."""
        self._tell("STOPPING=1")

    async def keep_alive(self) -> None:
        """Tell for ever that the event loop turns, if that is asked for."""
        while self.watchdog_seconds is not None:
            self._tell("WATCHDOG=1")
            await asyncio.sleep(self.watchdog_seconds)

    def _tell(self, state: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.setblocking(False)
                channel.sendto(state.encode(), self._address)
        except OSError as error:
            log.warning(
                "the service manager cannot be told",
                extra={"socket": self._address, "state": state, "error": str(error)},
            )


def _watchdog_seconds(environment: Mapping[str, str]) -> float | None:
    asked = environment.get("WATCHDOG_USEC", "")
    # The variables are inherited by processes that are not meant (sd_watchdog_enabled(3)).
    if not asked.isdecimal() or environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(asked) / _MICROSECONDS / 2 or None
