"""`cqlproxy demo`: two real clusters, the proxy and a program, on this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from cqlproxy.cli.failures import fail

_NEEDED = ("demo/run.py", "bootstrap/__main__.py", "tests/nodes")


@click.command(short_help="Two real nodes, the proxy and a program, compared.")
@click.option("--keep", is_flag=True, help="Leave everything running until Ctrl-C, to look around.")
def demo(keep: bool) -> None:
    """Start two Cassandra nodes, the proxy and an ordinary program, and compare both clusters in the end.

    It is what `make demo` does, and needs a checkout of the project: this directory, one above it, or the one
    that cqlproxy is installed from in place. The first time it installs Java and fetches Cassandra, which
    takes some minutes. Exits with 0 if both clusters hold what they must.

    \b
    Examples:
      cqlproxy demo
      cqlproxy demo --keep
    """
    checkout = _checkout()
    if checkout is None:
        fail(
            "the demo runs from a checkout of the project, which has what starts the nodes: clone it, and run"
            " cqlproxy demo (or make demo) in there"
        )
    os.chdir(checkout)
    program = [sys.executable, "-m", "bootstrap", "--java", "python", "-m", "demo.run"]
    os.execv(sys.executable, [*program, "--keep"] if keep else program)


def _checkout() -> Path | None:
    """The nearest directory that has what the demo needs."""
    here = Path.cwd()
    installed = Path(__file__).resolve().parents[2]
    for place in (here, *here.parents, installed):
        if all((place / name).exists() for name in _NEEDED):
            return place
    return None
