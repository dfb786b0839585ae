"""Spans of time, as people write and read them."""

from __future__ import annotations

import re
from typing import Final

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_WRITTEN: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")


def seconds(value: object) -> float:
    """Seconds of a number, or of a text such as ``90s``, ``10m`` or ``1.5h``. Raises ValueError."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9:
        return float(value)
    if isinstance(value, str) and (match := _WRITTEN.fullmatch(value.strip())):
        return float(match[1]) * _UNITS[match[2] or "s"]
    raise ValueError("must be a time such as 500ms, 30s, 10m or 2h, or a number of seconds")


def shown(span: float) -> str:
    """Such as ``0.25 s``, ``12 s``, ``3 m 20 s`` or ``2 h 5 m``."""
    if span < 10:
        return f"{span:.2f}".rstrip("0").rstrip(".") + " s"
    whole = round(span)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} m"
