"""The figures of the last quarter of an hour, a row for each second, and who waits for the next one.

It looks once a second, whether anybody watches or not: a page that is opened at three in the morning shows
what led to it. Rows are kept as the bytes of their JSON, so that a page gets all of them without any being
encoded.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Mapping
from time import monotonic
from typing import Final

from cqlproxy.live.events import RecentEvents
from cqlproxy.live.losses import Losses
from cqlproxy.live.samples import FIELDS, counters, sample
from cqlproxy.metrics import Metrics

EVERY_SECONDS: Final = 1.0
KEPT_SECONDS: Final = 900


class Recorder:
    """Looks at ``metrics`` while ``run`` runs. ``events`` are what the log tells."""

    def __init__(self, metrics: Metrics, events: RecentEvents) -> None:
        self.events = events
        self.number = 0
        """Of the latest row; 0 before the first."""
        self.figures: Mapping[str, object] = metrics.snapshot()
        """What `/stats` said when the latest row was made."""
        self._metrics = metrics
        self._rows: deque[bytes] = deque(maxlen=int(KEPT_SECONDS / EVERY_SECONDS))
        self._losses = Losses()
        self._before = counters(metrics, self.figures)
        self._looked_at = monotonic()
        self._next: asyncio.Future[None] | None = None

    async def run(self) -> None:
        """Look once a second, without end."""
        loop = asyncio.get_running_loop()
        at = loop.time()
        while True:
            # Where the loop was late, the next look is not earlier for it.
            at = max(at + EVERY_SECONDS, loop.time())
            await asyncio.sleep(at - loop.time())
            self.look()

    def look(self) -> None:
        """Make the next row, and wake those who wait for it."""
        now = monotonic()
        seconds = max(now - self._looked_at, 0.001)
        self.figures = figures = self._metrics.snapshot()
        after = counters(self._metrics, figures)
        row = sample(time.time(), seconds, self._before, after, self._metrics.mode, figures)
        self._rows.append(json.dumps(row, separators=(",", ":")).encode())
        self._before, self._looked_at = after, now
        self._losses.look(figures, now)
        self.number += 1
        if self._next is not None:
            self._next.set_result(None)
            self._next = None

    def next_row(self) -> asyncio.Future[None]:
        """Done when there is another row. Shared by all who wait: not to be cancelled."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        return self._next

    def latest(self) -> bytes:
        """The latest row as JSON, null before the first."""
        return self._rows[-1] if self._rows else b"null"

    def history(self) -> bytes:
        """All rows that are kept as a JSON object: ``fields`` their names, ``samples`` the rows."""
        return b'{"fields":%b,"samples":[%b]}' % (json.dumps(FIELDS).encode(), b",".join(self._rows))
