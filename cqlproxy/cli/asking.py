"""What the commands have in common that ask a running proxy: where it is, and how its answer is printed."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus

import click

from cqlproxy.cli.admin_client import AdminApi, AdminApiError, Reply
from cqlproxy.cli.failures import fail, refuse

URL = click.option(
    "--url",
    default="http://127.0.0.1:8080",
    envvar="CQLPROXY_URL",
    show_default=True,
    show_envvar=True,
    help="The admin address of the running proxy.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, as the admin API gives it.")


def admin_api(url: str) -> AdminApi:
    """The admin API at ``url``; ends the command when that is no address."""
    try:
        return AdminApi(url)
    except ValueError as error:
        refuse([f"--url: {error}"])


def asked(url: str, ask: Callable[[AdminApi], Reply]) -> Reply:
    """What the proxy answers, whatever that is; ends the command when it does not."""
    api = admin_api(url)
    try:
        return ask(api)
    except AdminApiError as error:
        fail(str(error))


def show_reply(reply: Reply, as_json: bool, in_words: Callable[[dict[str, object]], list[str]]) -> None:
    """Print what the proxy answered; ends the command with its error when it is one."""
    if reply.status == HTTPStatus.UNPROCESSABLE_ENTITY and reply.body.get("field") is not None:
        refuse([f"{reply.body['field']}: {reply.body.get('error')}"])
    if reply.status != HTTPStatus.OK:
        fail(f"the proxy answers with HTTP status {reply.status}: {reply.body.get('error')}")
    click.echo(json.dumps(reply.body, indent=2) if as_json else "\n".join(in_words(reply.body)))
