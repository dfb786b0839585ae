"""A migration as lines for people."""

from __future__ import annotations

from collections.abc import Iterator

from cqlproxy.client.figures import text
from cqlproxy.client.migration.durations import shown
from cqlproxy.client.migration.history import History
from cqlproxy.client.migration.journal import Event
from cqlproxy.client.migration.progress import Progress


def event_in_words(event: Event) -> str | None:
    """A line of the journal; None for one that people need not see."""
    match event.get("event"):
        case "began":
            return f"migration {text(event, 'id')} begins"
        case "adopted":
            return "the modes that others have set are taken as they are"
        case "waiting":
            return f"in {text(event, 'phase')}, on the way to {text(event, 'to')}"
        case "going":
            way = "BACK to" if event.get("back") else "->"
            return f"{text(event, 'from')} {way} {text(event, 'to')}: {text(event, 'why') or 'no conditions'}"
        case "switched":
            return f"{text(event, 'proxy')} is in {text(event, 'mode')}"
        case "entered":
            return f"all proxies are in {text(event, 'phase')}"
        case "confirmed":
            return f"confirmed by {text(event, 'by')}: {text(event, 'question')}"
        case "refused":
            return f"not yet: {text(event, 'why')}"
        case "finished":
            return "the plan is carried out"
        case "paused" | "resumed" as what:
            return what
    return None


def conditions_in_words(progress: Progress, *, all_of_them: bool = True) -> Iterator[str]:
    """What the next step waits for; what holds already only with ``all_of_them``."""
    if progress.trouble is not None:
        yield f"!     {progress.trouble}"
    for condition in progress.conditions:
        if all_of_them or not condition.met:
            yield f"{'ok  ' if condition.met else 'wait'}  {condition.name}: {condition.says}"
    if not progress.lacks and progress.held_for > progress.held_seconds:
        yield f"wait  held_for: {shown(progress.held_seconds)} of {shown(progress.held_for)}"
    if progress.paused:
        yield "paused"


def status_in_words(history: History, progress: Progress) -> Iterator[str]:
    """The lines of ``--status``."""
    yield f"migration   {history.id or 'not begun'}"
    for url, mode in progress.modes.items():
        yield f"proxy       {url} is in {mode}"
    if progress.phase is not None:
        yield f"phase       {progress.phase}, for {shown(progress.in_phase_seconds)}"
    yield f"next        {progress.to or 'nothing: the plan ends here'}"
    if history.going is not None:
        yield f"under way   to {history.going}"
    for line in conditions_in_words(progress):
        yield f"            {line}"
