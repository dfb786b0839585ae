"""One run of the proxy as a process: files are opened, signals are heard, and it ends in order."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import time
from datetime import UTC, datetime

from cqlproxy.config import Config
from cqlproxy.descriptors import room_for_clients
from cqlproxy.journal import Journal, JournalError, WhenFull
from cqlproxy.metrics import Metrics
from cqlproxy.proxy import Proxy, StartupError
from cqlproxy.state_file import StateFile, StateFileError
from filters import Rules, load_rules

log = logging.getLogger(__name__)

SWITCH_SECONDS = 0.0001
"""How long the event loop keeps the interpreter while the journal's thread waits for it, a few times for each
transaction. Python's own 5 ms would make answers wait that wait for the journal."""


async def serve(config: Config) -> None:
    """Run a proxy until SIGTERM or SIGINT; SIGHUP reads its rules file again.

    Raises ``StartupError``, ``filters.RulesError``.
    """
    rules = Rules()
    if config.filters is not None:
        rules = load_rules(config.filters.rules_file, loaded_at=time.time())
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
    await _run(Proxy(config, rules, state, journal, metrics, max_clients=max_clients))


async def _run(proxy: Proxy) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, proxy.rules.reload_soon)
    starting = asyncio.ensure_future(proxy.start())
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
    try:
        if starting.done():
            starting.result()
            await stopped
            log.info("stopping")
        else:
            starting.cancel()
    finally:
        stopped.cancel()
        await proxy.stop()


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
