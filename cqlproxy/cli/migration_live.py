"""The view of `cqlproxy migrate` in a terminal: phases, conditions of the next step, what happened."""

from __future__ import annotations

from typing import Self

import click
from rich import live
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from cqlproxy.cli.migration_in_words import conditions_in_words, event_in_words, status_in_words
from cqlproxy.client.figures import text
from cqlproxy.client.migration.durations import shown
from cqlproxy.client.migration.history import History
from cqlproxy.client.migration.journal import Event
from cqlproxy.client.migration.plan import Plan
from cqlproxy.client.migration.progress import Progress
from cqlproxy.modes import Mode


class Live:
    """Redrawn at each look; what happened stays above it. A ``Shown``."""

    def __init__(self, plan: Plan, console: Console | None = None) -> None:
        self._phases = [Mode.PRIMARY_ONLY, *(step.to for step in plan.steps)]
        self._console = console or Console()
        self._live = live.Live(console=self._console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def told(self, event: Event) -> None:
        line = event_in_words(event)
        if line is not None:
            self._console.print(Text(f"{text(event, 'at')[11:19]}  {line}"))

    def watched(self, progress: Progress) -> None:
        self._live.update(self._drawn(progress), refresh=True)

    def ask(self, question: str) -> bool:
        self._live.stop()
        try:
            return click.confirm(question, err=True)
        finally:
            self._live.start()

    def reached(self, phase: Mode) -> None:
        self._console.print(Text(f"The proxies are in {phase}."))

    def status(self, history: History, progress: Progress) -> None:
        for line in status_in_words(history, progress):
            self._console.print(Text(line))

    def _drawn(self, progress: Progress) -> Group:
        way = Table(box=None, show_header=False, padding=(0, 2))
        passed = progress.phase in self._phases
        for phase in self._phases:
            here = phase is progress.phase
            passed = passed and not here
            mark, style = ("*", "bold green") if here else ("+", "dim") if passed else (" ", "")
            since = f"for {shown(progress.in_phase_seconds)}" if here else ""
            way.add_row(mark, Text(phase.value, style=style), since)
        lines = [
            Text(line, style="yellow" if line.startswith(("wait", "!")) else "green")
            for line in conditions_in_words(progress)
        ]
        title = Text(f"before {progress.to}:" if progress.to is not None else "", style="bold")
        return Group(Text(""), way, Text(""), title, *lines, Text("Ctrl-C stops here.", style="dim"))
