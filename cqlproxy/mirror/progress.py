"""How fast copies arrive, and when none will be left: from what was seen over the last seconds. Pure."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

OVER_SECONDS: Final = 10.0
EACH_SECONDS: Final = 1.0
_SHORTEST: Final = 0.5
"""Of a time over which a rate is told."""


class _Seen(NamedTuple):
    at: float
    remaining: int
    delivered: int


class Progress:
    """Of the copies for one cluster. Times are those of one clock, in seconds."""

    def __init__(self) -> None:
        self._seen: deque[_Seen] = deque()

    def note(self, now: float, remaining: int, delivered: int) -> None:
        """So many copies are left, and so many were delivered in all. May be called as often as one likes."""
        seen = self._seen
        if seen and now - seen[-1].at < EACH_SECONDS:
            return
        seen.append(_Seen(now, remaining, delivered))
        while now - seen[0].at > OVER_SECONDS + EACH_SECONDS:
            seen.popleft()

    def rate(self, now: float, delivered: int) -> float:
        """Copies that arrive per second."""
        since = self._since(now)
        return 0.0 if since is None else (delivered - since.delivered) / (now - since.at)

    def seconds_left(self, now: float, remaining: int) -> float | None:
        """Until none is left, if it goes on as it did; None when they do not become fewer."""
        if not remaining:
            return 0.0
        since = self._since(now)
        if since is None or remaining >= since.remaining:
            return None
        return remaining * (now - since.at) / (since.remaining - remaining)

    def _since(self, now: float) -> _Seen | None:
        """What was seen first, if that is long enough ago."""
        first = self._seen[0] if self._seen else None
        return None if first is None or now - first.at < _SHORTEST else first
