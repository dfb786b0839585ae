"""Certificates that come to their end: for the metrics, and warnings while there is time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from cqlproxy.metrics import CertificateState
from cqlproxy.tls.contexts import TlsFiles
from cqlproxy.tls.pem import day

log = logging.getLogger(__name__)

REMIND_SECONDS = 24 * 3600.0
"""How often it is warned of again."""

LOOK_SECONDS = 60.0


class Expiry:
    """Warns of the certificates of all sections. Used on one event loop."""

    def __init__(self, files: Iterable[TlsFiles], warn_before_seconds: float) -> None:
        self._files = tuple(files)
        self._warn_before = timedelta(seconds=warn_before_seconds)
        self._told: dict[tuple[str, str], tuple[datetime, datetime]] = {}
        """When which end was last told of."""

    def states(self) -> list[CertificateState]:
        """When they end."""
        return [
            CertificateState(files.name, file, end.timestamp())
            for files in self._files
            for file, end in files.current.ends.items()
        ]

    async def run(self) -> None:
        """Warn when there is something to warn of; to be cancelled."""
        while True:
            self.warn(datetime.now(UTC))
            await asyncio.sleep(LOOK_SECONDS)

    def warn(self, now: datetime) -> None:
        """Log a line for each certificate near its end of which none was logged for a day."""
        for files in self._files:
            for file, end in files.current.ends.items():
                key = (files.name, file)
                told_end, told_at = self._told.get(key, (None, None))
                if end - now >= self._warn_before or (
                    told_end == end
                    and told_at is not None
                    and (now - told_at).total_seconds() < REMIND_SECONDS
                ):
                    continue
                self._told[key] = (end, now)
                where = f"{files.name}.{file}"
                # In the message itself, so that one certificate does not hide the next (see cqlproxy.logs).
                if end <= now:
                    log.error(
                        f"the certificate of {where} expired at {day(end)}: peers that check it refuse it"
                    )
                else:
                    days = (end - now).days
                    log.warning(f"the certificate of {where} expires in {days} days, at {day(end)}")
