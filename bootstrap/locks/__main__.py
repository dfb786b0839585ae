"""``python -m bootstrap.locks``: make all locks anew."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bootstrap import environments
from bootstrap.commands import BootstrapError, announce
from bootstrap.locks import lock

_OLDEST_PYTHON = "3.11"
_HEAD = "# Made by `make lock`; see bootstrap/locks/__init__.py.\n"


def main() -> None:
    try:
        uv = environments.tool("lock", "uv")
    except BootstrapError as error:
        sys.exit(f"bootstrap: {error}")
    with tempfile.TemporaryDirectory() as folder:
        for name, requirements in environments.REQUIREMENTS.items():
            announce(f"Locking {name} ...")
            source = Path(folder) / f"{name}.in"
            source.write_text("\n".join(requirements()) + "\n")
            made = Path(folder) / f"{name}.txt"
            subprocess.run(
                [
                    *(uv, "pip", "compile", "--quiet", "--upgrade", "--universal", "--generate-hashes"),
                    *("--python-version", _OLDEST_PYTHON, "--no-header", "--no-annotate"),
                    # Where packages come from is each machine's own matter.
                    *("--no-emit-index-url", "--no-emit-find-links"),
                    *("--output-file", made, source),
                ],
                check=True,
                stdout=subprocess.DEVNULL,
                env={**os.environ, "UV_NO_CACHE": "1"},
            )
            lock(name).write_text(_HEAD + made.read_text())


if __name__ == "__main__":
    main()
