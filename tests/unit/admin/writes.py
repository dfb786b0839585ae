"""Writes with no cluster behind them."""

from __future__ import annotations

from dataclasses import dataclass, field

from cqlproxy.json_writes.request import JsonWrite, WriteError, Written


@dataclass
class Writes:
    """Implements ``admin.view.WritesView``: ``raises`` if that is set, else ends with ``error``."""

    error: WriteError | None = None
    raises: Exception | None = None
    asked: list[JsonWrite] = field(default_factory=list)

    async def write(self, wanted: JsonWrite) -> Written:
        self.asked.append(wanted)
        if self.raises is not None:
            raise self.raises
        timestamp = 1_700_000_000_000_000 if wanted.timestamp is None else wanted.timestamp
        return Written(self.error is None, wanted.request_id or "made", timestamp, 0.25, self.error)
