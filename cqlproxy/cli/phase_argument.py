"""A mode, or a phase of a migration, on the command line: in any of its spellings, completed by the shell."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from cqlproxy.modes import Mode, parse_mode


class PhaseType(click.ParamType[Mode]):
    """Takes every accepted spelling; the shell is offered the canonical ones."""

    name = "mode"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Mode:
        try:
            return parse_mode(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return offered(ctx, param, incomplete)


def offered(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What the shell completes the beginning of a mode to."""
    return [CompletionItem(mode.value) for mode in Mode if mode.startswith(incomplete)]


PHASE = PhaseType()
