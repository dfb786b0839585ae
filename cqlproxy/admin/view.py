"""What the HTTP endpoints need to know of the proxy behind them."""

from __future__ import annotations

from typing import Protocol


class View(Protocol):
    """Read from the event loop, once per HTTP request; each call returns at once."""

    def ready(self) -> tuple[bool, list[str]]:
        """Whether clients can be served, and if not, why: one line per reason."""

    def stats(self) -> dict[str, object]:
        """The figures of `/stats`, as JSON types."""

    def metrics_text(self) -> bytes:
        """The figures of `/metrics`, in Prometheus' text format."""
