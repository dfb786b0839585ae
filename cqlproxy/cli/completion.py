"""`cqlproxy completion`: what a shell needs to complete the commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command(short_help="What a shell needs to complete commands.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script by which SHELL completes commands, options and the names of modes.

    \b
    Examples:
      cqlproxy completion bash > ~/.local/share/bash-completion/completions/cqlproxy
      cqlproxy completion zsh > ~/.zfunc/_cqlproxy
      cqlproxy completion fish > ~/.config/fish/completions/cqlproxy.fish
    """
    # Imported here: commands are the group's, and the group has this one.
    from cqlproxy.cli import main

    found = get_completion_class(shell)
    assert found is not None, "click knows these shells"
    click.echo(found(main, {}, "cqlproxy", "_CQLPROXY_COMPLETE").source())
