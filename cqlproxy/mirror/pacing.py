"""Failures in a row slow the mirror down, so that a sick shadow is not kept down by it."""

from __future__ import annotations

BACKOFF_SECONDS = (0.1, 5.0)
"""The first and the longest pause after attempts that failed in a row."""


class Pacing:
    """When the next copy may be sent. Times are ``time.monotonic()``, in seconds."""

    def __init__(self) -> None:
        self._failures_in_a_row = 0
        self._resume_at = 0.0

    def may_send(self, now: float) -> bool:
        return now >= self._resume_at

    def failed(self, now: float) -> float | None:
        """An attempt failed. Returns the pause that begins now; None when one is under way already."""
        if now < self._resume_at:
            return None
        first, longest = BACKOFF_SECONDS
        pause = min(first * (1 << self._failures_in_a_row), longest)
        self._failures_in_a_row = min(self._failures_in_a_row + 1, 16)
        self._resume_at = now + pause
        return pause

    def succeeded(self) -> None:
        """A copy was delivered: the shadow is well again."""
        self._failures_in_a_row = 0
        self._resume_at = 0.0
