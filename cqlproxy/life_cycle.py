"""The life of the process: it starts, is told to stop, or a part of it fails, and it ends in order."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from time import monotonic
from typing import Protocol

from cqlproxy.collector import Collector
from cqlproxy.service_manager import ServiceManager
from cqlproxy.supervision import EssentialTaskError, Supervisor, Unhandled

log = logging.getLogger(__name__)

FAILED_STOP_SECONDS = 10.0
"""How long a proxy of which an essential part has failed may take to stop."""


class Living(Protocol):
    """What is run: a proxy."""

    @property
    def collector(self) -> Collector:
        """Begun when the proxy has started, and asked to look by the proxy from then on."""

    async def start(self) -> None:
        """Return once clients can connect."""

    async def stop(self) -> None:
        """End in order, also if it was never started or not to the end."""

    def reload_soon(self) -> None:
        """SIGHUP was sent."""

    def count_unhandled_error(self) -> None:
        """Something has failed in the background."""


async def run_to_the_end(proxy: Living) -> None:
    """Start it, and stop it on SIGTERM or SIGINT; a second one of these ends the process at once.

    Raises what ``start`` raises, and ``EssentialTaskError`` when a part fails for good without which the
    proxy must not go on.
    """
    loop = asyncio.get_running_loop()
    asked: asyncio.Future[None] = loop.create_future()

    def stop(number: signal.Signals) -> None:
        if asked.done():
            # Whoever asks twice does not want to wait: what is in memory is lost, and the next start says so.
            log.critical("stopped at once by a second signal", extra={"signal": number.name})
            os._exit(128 + number)
        asked.set_result(None)

    def fatal(error: EssentialTaskError) -> None:
        if not asked.done():
            asked.set_exception(error)

    loop.set_exception_handler(Unhandled(proxy.count_unhandled_error, fatal))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    loop.add_signal_handler(signal.SIGHUP, proxy.reload_soon)
    manager = ServiceManager(os.environ)
    supervisor = Supervisor()
    starting = loop.create_task(proxy.start(), name="start")
    await asyncio.wait({starting, asked}, return_when=asyncio.FIRST_COMPLETED)
    try:
        if starting.done():
            starting.result()
            proxy.collector.begin(monotonic())
            manager.ready()
            supervisor.start(manager.keep_alive(), "watchdog")
            await asked
            log.info("stopping")
        else:
            starting.cancel()
            await asyncio.wait({starting})
            asked.result()
    except EssentialTaskError as error:
        log.critical("the proxy cannot go on, and ends", extra={"error": str(error)})
        raise
    finally:
        manager.stopping()
        failed = asked.done() and asked.exception() is not None
        try:
            # A proxy of which a part has failed may wait in vain for another part.
            async with asyncio.timeout(FAILED_STOP_SECONDS if failed else None):
                await proxy.stop()
        except TimeoutError:
            log.critical("the proxy did not stop in order: what was in its memory may be lost")
        await supervisor.stop()
