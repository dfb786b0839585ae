"""Which texts are to be logged: each once, and not so many at a time that the log is all there is."""

from __future__ import annotations

from collections import OrderedDict

CAPACITY = 10_000
"""Texts that are remembered; those not seen lately are forgotten, and would be logged again."""

BURST = 50
"""New texts that are logged at once; statements with literals never repeat, and may come without end."""

PER_SECOND = 2.0
"""New texts that are logged per second in the long run."""


class FirstSeen:
    """Remembers texts by their hash, so that a long one costs no more than a short one."""

    def __init__(self) -> None:
        self._seen: OrderedDict[int, None] = OrderedDict()
        self._left = float(BURST)
        self._at = 0.0

    def __len__(self) -> int:
        return len(self._seen)

    def is_first(self, text: bytes, now: float) -> bool:
        """Whether to log a text at ``now``, in seconds that never go back.

        One for which there is no room now counts as not seen: it is logged when it comes again later.
        """
        key = hash(text)
        if key in self._seen:
            self._seen.move_to_end(key)
            return False
        self._left = min(BURST, self._left + (now - self._at) * PER_SECOND)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        self._seen[key] = None
        if len(self._seen) > CAPACITY:
            self._seen.popitem(last=False)
        return True
