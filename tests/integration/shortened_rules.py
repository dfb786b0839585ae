"""The alert rules at another pace: the same expressions and thresholds, with every minute a second.

For tests that see an alert fire and clear without waiting for as long as somebody should be spared by it.
"""

from __future__ import annotations

import re
from typing import Final

_DURATION: Final = r"(\d+)(h|m|s)\b"
_PLACES: Final = re.compile(rf"(?P<before>\[|offset |for: ){_DURATION}")
"""Where a rule has a duration: a window, an offset, and how long it must hold."""
_SMALLER: Final = {"h": (1, "m"), "m": (1, "s"), "s": (1000 // 60, "ms")}


def shortened(rules: str) -> str:
    """A file of rules in which each duration is a sixtieth of what it was."""

    def shorter(found: re.Match[str]) -> str:
        factor, unit = _SMALLER[found[3]]
        return f"{found['before']}{int(found[2]) * factor}{unit}"

    return _PLACES.sub(shorter, rules)
