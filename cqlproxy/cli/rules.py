"""`cqlproxy filters`: the rules of a running proxy, shown, read again, and asked about a statement."""

from __future__ import annotations

import json
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cqlproxy.cli import rules_in_words as words
from cqlproxy.cli.asking import JSON, asked, asks_admin, show_reply
from cqlproxy.cli.failures import EXIT_FAILED, refuse

if TYPE_CHECKING:
    from cqlproxy.client.transport import BlockingTransport


@click.group(short_help="What is copied and what is held back.")
def filters() -> None:
    """The rules by which writes are copied or held back.

    \b
    Examples:
      cqlproxy filters show
      cqlproxy filters reload
      cqlproxy filters test "INSERT INTO shop.orders (id) VALUES (1)"
    """


@filters.command()
@asks_admin
@JSON
def show(api: BlockingTransport, as_json: bool) -> None:
    """Show the rules in force, where they come from, and what they have held back.

    Exits with 1 when the proxy cannot be reached.

    \b
    Example:
      cqlproxy filters show --url http://10.0.0.5:8080
    """
    show_reply(asked(lambda: api.get("/filters")), as_json, words.shown)


@filters.command()
@asks_admin
@JSON
def reload(api: BlockingTransport, as_json: bool) -> None:
    """Read the rules file again, now, and put its rules in force.

    Once it says so, nothing reaches the shadow that the new rules hold back, neither what is written from now
    on nor what still waits. Exits with 1 when the file cannot be used: then the old rules stay in force.

    \b
    Example:
      cqlproxy filters reload
    """
    reply = asked(lambda: api.post("/filters/reload"))
    if reply.status == HTTPStatus.OK:
        show_reply(reply, as_json, words.reloaded)
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
@asks_admin
@JSON
def test(
    statement: str, path: Path | None, keyspace: str | None, api: BlockingTransport, as_json: bool
) -> None:
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
        from cqlproxy.client.exchange import Reply
        from cqlproxy.tested_statements import tested_statements
        from filters import RulesError, load_rules

        try:
            rules = load_rules(path)
        except RulesError as error:
            refuse(error.problems)
        reply = Reply(HTTPStatus.OK, {"statements": tested_statements(rules, statement, keyspace)})
    else:
        body: dict[str, object] = {"statement": statement, "keyspace": keyspace}
        reply = asked(lambda: api.post("/filters/test", body))
    show_reply(reply, as_json, words.tested)
