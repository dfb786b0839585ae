"""`cqlproxy mirror`: the copies of a running proxy, seen, held, let go, and waited for."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

import click

from cqlproxy.cli.asking import JSON, answered_error, asked, asks_admin, show_reply
from cqlproxy.cli.failures import EXIT_FAILED
from cqlproxy.cli.reaching import who
from cqlproxy.cli.status_in_words import mirrors_in_words

if TYPE_CHECKING:
    from cqlproxy.client.transport import BlockingTransport

_TARGET = click.option(
    "--target",
    type=click.Choice(["primary", "shadow"]),
    help="The copies for this cluster only; else those for both.",
)


@click.group(short_help="The copies: paused, resumed, waited for.")
def mirror() -> None:
    """The copies: how many wait, and whether they go.

    \b
    Examples:
      cqlproxy mirror show
      cqlproxy mirror pause
      cqlproxy mirror resume
      cqlproxy mirror drain
    """


@mirror.command()
@asks_admin
@JSON
def show(api: BlockingTransport, as_json: bool) -> None:
    """Show how many copies wait for each cluster, how old the oldest is, and how fast they go.

    \b
    Example:
      cqlproxy mirror show
    """
    show_reply(asked(lambda: api.get("/mirror")), as_json, mirrors_in_words)


@mirror.command()
@_TARGET
@asks_admin
@JSON
def pause(target: str | None, api: BlockingTransport, as_json: bool) -> None:
    """Let copies wait until they are resumed, or the proxy is restarted: while a cluster is worked on, say.

    Clients do not notice. Copies wait in memory, then in the journal. Exits with 1 when the proxy refuses: in
    dual_write_sync clients would wait, too.

    \b
    Examples:
      cqlproxy mirror pause
      cqlproxy mirror pause --target shadow
    """
    show_reply(asked(lambda: api.post("/mirror/pause", _wish(target))), as_json, mirrors_in_words)


@mirror.command()
@_TARGET
@asks_admin
@JSON
def resume(target: str | None, api: BlockingTransport, as_json: bool) -> None:
    """Let copies go again.

    \b
    Example:
      cqlproxy mirror resume
    """
    show_reply(asked(lambda: api.post("/mirror/resume", _wish(target))), as_json, mirrors_in_words)


@mirror.command()
@_TARGET
@click.option(
    "--timeout",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="How long to wait; else as long as it takes.",
)
@asks_admin
@JSON
def drain(target: str | None, timeout: float | None, api: BlockingTransport, as_json: bool) -> None:
    """Wait until the copies of all that has been written so far have arrived, and show how many are left.

    The application goes on writing: what it writes meanwhile is not waited for. Exits with 1 when the time is
    up, and when the copies are paused.

    \b
    Examples:
      cqlproxy mirror drain
      cqlproxy mirror drain --timeout 60
    """
    # Imported here, since the other commands need none of it.
    from cqlproxy.cli.draining import drained

    reply = asked(lambda: drained(api, target, timeout, quiet=as_json))
    if reply.status != HTTPStatus.OK:
        answered_error(reply.status, reply.body)
    click.echo(json.dumps(reply.body, indent=2) if as_json else _outcome(reply.body))
    if not reply.body.get("drained"):
        raise SystemExit(EXIT_FAILED)


def _wish(target: str | None) -> dict[str, object]:
    wish: dict[str, object] = {"by": who()}
    return wish if target is None else {**wish, "target": target}


def _outcome(body: dict[str, object]) -> str:
    if body.get("drained"):
        return "All copies have arrived."
    return f"{body.get('remaining')} copies are left."
