"""What the HTTP endpoints need to know of the proxy behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from cqlproxy.cluster.side import Side
from cqlproxy.journal.letters import DeadLetter, Reason
from cqlproxy.json_writes.request import JsonWrite, Written
from cqlproxy.live import Recorder
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

    async def switch(
        self,
        mode: Mode,
        *,
        by: str,
        force: bool,
        expected: Mode | None = None,
        expected_since: float | None = None,
    ) -> dict[str, object]:
        """Put ``mode`` in force for new requests; then what ``shown`` says, and the ``previous`` mode.

        ``by`` says who asks: it is logged and kept. To the mode that is in force already nothing is done.
        Raises ``ModeRefusedError`` when the cluster that would answer is not ready, unless ``force``, when
        the mode cannot be served or noted at all, and when another mode is in force than ``expected``, or
        the same since another time than ``expected_since``: somebody else has switched it.
        """


class LettersWanted(NamedTuple):
    """Which dead letters are meant: those of all that is given; with nothing given, all."""

    ids: tuple[int, ...] | None = None
    keyspace: str | None = None
    table: str | None = None
    """With its keyspace (``ks.t``) or without."""
    reason: Reason | None = None
    target: Side | None = None
    """The cluster that lacks the write."""


class LettersFailedError(Exception):
    """The journal cannot be read or written at the moment; the message says why."""


class LettersView(Protocol):
    """The dead letters. What is awaited raises ``LettersFailedError``."""

    @property
    def count(self) -> int:
        """How many there are."""

    async def page(self, wanted: LettersWanted, *, after: int, limit: int) -> list[DeadLetter]:
        """Up to ``limit`` letters with ids above ``after``, by id. ``wanted`` has no ids."""

    async def get(self, number: int) -> DeadLetter | None:
        """The letter with this id."""

    async def replay(self, wanted: LettersWanted) -> int:
        """Make copies of letters again, to be delivered after all that waits; returns of how many.

        They are letters no more, unless delivery fails again. ``wanted`` has ids or something else, not both.
        """

    async def purge(self, wanted: LettersWanted) -> int:
        """Delete letters for good; returns how many. ``wanted`` has ids or something else, not both."""


class ConfigChangeError(Exception):
    """Settings that were not changed, none of them: by dotted key what is wrong.

    ``well_formed``: there is nothing wrong with the values, but they cannot be put in force now.
    """

    def __init__(self, problems: Sequence[tuple[str, str]], *, well_formed: bool) -> None:
        super().__init__("; ".join(f"{key}: {what}" for key, what in problems))
        self.problems = tuple(problems)
        self.well_formed = well_formed


class ConfigView(Protocol):
    """The configuration in force, as operators see and change it. All results are JSON types."""

    def shown(self) -> dict[str, object]:
        """``config`` as in the file, with defaults and without secrets; ``changeable``: the dotted keys that
        can be changed now. Returns at once.
        """

    async def change(self, changes: Mapping[str, object], *, by: str) -> dict[str, object]:
        """Put values in force by dotted key, all or none; then what ``shown`` says, and what has ``changed``.

        Raises ``ConfigChangeError``.
        """

    def schema(self) -> dict[str, object]:
        """The JSON Schema of the configuration file. Takes a while: not for the event loop."""


class NoMirrorError(Exception):
    """Nothing is copied, since there is no shadow."""


class MirrorRefusedError(Exception):
    """What was asked of the copies cannot be done now; the message says why, and what to do."""


class MirrorsView(Protocol):
    """The copies under way, as operators see and hold them. All results are JSON types.

    ``target`` is the cluster that they are for, None: both. All but ``shown`` raise ``NoMirrorError``.
    """

    def shown(self) -> list[dict[str, object]]:
        """Each target's: what waits and where, how old it is, how fast it goes. Returns at once."""

    def pause(self, target: Side | None, *, by: str) -> None:
        """Send nothing from now on; copies are taken and wait. ``MirrorRefusedError`` where clients wait
        for their copies. What is paused stays so.
        """

    def resume(self, target: Side | None, *, by: str) -> None:
        """Send again. What is not paused goes on."""

    async def drain(self, target: Side | None, seconds: float) -> dict[str, object]:
        """Wait, so long at most, until all is delivered that was taken before; tell how far that is.

        ``MirrorRefusedError`` while it is paused.
        """


class WritesView(Protocol):
    """Writes of programs that have no CQL driver."""

    async def write(self, wanted: JsonWrite) -> Written:
        """Write it as any client's write, and tell what became of it.

        Raises ``UnfitError`` for what cannot be sent, ``RepeatedError``, ``NotServingError``.
        """


class View(Protocol):
    """Read from the event loop, once per HTTP request; each call that is not awaited returns at once."""

    @property
    def config(self) -> ConfigView:
        """The settings in force."""

    @property
    def modes(self) -> ModeView:
        """Who answers clients, and who gets copies."""

    @property
    def rules(self) -> RulesView:
        """What is copied."""

    @property
    def letters(self) -> LettersView | None:
        """The dead letters; None without a journal."""

    @property
    def mirrors(self) -> MirrorsView:
        """What is on its way."""

    @property
    def writes(self) -> WritesView:
        """Who writes what programs ask for."""

    @property
    def live(self) -> Recorder:
        """What has happened of late."""

    def ready(self) -> tuple[bool, list[str]]:
        """Whether clients can be served, and if not, why: one line per reason."""

    def status(self) -> dict[str, object]:
        """What `/status` says: the state of all parts in one, as JSON types."""

    def stats(self) -> dict[str, object]:
        """The figures of `/stats`, as JSON types."""

    def count_admin_refused(self) -> None:
        """A request came without the right token."""

    async def metrics_text(self, accept: str) -> tuple[bytes, str]:
        """The figures of `/metrics`, and their media type: one of Prometheus' formats, by ``accept``."""
