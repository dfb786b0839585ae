"""The view of `cqlproxy status --watch`: a table redrawn in a terminal, lines elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cqlproxy.cli.asking import answered_error, unreached
from cqlproxy.cli.status_in_words import status_in_words, status_rows
from cqlproxy.client.errors import UnreachableError

if TYPE_CHECKING:
    from cqlproxy.client.transport import BlockingTransport

_NOTABLE = ("no:", "PAUSED", "spared", "cannot be")


def watch_status(
    api: BlockingTransport,
    *,
    every: float,
    as_json: bool,
    sleep: Callable[[float], None],
    console: Console | None = None,
) -> None:
    """Show it every so many seconds, for ever; the caller ends it by what ``sleep`` raises."""
    screen = console or Console()
    if as_json or not screen.is_terminal:
        while True:
            _print(api, as_json)
            sleep(every)
    with Live(console=screen, auto_refresh=False, screen=False) as live:
        while True:
            live.update(_look(api), refresh=True)
            sleep(every)


def _print(api: BlockingTransport, as_json: bool) -> None:
    body = _asked(api)
    if isinstance(body, str):
        click.echo(f"cqlproxy: {body}", err=True)
    else:
        click.echo(json.dumps(body) if as_json else "\n".join([*status_in_words(body), ""]))


def _look(api: BlockingTransport) -> Table | Text:
    body = _asked(api)
    if isinstance(body, str):
        return Text(body, style="red")
    table = Table(box=None, show_header=False, padding=(0, 2))
    for name, what in status_rows(body):
        notable = any(mark in what for mark in _NOTABLE)
        table.add_row(Text(name, style="bold"), Text(what, style="yellow" if notable else ""))
    return table


def _asked(api: BlockingTransport) -> dict[str, object] | str:
    """What the proxy says, or why it cannot be asked now."""
    try:
        reply = api.get("/status")
    except UnreachableError as error:
        return unreached(error)
    if reply.status != HTTPStatus.OK:
        answered_error(reply.status, reply.body)
    return reply.body
