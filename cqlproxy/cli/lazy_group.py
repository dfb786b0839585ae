"""A group of commands whose modules are imported when they are used: the command line answers at once."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import ClassVar

import click


class LazyGroup(click.Group):
    """A group whose commands stand in modules, in the order of its help.

    A command that was added in the usual way counts more than one of the table.
    """

    homes: ClassVar[Mapping[str, str]] = {}
    """Such as ``{"mode": "cqlproxy.cli.mode:mode"}``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.homes, *(name for name in super().list_commands(ctx) if name not in self.homes)]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.commands and (home := self.homes.get(name)) is not None:
            module, _, attribute = home.partition(":")
            self.commands[name] = getattr(import_module(module), attribute)
        return super().get_command(ctx, name)
