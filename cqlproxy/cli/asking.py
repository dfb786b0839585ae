"""What the commands have in common that ask a running proxy: where it is, and how its answer is printed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import wraps
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from cqlproxy.cli.failures import fail, refuse
from cqlproxy.cli.reaching import Reaching, reach
from cqlproxy.client.errors import UnreachableError, Unreached

if TYPE_CHECKING:
    from cqlproxy.client.exchange import Reply

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, as the admin API gives it.")

_HINTS = {
    Unreached.ADDRESS: (
        " (another address is given by --url or CQLPROXY_URL: it is that of admin.host and admin.port)"
    ),
    Unreached.CERTIFICATE: (
        " (--ca-file says whom to trust; -c takes the certificate from the proxy's configuration)"
    ),
}

_OPTIONS = (
    click.option(
        "--url",
        envvar="CQLPROXY_URL",
        show_envvar=True,
        help="The admin address of the running proxy; else that of -c, else http://127.0.0.1:8080.",
    ),
    click.option(
        "-c",
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The configuration of the running proxy, for its admin address, token and certificate.",
    ),
    click.option(
        "--token-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The admin token; else that in CQLPROXY_ADMIN_TOKEN, or of -c.",
    ),
    click.option(
        "--ca-file",
        type=click.Path(path_type=Path),
        envvar="CQLPROXY_ADMIN_CA_FILE",
        show_envvar=True,
        metavar="FILE",
        help="PEM: whom to trust at an https address; else that of -c, or whom the system trusts.",
    ),
)


def asks_admin(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say which proxy is asked; the command gets it as ``api``."""

    @wraps(command)
    def with_api(
        *args: Any,
        url: str | None,
        config: Path | None,
        token_file: Path | None,
        ca_file: Path | None,
        **options: Any,
    ) -> None:
        with reach(Reaching(url=url, config=config, token_file=token_file, ca_file=ca_file)) as api:
            command(*args, api=api, **options)

    decorated: Callable[..., None] = with_api
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def asked(ask: Callable[[], Reply]) -> Reply:
    """What the proxy answers, whatever that is; ends the command when it does not."""
    try:
        return ask()
    except UnreachableError as error:
        fail(unreached(error))


def unreached(error: UnreachableError) -> str:
    """The same, with the options that help."""
    return f"{error}{_HINTS.get(error.why, '')}"


def show_reply(reply: Reply, as_json: bool, in_words: Callable[[dict[str, object]], list[str]]) -> None:
    """Print what the proxy answered; ends the command with its error when it is one."""
    if reply.status != HTTPStatus.OK:
        answered_error(reply.status, reply.body)
    click.echo(json.dumps(reply.body, indent=2) if as_json else "\n".join(in_words(reply.body)))


def answered_error(status: int, body: Mapping[str, object]) -> NoReturn:
    """End the command with an error that the proxy has answered."""
    if status == HTTPStatus.UNPROCESSABLE_ENTITY and body.get("field") is not None:
        refuse([f"{body['field']}: {body.get('error')}"])
    fail(f"the proxy answers with HTTP status {status}: {body.get('error')}")
