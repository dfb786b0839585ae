"""Settings that can be changed while the proxy runs, and the parts that they are put in force in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cqlproxy import logs
from cqlproxy.config import Config
from cqlproxy.journal import Journal
from cqlproxy.mirror.settings import JournalUse, MirrorSettings, Overflow
from cqlproxy.mirror.worker import Mirror
from cqlproxy.routing.reads import PLAIN_READS, Reads
from cqlproxy.routing.router import Router
from cqlproxy.validation.validator import Validator


class AppliedSettings:
    """``validator`` is None without another cluster to compare with, ``journal`` where none is kept."""

    def __init__(
        self,
        config: Config,
        *,
        mirrors: Sequence[Mirror],
        journal: Journal | None,
        router: Router,
        validator: Validator | None,
    ) -> None:
        self._mirrors = mirrors
        self._journal = journal
        self._router = router
        self._validator = validator
        self.drain_seconds = config.shutdown_drain_seconds
        """How long a proxy that stops delivers copies."""

    @property
    def appliers(self) -> dict[str, Callable[[Config], None]]:
        """By key, what puts a configuration in force as far as that key is concerned."""
        return {
            "mirror.max_requests": self._use_mirror,
            "mirror.max_bytes": self._use_mirror,
            "mirror.shadow_timeout_ms": self._use_mirror,
            "mirror.retry_interval_secs": self._use_mirror,
            "mirror.max_retry_attempts": self._use_mirror,
            "mirror.circuit_open_seconds": self._use_mirror,
            "mirror.replay_rate": self._use_mirror,
            "mirror.journal_max_bytes": self._use_journal,
            "validation_percentage": self._use_validation,
            "validation_recheck_ms": self._use_validation,
            "shutdown_drain_seconds": self._use_drain,
            "log.level": _use_log,
            "log.format": _use_log,
        }

    def _use_mirror(self, config: Config) -> None:
        settings = mirror_settings(config)
        for mirror in self._mirrors:
            mirror.use_settings(settings)

    def _use_journal(self, config: Config) -> None:
        if self._journal is not None:
            self._journal.use_max_bytes(config.mirror.journal_max_bytes)

    def _use_validation(self, config: Config) -> None:
        if self._validator is not None:
            self._validator.use(config.validation_percentage / 100, config.validation_recheck_ms / 1000)
            self._router.use_reads(reads(config, self._validator))

    def _use_drain(self, config: Config) -> None:
        self.drain_seconds = config.shutdown_drain_seconds


def mirror_settings(config: Config) -> MirrorSettings:
    """What a configuration says of mirrors."""
    mirror = config.mirror
    return MirrorSettings(
        max_requests=mirror.max_requests,
        max_bytes=mirror.max_bytes,
        timeout=mirror.shadow_timeout_ms / 1000,
        overflow=Overflow(mirror.overflow),
        retry_interval=mirror.retry_interval_secs,
        max_retry_attempts=mirror.max_retry_attempts,
        circuit_open_seconds=mirror.circuit_open_seconds,
        replay_rate=mirror.replay_rate,
        journal=JournalUse(mirror.journal),
        sync_failure=config.sync_on_shadow_failure,
    )


def reads(config: Config, validator: Validator | None) -> Reads:
    """What makes the application's reads: nothing is paid for comparing while none is compared."""
    return validator.reads if validator is not None and config.validation_percentage else PLAIN_READS


def _use_log(config: Config) -> None:
    logs.configure(config.log.level, config.log.format)
