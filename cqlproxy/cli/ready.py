"""`cqlproxy ready`: whether clients can be served, as an exit status for whoever looks after a container."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

import click

from cqlproxy.cli.asking import JSON, answered_error, asked, asks_admin
from cqlproxy.cli.failures import EXIT_FAILED

if TYPE_CHECKING:
    from cqlproxy.client.transport import BlockingTransport


@click.command(short_help="Whether clients can be served, as an exit status.")
@asks_admin
@JSON
def ready(api: BlockingTransport, as_json: bool) -> None:
    """Say whether the running proxy serves clients. It needs no token.

    Exits with 0 when it does, and with 1 when it does not, with the reasons, or cannot be reached: as a
    container's health check wants it.

    \b
    Examples:
      cqlproxy ready
      cqlproxy ready -c proxy.yaml
    """
    reply = asked(lambda: api.get("/ready"))
    if reply.status not in (HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE):
        answered_error(reply.status, reply.body)
    reasons = reply.body.get("reasons")
    words = [f"{reply.body.get('status')}", *(reasons if isinstance(reasons, list) else ())]
    click.echo(json.dumps(reply.body, indent=2) if as_json else "\n".join(map(str, words)))
    if reply.status != HTTPStatus.OK:
        raise SystemExit(EXIT_FAILED)
