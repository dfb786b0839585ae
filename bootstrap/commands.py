"""Running the tools that set things up: silent when they succeed, plain when they fail."""

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_URL = re.compile(r"https?://\S+")
_SHOWN_LINES = 30


class BootstrapError(Exception):
    """Something that the project needs could not be made; the message says what, why and what to do."""


def announce(message: str) -> None:
    """Tell the person at the terminal what is about to take a while."""
    print(message, file=sys.stderr, flush=True)


def run(
    command: Sequence[str | Path],
    *,
    purpose: str,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run `command` to its end, in `cwd` if one is given, and with `environment` instead of this program's.

    Raises `BootstrapError`, which names `purpose` and ends with the command's last lines of output. Addresses
    in them are left out, since those of private package servers may hold credentials.
    """
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except OSError as error:
        raise BootstrapError(f"could not {purpose}: {command[0]}: {error.strerror}") from error
    if done.returncode != 0:
        lines = _URL.sub("<address>", done.stdout.decode(errors="replace")).rstrip().splitlines()
        shown = "\n".join(f"  {line}" for line in lines[-_SHOWN_LINES:])
        raise BootstrapError(
            f"could not {purpose}: {command[0]} ended with {done.returncode} and said:\n{shown}"
        )
