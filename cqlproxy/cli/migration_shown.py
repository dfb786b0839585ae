"""How `cqlproxy migrate` shows what it does: live in a terminal, in lines elsewhere, as JSON for programs."""

from __future__ import annotations

import json
import sys
import time
from typing import Protocol, Self

import click

from cqlproxy.cli.migration_in_words import conditions_in_words, event_in_words, status_in_words
from cqlproxy.client.figures import text
from cqlproxy.client.migration.history import History
from cqlproxy.client.migration.journal import Event
from cqlproxy.client.migration.plan import Plan
from cqlproxy.client.migration.progress import Progress
from cqlproxy.modes import Mode

_AGAIN_SECONDS = 30.0
"""After which conditions that have not changed are said again."""


class Shown(Protocol):
    """Shows one run of the command; a context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def told(self, event: Event) -> None:
        """A line was written to the journal."""

    def watched(self, progress: Progress) -> None:
        """There was another look at the figures."""

    def ask(self, question: str) -> bool:
        """Whether somebody says yes; no where nobody can be asked."""

    def reached(self, phase: Mode) -> None:
        """It has come to where it was to go."""

    def status(self, history: History, progress: Progress) -> None:
        """Where it stands."""


def shown_for(plan: Plan, *, as_json: bool, live: bool) -> Shown:
    """What suits the place where the output goes."""
    if as_json:
        return _Json()
    if live:
        # Imported here, since most of its runs are in no terminal.
        from cqlproxy.cli.migration_live import Live

        return Live(plan)
    return Lines()


class Lines:
    """A line for each thing that happens, and for the conditions when they change."""

    def __init__(self) -> None:
        self._said = ""
        self._said_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def told(self, event: Event) -> None:
        line = event_in_words(event)
        if line is not None:
            # The moment of the journal, without its date.
            _say(f"{text(event, 'at')[11:19]}  {line}")
        self._said = ""

    def watched(self, progress: Progress) -> None:
        said = ",".join(progress.lacks) + (progress.trouble or "")
        now = time.monotonic()
        if said != self._said or now - self._said_at > _AGAIN_SECONDS:
            for line in conditions_in_words(progress, all_of_them=False):
                _say(f"          {line}")
            self._said, self._said_at = said, now

    def ask(self, question: str) -> bool:
        return sys.stdin.isatty() and click.confirm(question, err=True)

    def reached(self, phase: Mode) -> None:
        _say(f"The proxies are in {phase}.")

    def status(self, history: History, progress: Progress) -> None:
        for line in status_in_words(history, progress):
            _say(line)


class _Json:
    """An object on a line: those of the journal, and ``look`` for each look at the figures."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def told(self, event: Event) -> None:
        _say(json.dumps(event))

    def watched(self, progress: Progress) -> None:
        _say(json.dumps({"event": "look", **progress.as_json()}))

    def ask(self, question: str) -> bool:
        return False

    def reached(self, phase: Mode) -> None:
        _say(json.dumps({"event": "reached", "phase": phase.value}))

    def status(self, history: History, progress: Progress) -> None:
        _say(json.dumps({"event": "status", "id": history.id, **progress.as_json()}))


def _say(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()
