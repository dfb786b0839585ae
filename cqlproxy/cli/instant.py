"""A moment that the admin API tells, as a terminal shows it."""

from __future__ import annotations

from datetime import UTC, datetime


def instant(seconds: object) -> str:
    """Such as `2026-03-04 05:06:07+00:00`, from seconds since the epoch; anything else is no known time."""
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        return "at an unknown time"
    return datetime.fromtimestamp(seconds, UTC).isoformat(sep=" ", timespec="seconds")
