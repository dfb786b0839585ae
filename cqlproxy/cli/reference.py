"""docs/cli.md, made of the commands. Print it with ``python -m cqlproxy.cli.reference``."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Final

import click

from cqlproxy.cli import main

_HEAD: Final = """\
# Commands

`cqlproxy COMMAND --help` says the same in the terminal. This page is made of the program:
`python -m cqlproxy.cli.reference`.

**Which proxy is asked.** Commands that ask a running proxy take its admin address from `--url`, else from
`CQLPROXY_URL`, else from the configuration given by `-c`, else they try `http://127.0.0.1:8080`. The token
comes from `--token-file`, `CQLPROXY_ADMIN_TOKEN` or `-c`; whom to trust from `--ca-file`,
`CQLPROXY_ADMIN_CA_FILE` or `-c`. `cqlproxy migrate` has all of it in its plan.

**Exit status.** 0: all is well. 1: the proxy could not start, or a running one could not be asked (the
message says which address was tried) or refused. 2: the configuration, a rules file, a plan or the command
line is wrong, and nothing was done. `migrate` also ends with 3, when a step asks for a yes and nobody is
there to give it.

**Completion.** `cqlproxy completion bash|zsh|fish` prints the script for the shell.
"""

_SHARED: Final = frozenset({"url", "config", "token_file", "ca_file"})
"""Options that the head explains."""


def reference() -> str:
    """The whole page."""
    context = click.Context(main, info_name="cqlproxy")
    return "\n".join([_HEAD, *_group(main, context, 2)])


def examples(command: click.Command) -> list[str]:
    """The command lines in a command's help."""
    lines = inspect.cleandoc(command.help or "").splitlines()
    return [line.strip() for line in lines if line.startswith("  cqlproxy ")]


def commands(group: click.Group = main, path: str = "cqlproxy") -> Iterator[tuple[str, click.Command]]:
    """All commands below a group, each with the words that call it, groups before what they hold."""
    context = click.Context(group, info_name=path)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")


def _group(group: click.Group, context: click.Context, depth: int) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context)
        yield f"{'#' * depth} {inner.command_path}\n"
        yield from _text(command)
        if isinstance(command, click.Group):
            yield from _group(command, inner, depth + 1)
        else:
            yield f"`{' '.join([inner.command_path, *command.collect_usage_pieces(inner)])}`\n"
            yield from _options(command, inner)


def _text(command: click.Command) -> Iterator[str]:
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        lines = paragraph.splitlines()
        if lines[0] != "\b":
            yield f"{paragraph}\n"
        elif lines[1].startswith("Example"):
            yield "\n".join(["```sh", *(line.strip() for line in lines[2:]), "```\n"])
        else:
            yield "\n".join(["```", *lines[1:], "```\n"])


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    rows = []
    for parameter in command.params:
        if not isinstance(parameter, click.Option) or _explained(command, parameter):
            continue
        record = parameter.get_help_record(context)
        if record is not None:
            names, meaning = record
            rows.append(f"| `{names.replace('|', chr(92) + '|')}` | {meaning.replace('|', chr(92) + '|')} |")
    if rows:
        yield "\n".join(["| option | |", "|---|---|", *rows]) + "\n"


def _explained(command: click.Command, option: click.Option) -> bool:
    """Whether the head of the page tells of it: how a running proxy is reached."""
    return option.name in _SHARED and any(other.name == "url" for other in command.params)


if __name__ == "__main__":
    print(reference(), end="")
