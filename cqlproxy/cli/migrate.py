"""`cqlproxy migrate`: a migration by its plan, watched, resumed, taken back."""

from __future__ import annotations

import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cqlproxy.cli.failures import fail, refuse
from cqlproxy.cli.phase_argument import PHASE
from cqlproxy.cli.reaching import who

if TYPE_CHECKING:
    from cqlproxy.cli.migration_shown import Shown
    from cqlproxy.client.migration.orchestrator import MigrationOrchestrator
    from cqlproxy.client.migration.plan import Plan
    from cqlproxy.modes import Mode

EXIT_NOT_CONFIRMED = 3


@click.command(short_help="Through the phases of a migration, and back.")
@click.argument("path", metavar="PLAN", type=click.Path(path_type=Path))
@click.option(
    "--to", "until", type=PHASE, metavar="PHASE", help="Stop in this phase; with --rollback, go there."
)
@click.option(
    "--rollback", "back", is_flag=True, help="Go back at once: to the phase before, or to that of --to."
)
@click.option("--status", "only_look", is_flag=True, help="Show where it stands, and change nothing.")
@click.option("--confirm", is_flag=True, help="Say yes to the question that the next step asks.")
@click.option("--adopt", is_flag=True, help="Go on from where somebody else has put the proxies.")
@click.option("--force", is_flag=True, help="With --to: whatever the conditions, and the proxies, say.")
@click.option("--accept-loss", is_flag=True, help="With --rollback: leave behind what only the shadow has.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each thing that happens.")
def migrate(
    path: Path,
    until: Mode | None,
    back: bool,
    only_look: bool,
    confirm: bool,
    adopt: bool,
    force: bool,
    accept_loss: bool,
    as_json: bool,
) -> None:
    """Lead proxies through the phases of a migration, as PLAN says, and back.

    Each step is taken when its conditions hold. What is done is noted in the journal that the plan names:
    Ctrl-C or a kill leaves the proxies in the phase that they are in, and the same command goes on from
    there. It refuses to go on when somebody else has switched a proxy meanwhile.

    Exits with 0 when it is where it was to go, with 1 when a proxy cannot be asked or the migration cannot
    go on, with 2 when the plan or the command line is wrong, and with 3 when a step asks for a yes and there
    is no terminal to ask at.

    \b
    Examples:
      cqlproxy migrate plan.yaml
      cqlproxy migrate plan.yaml --to dual_write_sync
      cqlproxy migrate plan.yaml --status
      cqlproxy migrate plan.yaml --confirm
      cqlproxy migrate plan.yaml --rollback
      cqlproxy migrate plan.yaml --rollback --to primary_only
    """
    _check(until, back, only_look, force, accept_loss)
    # Imported here, so that the help does not wait for it.
    from cqlproxy.cli.migration_shown import shown_for
    from cqlproxy.client.errors import ClientError
    from cqlproxy.client.migration.errors import MigrationError, NotConfirmedError
    from cqlproxy.client.migration.plan import PlanError, load_plan

    try:
        plan = load_plan(path)
        with shown_for(plan, as_json=as_json, live=not only_look and sys.stdout.isatty()) as shown:
            if only_look:
                _run(_status(plan, shown))
            elif back:
                _run(_go_back(plan, shown, until, adopt=adopt, force=force, accept_loss=accept_loss))
            else:
                _run(_go_on(plan, shown, until, confirm=confirm, adopt=adopt, force=force))
    except PlanError as error:
        refuse(error.problems)
    except NotConfirmedError as error:
        click.echo(f"cqlproxy: {error}", err=True)
        raise SystemExit(EXIT_NOT_CONFIRMED) from None
    except (ClientError, MigrationError) as error:
        fail(str(error))
    except KeyboardInterrupt:
        click.echo("cqlproxy: stopped. The proxies stay in their phase; the same command goes on", err=True)
        raise SystemExit(130) from None


def _check(until: Mode | None, back: bool, only_look: bool, force: bool, accept_loss: bool) -> None:
    problems = []
    if only_look and (back or until is not None or force):
        problems.append("--status: changes nothing, and goes with none of --to, --rollback, --force")
    if accept_loss and not back:
        problems.append("--accept-loss: goes with --rollback")
    if force and until is None and not back:
        problems.append("--force: goes with --to or --rollback, which say how far")
    if problems:
        refuse(problems)


def _run(what: Coroutine[object, object, None]) -> None:
    import asyncio

    asyncio.run(what)


def _orchestrator(plan: Plan, shown: Shown, *, confirm: bool = False) -> MigrationOrchestrator:
    from cqlproxy.client.migration.orchestrator import MigrationOrchestrator

    said_yes = confirm

    async def ask(question: str) -> bool:
        nonlocal said_yes
        if said_yes:
            said_yes = False  # to one question only
            return True
        return shown.ask(question)

    return MigrationOrchestrator(plan, by=who(), told=shown.told, watched=shown.watched, confirm=ask)


async def _go_on(
    plan: Plan, shown: Shown, until: Mode | None, *, confirm: bool, adopt: bool, force: bool
) -> None:
    async with _orchestrator(plan, shown, confirm=confirm) as migration:
        shown.reached(await migration.run(until, adopt=adopt, force=force))


async def _go_back(
    plan: Plan, shown: Shown, to: Mode | None, *, adopt: bool, force: bool, accept_loss: bool
) -> None:
    async with _orchestrator(plan, shown) as migration:
        shown.reached(await migration.rollback(to, adopt=adopt, force=force, accept_loss=accept_loss))


async def _status(plan: Plan, shown: Shown) -> None:
    from cqlproxy.client.migration.watching import look_at

    shown.status(*await look_at(plan, f"cqlproxy migrate ({who()})"))
