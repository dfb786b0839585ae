"""`cqlproxy mode`: who answers the application and where its writes are copied to; seen and switched."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

import click

from cqlproxy.cli.asking import JSON, asked, asks_admin, show_reply
from cqlproxy.cli.failures import EXIT_FAILED, fail, refuse
from cqlproxy.cli.instant import instant
from cqlproxy.cli.phase_argument import offered
from cqlproxy.cli.reaching import who
from cqlproxy.modes import parse_mode

if TYPE_CHECKING:
    from cqlproxy.client.transport import BlockingTransport


@click.group(short_help="Who answers, and where writes are copied to.")
def mode() -> None:
    """Who answers the application, and where its writes are copied to.

    \b
    primary_only      the primary answers; no copies
    dual_write_async  the primary answers; writes are copied to the shadow afterwards
    dual_write_sync   a write is answered when both clusters have it; the primary answers reads
    shadow_primary    the shadow answers; writes are copied to the primary afterwards
    target_only       the shadow answers; no copies

    \b
    Examples:
      cqlproxy mode get
      cqlproxy mode set dual_write_sync
    """


@mode.command()
@asks_admin
@JSON
def get(api: BlockingTransport, as_json: bool) -> None:
    """Show the mode of the running proxy, and who set it when.

    Exits with 1 when the proxy cannot be reached.

    \b
    Example:
      cqlproxy mode get --url http://10.0.0.5:8080
    """
    show_reply(asked(lambda: api.get("/config/mode")), as_json, _in_force)


@mode.command(name="set")
@click.argument("name", metavar="MODE", shell_complete=offered)
@click.option("--force", is_flag=True, help="Switch even if the cluster that would answer is not ready.")
@asks_admin
@JSON
def set_mode(name: str, force: bool, api: BlockingTransport, as_json: bool) -> None:
    """Switch the running proxy to MODE: new requests follow it, those under way finish as they began.

    The mode survives a restart of the proxy. Exits with 1 when the proxy cannot be reached or refuses,
    because the cluster that would answer is not ready, say; then the mode is that of before. Exits with 2
    when there is no such mode.

    \b
    Examples:
      cqlproxy mode set shadow_primary
      cqlproxy mode set target_only --force
    """
    try:
        wanted = parse_mode(name)
    except ValueError as error:
        refuse([f"MODE: {error}"])
    body: dict[str, object] = {"mode": wanted.value, "force": force, "by": who()}
    reply = asked(lambda: api.post("/config/mode", body))
    if reply.status == HTTPStatus.CONFLICT:
        if as_json:
            click.echo(json.dumps(reply.body, indent=2))
            raise SystemExit(EXIT_FAILED)
        fail(f"the mode is still {reply.body.get('mode')}: {reply.body.get('error')}")
    show_reply(reply, as_json, _switched)


def _in_force(body: dict[str, object]) -> list[str]:
    return [f"{body.get('mode')} since {instant(body.get('since'))}, set by {body.get('by')}"]


def _switched(body: dict[str, object]) -> list[str]:
    now, before = body.get("mode"), body.get("previous")
    return [f"The mode is {now} already." if now == before else f"The mode is {now} now, after {before}."]
