"""One run of the proxy as a process: files are opened, signals are heard, and it ends in order."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from datetime import UTC, datetime

from cqlproxy.config import Config
from cqlproxy.descriptors import room_for_clients
from cqlproxy.journal import Journal, JournalError, WhenFull
from cqlproxy.metrics import Metrics
from cqlproxy.proxy import Proxy, StartupError
from cqlproxy.security_files import SecurityFiles
from cqlproxy.service_manager import ServiceManager
from cqlproxy.state_file import StateFile, StateFileError
from cqlproxy.supervision import EssentialTaskError, Supervisor, Unhandled
from filters import Rules, load_rules

log = logging.getLogger(__name__)

SWITCH_SECONDS = 0.0001
"""How long the event loop keeps the interpreter while the journal's thread waits for it, a few times for each
transaction. Python's own 5 ms would make answers wait that wait for the journal."""


FAILED_STOP_SECONDS = 10.0
"""How long a proxy of which an essential part has failed may take to stop."""


async def serve(config: Config) -> None:
    """Run a proxy until SIGTERM or SIGINT; SIGHUP reads rules, certificates and token again.

    A second SIGTERM or SIGINT ends the process at once. Raises ``StartupError``, ``filters.RulesError``,
    ``FileProblemsError``, and ``EssentialTaskError`` when a part has failed without which the proxy cannot
    go on.
    """
    rules = Rules()
    if config.filters is not None:
        rules = load_rules(config.filters.rules_file, loaded_at=time.time())
    files = SecurityFiles(config)
    state = _opened_state(config)
    try:
        metrics = Metrics(state.state.mode)
        journal = await _opened_journal(config, metrics)
    except BaseException:
        state.close()
        raise
    if journal is not None:
        sys.setswitchinterval(SWITCH_SECONDS)
    max_clients = room_for_clients(config.listen.max_clients)
    await _run(Proxy(config, rules, state, journal, metrics, files, max_clients=max_clients))


async def _run(proxy: Proxy) -> None:
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


def _opened_state(config: Config) -> StateFile:
    try:
        state = StateFile.open(
            config.state_file, config.mode, shadow=config.shadow is not None, now=datetime.now(UTC)
        )
    except StateFileError as error:
        raise StartupError(str(error)) from error
    for note in state.notes:
        log.warning(note)
    return state


async def _opened_journal(config: Config, metrics: Metrics) -> Journal | None:
    """The journal; None when there is none to keep, because it is off or nothing is copied."""
    mirror = config.mirror
    if config.shadow is None or mirror.journal == "off":
        return None
    try:
        journal = await Journal.open(
            mirror.journal_path,
            max_bytes=mirror.journal_max_bytes,
            fsync_seconds=mirror.journal_fsync_ms / 1000,
            when_full=WhenFull(mirror.journal_full),
            on_dropped=lambda side, copies: metrics.count_dropped("journal_full", copies),
        )
    except JournalError as error:
        raise StartupError(str(error)) from error
    found = journal.opened
    if found.moved_aside is not None:
        log.warning(f"the journal could not be used ({found.why}) and was moved to {found.moved_aside}")
    if any(found.copies) or found.letters:
        log.info(
            "the journal has copies of an earlier run",
            extra={
                "for_the_primary": found.copies[0],
                "for_the_shadow": found.copies[1],
                "dead_letters": found.letters,
            },
        )
    return journal
