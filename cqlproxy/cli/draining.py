"""Waits for copies, with a bar that shows how many are left and how long that may take."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from cqlproxy.client.figures import Drained, number
from cqlproxy.client.migration.durations import shown

if TYPE_CHECKING:
    from cqlproxy.client.exchange import Reply
    from cqlproxy.client.transport import BlockingTransport

_STEP_SECONDS = 1.0


def drained(api: BlockingTransport, target: str | None, timeout: float | None, *, quiet: bool) -> Reply:
    """Ask until no copy is left that there was at the beginning, or the time is up.

    Returns the last answer, with ``drained`` for what there was when this was called: each answer tells of
    what there was when it was asked for.

    The bar goes to stderr, and only to a terminal. Raises ``UnreachableError``.
    """
    console = Console(stderr=True)
    columns = (SpinnerColumn(), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[left]}"))
    began = time.monotonic()
    until = None if timeout is None else began + timeout
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=None, left="")
        most = 0
        while True:
            rest = _STEP_SECONDS if until is None else min(_STEP_SECONDS, until - time.monotonic())
            wish: dict[str, object] = {"wait_seconds": round(max(0.0, rest), 3)}
            asked = time.monotonic()
            reply = api.post("/mirror/drain", wish if target is None else {**wish, "target": target})
            if reply.status != HTTPStatus.OK:
                return reply
            said = Drained.of(reply.body)
            most = max(most, said.remaining)
            bar.update(task, total=most or None, completed=most - said.remaining, left=_left(said))
            done = said.drained or _is_newer(said, target, asked - began)
            if done or (until is not None and time.monotonic() >= until):
                return reply._replace(body={**reply.body, "drained": done})


def _is_newer(said: Drained, target: str | None, seconds: float) -> bool:
    """Whether all that waits has come in the last ``seconds``. What is on disk is older than the lag
    tells."""
    chosen = [mirror for mirror in said.mirrors if target in (None, mirror.target)]
    return all(
        not mirror.remaining or (not number(mirror.figures, "journal_depth") and mirror.lag_seconds < seconds)
        for mirror in chosen
    )


def _left(said: Drained) -> str:
    pace = f"{said.copies_per_second:,.0f} copies/s"
    return pace if said.seconds_left is None else f"{pace}, {shown(said.seconds_left)} left"
