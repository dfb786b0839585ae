"""``python3 -m bootstrap [OPTION...] COMMAND...``: make what is missing, then become COMMAND.

COMMAND finds the programs of the project's environment first on its PATH.
"""

import argparse
import os
import sys

from bootstrap import environments, packages
from bootstrap.commands import BootstrapError


def main() -> None:
    parser = argparse.ArgumentParser(prog="python3 -m bootstrap")
    parser.add_argument(
        "--java", action="store_true", help="make sure of Java and Maven as well, by apt where allowed"
    )
    parser.add_argument("--haproxy", action="store_true", help="make sure of HAProxy, too")
    parser.add_argument("--chromium", action="store_true", help="make sure of Chromium, too")
    parser.add_argument("--plots", action="store_true", help="the environment with matplotlib")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what to run in the project's environment")
    options = parser.parse_args()
    if not options.command:
        parser.error("no command given")
    try:
        packages.provide(java=options.java, haproxy=options.haproxy, chromium=options.chromium)
        scripts = environments.project_python(plots=options.plots).parent
    except BootstrapError as error:
        sys.exit(f"bootstrap: {error}")
    os.environ["PATH"] = f"{scripts}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    os.environ["VIRTUAL_ENV"] = str(scripts.parent)
    os.execvp(options.command[0], options.command)


if __name__ == "__main__":
    main()
