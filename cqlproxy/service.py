"""One run of the proxy as a process: files are opened, signals are heard, and it ends in order."""

from __future__ import annotations

import logging
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from cqlproxy.config import Config
from cqlproxy.descriptors import room_for_clients
from cqlproxy.journal import Journal, JournalError, WhenFull
from cqlproxy.life_cycle import run_to_the_end
from cqlproxy.live import RecentEvents
from cqlproxy.metrics import Metrics
from cqlproxy.proxy import Proxy, StartupError
from cqlproxy.security_files import SecurityFiles
from cqlproxy.state_file import StateFile, StateFileError
from filters import Rules, load_rules

log = logging.getLogger(__name__)

SWITCH_SECONDS = 0.0001
"""How long a thread keeps the interpreter while another waits for it: the journal's for the event loop, a few
times for each transaction, and the loop for one that reads new rules or a changed schema. With Python's own
5 ms clients would wait as long, again and again."""


async def serve(config: Config, file: Path) -> None:
    """Run a proxy until SIGTERM or SIGINT; SIGHUP reads configuration, rules, certificates and token again.

    ``file`` is where ``config`` was read from.

    A second SIGTERM or SIGINT ends the process at once. Raises ``StartupError``, ``filters.RulesError``,
    ``FileProblemsError``, and ``EssentialTaskError`` when a part has failed without which the proxy cannot
    go on.
    """
    with RecentEvents().listening() as events:
        await _serve(config, file, events)


async def _serve(config: Config, file: Path, events: RecentEvents) -> None:
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
    sys.setswitchinterval(SWITCH_SECONDS)
    max_clients = room_for_clients(config.listen.max_clients)
    proxy = Proxy(
        config,
        rules,
        state,
        journal,
        metrics,
        files,
        max_clients=max_clients,
        config_file=file,
        events=events,
    )
    await run_to_the_end(proxy)


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
            on_dropped=lambda side, copies: metrics.count_dropped("journal_full", copies, side),
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
