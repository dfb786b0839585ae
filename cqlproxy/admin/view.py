"""What the HTTP endpoints need to know of the proxy behind them."""

from __future__ import annotations

from typing import Protocol

from cqlproxy.modes import Mode


class NoRulesFileError(Exception):
    """The proxy runs without a rules file, so that there is none to read again."""


class RulesView(Protocol):
    """The rules in force, as operators see and change them. All results are JSON types."""

    def shown(self) -> dict[str, object]:
        """What is in force, from which file, and how often it held something back. Returns at once."""

    async def reload(self) -> dict[str, object]:
        """Read the file now and put its rules in force; then what ``shown`` says.

        Returns once no copy can reach the shadow that the new rules hold back. Raises ``NoRulesFileError``
        or ``filters.RulesError``: then the rules are those of before.
        """

    async def tested(self, text: str, keyspace: str | None) -> list[dict[str, object]]:
        """What the rules in force say about a CQL text: one entry for each of its statements."""


class ModeRefusedError(Exception):
    """A switch that was not made; the message says why, and what to do."""


class ModeView(Protocol):
    """The write mode, as operators see and switch it. All results are JSON types."""

    def shown(self) -> dict[str, object]:
        """``mode``, ``since`` when (seconds since the epoch) and set ``by`` whom. Returns at once."""

    async def switch(self, mode: Mode, *, by: str, force: bool) -> dict[str, object]:
        """Put ``mode`` in force for new requests; then what ``shown`` says, and the ``previous`` mode.

        ``by`` says who asks: it is logged and kept. To the mode that is in force already nothing is done.
        Raises ``ModeRefusedError`` when the cluster that would answer is not ready, unless ``force``, and
        when the mode cannot be served or noted at all.
        """


class View(Protocol):
    """Read from the event loop, once per HTTP request; each call that is not awaited returns at once."""

    @property
    def modes(self) -> ModeView:
        """Who answers clients, and who gets copies."""

    @property
    def rules(self) -> RulesView:
        """What is copied."""

    def ready(self) -> tuple[bool, list[str]]:
        """Whether clients can be served, and if not, why: one line per reason."""

    def stats(self) -> dict[str, object]:
        """The figures of `/stats`, as JSON types."""

    def metrics_text(self) -> bytes:
        """The figures of `/metrics`, in Prometheus' text format."""
