"""`cqlproxy status`: how a running proxy is, once or again and again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from cqlproxy.cli.asking import JSON, asked, asks_admin, show_reply
from cqlproxy.cli.status_in_words import status_in_words

if TYPE_CHECKING:
    from cqlproxy.client.transport import BlockingTransport


@click.command(short_help="How the running proxy is.")
@click.option("-w", "--watch", is_flag=True, help="Go on showing it until Ctrl-C.")
@click.option(
    "--every",
    type=click.FloatRange(0.1, 3600),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="How often, with --watch.",
)
@asks_admin
@JSON
def status(watch: bool, every: float, api: BlockingTransport, as_json: bool) -> None:
    """Show how the running proxy is: its mode, both clusters, copies that wait, what it has counted.

    Exits with 0 whatever the proxy says of itself, and with 1 when it cannot be reached. With --watch it goes
    on asking while the proxy is away.

    \b
    Examples:
      cqlproxy status
      cqlproxy status --watch
      cqlproxy status --watch --every 10 --json
    """
    if not watch:
        show_reply(asked(lambda: api.get("/status")), as_json, status_in_words)
        return
    # Imported here, since a single look needs none of it.
    from cqlproxy.cli.status_watched import watch_status

    try:
        watch_status(api, every=every, as_json=as_json, sleep=time.sleep)
    except KeyboardInterrupt:
        return
