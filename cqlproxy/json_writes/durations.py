"""Durations: months, days and nanoseconds, from the forms in which CQL and ISO 8601 write them. Pure."""

from __future__ import annotations

import re
from typing import Final

from cassandra.marshal import vints_pack

_SECOND: Final = 10**9
_UNITS: Final = {
    "y": (12, 0, 0),
    "mo": (1, 0, 0),
    "w": (0, 7, 0),
    "d": (0, 1, 0),
    "h": (0, 0, 3600 * _SECOND),
    "m": (0, 0, 60 * _SECOND),
    "s": (0, 0, _SECOND),
    "ms": (0, 0, 10**6),
    "us": (0, 0, 10**3),
    "ns": (0, 0, 1),
}
_CQL: Final = re.compile(
    r"(-?)(?:([0-9]+)y)?(?:([0-9]+)mo)?(?:([0-9]+)w)?(?:([0-9]+)d)?"
    r"(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?(?:([0-9]+)ms)?(?:([0-9]+)[uµ]s)?(?:([0-9]+)ns)?",
    re.IGNORECASE,
)
_CQL_UNITS: Final = ("y", "mo", "w", "d", "h", "m", "s", "ms", "us", "ns")
_ISO: Final = re.compile(
    r"(-?)P(?:([0-9]+)Y)?(?:([0-9]+)M)?(?:([0-9]+)W)?(?:([0-9]+)D)?"
    r"(?:T(?=[0-9])(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)S)?)?"
)
_ISO_UNITS: Final = ("y", "mo", "w", "d", "h", "m", "s")
_FIELDS: Final = ("months", "days", "nanoseconds")
_MOST: Final = (2**31 - 1, 2**31 - 1, 2**63 - 1)
_LONGEST: Final = 200


def duration(value: object) -> bytes:
    """``1mo2d3h``, ``P1M2DT3H`` or ``{"months": 1, "days": 2, "nanoseconds": 3}``: its bytes (v5, 6.8).

    Raises ``ValueError``, also for one whose parts have different signs.
    """
    match value:
        case str() if len(value) <= _LONGEST:
            parts = _parsed(value)
        case dict() if value and value.keys() <= set(_FIELDS):
            parts = [value.get(name, 0) for name in _FIELDS]
        case _:
            raise ValueError
    for part, most in zip(parts, _MOST, strict=True):
        if not isinstance(part, int) or isinstance(part, bool) or not -most - 1 <= part <= most:
            raise ValueError
    if any(part < 0 for part in parts) and any(part > 0 for part in parts):
        raise ValueError
    packed: bytes = vints_pack(parts)
    return packed


def _parsed(text: str) -> list[int]:
    iso = "P" in text
    found = (_ISO if iso else _CQL).fullmatch(text)
    if found is None:
        raise ValueError
    sign, *counts = found.groups()
    parts = [0, 0, 0]
    for unit, count in zip(_ISO_UNITS if iso else _CQL_UNITS, counts, strict=True):
        for place, factor in enumerate(_UNITS[unit]):
            parts[place] += int(count or 0) * factor
    if not any(counts):
        raise ValueError
    return [-part for part in parts] if sign else parts
