"""How a command ends that cannot do its work."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final, NoReturn

import click

EXIT_FAILED: Final = 1
EXIT_BAD_INPUT: Final = 2


def fail(what: str) -> NoReturn:
    """End with `EXIT_FAILED` and a line on stderr."""
    click.echo(f"cqlproxy: {what}", err=True)
    sys.exit(EXIT_FAILED)


def refuse(problems: Sequence[str]) -> NoReturn:
    """End with `EXIT_BAD_INPUT` and a line on stderr for each problem."""
    for problem in problems:
        click.echo(problem, err=True)
    sys.exit(EXIT_BAD_INPUT)
