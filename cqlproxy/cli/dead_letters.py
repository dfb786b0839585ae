"""`cqlproxy dead-letters`: the copies that were given up, seen, kept, tried again and deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, TypeVar
from urllib.parse import urlencode

import click

from cqlproxy.cli import letters_in_words as words
from cqlproxy.cli.asking import JSON, answered_error, asked, asks_admin, show_reply, unreached
from cqlproxy.cli.failures import fail, refuse
from cqlproxy.client.errors import AnsweredError, UnreachableError

if TYPE_CHECKING:
    from cqlproxy.client.transport import BlockingTransport

_Command = TypeVar("_Command", bound=Callable[..., None])

Filters = dict[str, str | None]

_WHICH = "say which dead letters: either IDs, or some of --keyspace, --table, --reason, --target, or --all"


def _filters(command: _Command) -> _Command:
    """The options that say which letters, but for their ids."""
    for name, metavar, what in (
        ("--target", "CLUSTER", "Only those that this cluster lacks: primary or shadow."),
        ("--reason", "REASON", "Only those given up for this reason, as list shows it."),
        ("--table", "TABLE", "Only those that write this table, with its keyspace or without."),
        ("--keyspace", "KS", "Only those of this keyspace."),
    ):
        command = click.option(name, metavar=metavar, help=what)(command)
    return command


@click.group(name="dead-letters", short_help="Copies that were given up.")
def dead_letters() -> None:
    """Copies that are delivered no more unless somebody replays them.

    A copy becomes a dead letter when its cluster refuses it, when all its attempts have failed, and when
    nobody knows whether it was applied and a repetition would do harm.

    \b
    Examples:
      cqlproxy dead-letters list --table shop.orders
      cqlproxy dead-letters show 17
      cqlproxy dead-letters export -o letters.jsonl
      cqlproxy dead-letters replay --reason rejected
      cqlproxy dead-letters purge 17 18 --yes
    """


@dead_letters.command(name="list")
@_filters
@click.option("--after", metavar="ID", type=click.IntRange(0), default=0, help="Begin after this one.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many at most."
)
@asks_admin
@JSON
def list_letters(
    after: int, limit: int, api: BlockingTransport, as_json: bool, **filters: str | None
) -> None:
    """List dead letters, oldest first, one on a line.

    Exits with 1 when the proxy cannot be reached or keeps no journal.

    \b
    Examples:
      cqlproxy dead-letters list
      cqlproxy dead-letters list --keyspace shop --reason rejected --limit 10
    """
    query = _query(filters, after=after, limit=limit)
    reply = asked(lambda: api.get(f"/dead-letters?{query}"))
    show_reply(reply, as_json, words.listed)


@dead_letters.command()
@click.argument("number", metavar="ID", type=click.IntRange(1))
@asks_admin
@JSON
def show(number: int, api: BlockingTransport, as_json: bool) -> None:
    """Show one dead letter: its statement and values, why it was given up, and when.

    Exits with 1 when there is no such letter, too.

    \b
    Example:
      cqlproxy dead-letters show 17
    """
    show_reply(asked(lambda: api.get(f"/dead-letters/{number}")), as_json, words.shown)


@dead_letters.command()
@_filters
@click.option(
    "-o",
    "--output",
    type=click.File("wb", atomic=True),
    default="-",
    metavar="FILE",
    help="Write there, once all is read; otherwise to the terminal or a pipe.",
)
@asks_admin
def export(output: BinaryIO, api: BlockingTransport, **filters: str | None) -> None:
    """Write dead letters as JSON, one object on a line, oldest first. They stay where they are.

    Exits with 1 when not all could be read; then FILE is as it was before.

    \b
    Examples:
      cqlproxy dead-letters export --output letters.jsonl
      cqlproxy dead-letters export --reason rejected | jq .statement
    """
    query = _query(filters)
    try:
        with api.lines(f"/dead-letters/export?{query}") as pieces:
            for piece in pieces:
                output.write(piece)
    except UnreachableError as error:
        fail(unreached(error))
    except AnsweredError as error:
        answered_error(error.status, error.body)


@dead_letters.command()
@click.argument("ids", metavar="[ID]...", type=click.IntRange(1), nargs=-1)
@_filters
@click.option("--all", "everything", is_flag=True, help="All of them.")
@asks_admin
@JSON
def replay(
    ids: tuple[int, ...], everything: bool, api: BlockingTransport, as_json: bool, **filters: str | None
) -> None:
    """Try again to deliver dead letters: those with the IDs, or those that the options choose, or --all.

    They are copies again and come after all that waits. What fails again is a dead letter again, with another
    id. A counter or a change of a list whose outcome is unknown is applied twice if it had been applied.

    \b
    Examples:
      cqlproxy dead-letters replay 17 18
      cqlproxy dead-letters replay --table shop.orders --reason rejected
      cqlproxy dead-letters replay --all
    """
    body = _body(ids, everything, filters)
    show_reply(asked(lambda: api.post("/dead-letters/replay", body)), as_json, words.replayed)


@dead_letters.command()
@click.argument("ids", metavar="[ID]...", type=click.IntRange(1), nargs=-1)
@_filters
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.option("--yes", is_flag=True, help="Do not ask whether it is meant.")
@asks_admin
@JSON
def purge(
    ids: tuple[int, ...],
    everything: bool,
    yes: bool,
    api: BlockingTransport,
    as_json: bool,
    **filters: str | None,
) -> None:
    """Delete dead letters for good: those with the IDs, or those that the options choose, or --all.

    What they wrote stays missing on their cluster. Exits with 1 when it was not meant.

    \b
    Examples:
      cqlproxy dead-letters purge 17 18
      cqlproxy dead-letters purge --keyspace scratch --yes
    """
    body = _body(ids, everything, filters)
    if not yes:
        click.confirm(f"Delete {words.chosen(body)} for good?", abort=True, err=True)
    show_reply(asked(lambda: api.post("/dead-letters/purge", body)), as_json, words.purged)


def _query(filters: Filters, **numbers: int) -> str:
    _check(filters)
    return urlencode({**{key: value for key, value in filters.items() if value is not None}, **numbers})


def _body(ids: tuple[int, ...], everything: bool, filters: Filters) -> dict[str, object]:
    _check(filters)
    given = {key: value for key, value in filters.items() if value is not None}
    if [bool(ids), bool(given), everything].count(True) != 1:
        refuse([_WHICH])
    return {"ids": list(ids)} if ids else {"all": True} if everything else dict(given)


def _check(filters: Filters) -> None:
    """What is empty would mean nothing, or, if it was left out, all."""
    problems = [
        f"--{key}: must not be empty"
        for key, value in filters.items()
        if value is not None and not value.strip()
    ]
    if problems:
        refuse(problems)
