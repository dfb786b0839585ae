"""`cqlproxy filters`: the rules of a running proxy, shown, read again, and asked about a statement."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import click

from cqlproxy.cli import rules_in_words as words
from cqlproxy.cli.admin_client import AdminApi, AdminApiError, Reply
from cqlproxy.cli.failures import EXIT_FAILED, fail, refuse
from filters import RulesError, load_rules

_URL = click.option(
    "--url",
    default="http://127.0.0.1:8080",
    envvar="CQLPROXY_URL",
    show_default=True,
    show_envvar=True,
    help="The admin address of the running proxy.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, as the admin API gives it.")


@click.group()
def filters() -> None:
    """The rules by which writes are copied or held back.

    \b
    Examples:
      cqlproxy filters show
      cqlproxy filters reload
      cqlproxy filters test "INSERT INTO shop.orders (id) VALUES (1)"
    """


@filters.command()
@_URL
@_JSON
def show(url: str, as_json: bool) -> None:
    """Show the rules in force, where they come from, and what they have held back.

    Exits with 1 when the proxy cannot be reached.

    \b
    Example:
      cqlproxy filters show --url http://10.0.0.5:8080
    """
    _print(_asked(url, lambda api: api.get("/filters")), as_json, words.shown)


@filters.command()
@_URL
@_JSON
def reload(url: str, as_json: bool) -> None:
    """Read the rules file again, now, and put its rules in force.

    Once it says so, nothing reaches the shadow that the new rules hold back, neither what is written from now
    on nor what still waits. Exits with 1 when the file cannot be used: then the old rules stay in force.

    \b
    Example:
      cqlproxy filters reload
    """
    reply = _asked(url, lambda api: api.post("/filters/reload"))
    if reply.status == HTTPStatus.OK:
        _print(reply, as_json, words.reloaded)
        return
    if as_json:
        click.echo(json.dumps(reply.body, indent=2))
    else:
        for line in words.not_reloaded(reply.body):
            click.echo(line, err=True)
    raise SystemExit(EXIT_FAILED)


@filters.command()
@click.argument("statement")
@click.option(
    "--rules",
    "path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Ask the rules in this file; no proxy has to run.",
)
@click.option("--keyspace", metavar="KS", help="The keyspace in use, for names without one.")
@_URL
@_JSON
def test(statement: str, path: Path | None, keyspace: str | None, url: str, as_json: bool) -> None:
    """Say whether a CQL statement would be copied, and why; for a batch, each statement of it.

    Asks the running proxy, or with --rules a file. Exits with 0 whatever the answer is, with 1 when the proxy
    cannot be reached, and with 2 when the file or the command line is wrong.

    \b
    Examples:
      cqlproxy filters test "INSERT INTO shop.orders (id) VALUES (1)"
      cqlproxy filters test --rules rules.yaml --keyspace shop "DELETE FROM orders WHERE id = 1"
    """
    if not statement.strip():
        refuse(["STATEMENT: must not be empty"])
    if keyspace is not None and not keyspace.strip():
        refuse(["--keyspace: must not be empty"])
    if path is not None:
        # Imported here, so that the other commands do not wait for it to load.
        from cqlproxy.tested_statements import tested_statements

        try:
            rules = load_rules(path)
        except RulesError as error:
            refuse(error.problems)
        reply = Reply(HTTPStatus.OK, {"statements": tested_statements(rules, statement, keyspace)})
    else:
        body: dict[str, object] = {"statement": statement, "keyspace": keyspace}
        reply = _asked(url, lambda api: api.post("/filters/test", body))
    _print(reply, as_json, words.tested)


def _asked(url: str, ask: Callable[[AdminApi], Reply]) -> Reply:
    try:
        api = AdminApi(url)
    except ValueError as error:
        refuse([f"--url: {error}"])
    try:
        return ask(api)
    except AdminApiError as error:
        fail(str(error))


def _print(reply: Reply, as_json: bool, in_words: Callable[[dict[str, object]], list[str]]) -> None:
    if reply.status != HTTPStatus.OK:
        fail(f"the proxy answers with HTTP status {reply.status}: {reply.body.get('error')}")
    click.echo(json.dumps(reply.body, indent=2) if as_json else "\n".join(in_words(reply.body)))
