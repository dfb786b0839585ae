"""latte, built once into the cache, of what the lock file of its release names."""

import shutil
from pathlib import Path

from bootstrap import cache
from bootstrap.commands import BootstrapError, announce, run

_VERSION = "0.29.0"


def latte() -> Path:
    """The program; raises `BootstrapError` with what to type where there is no Rust."""
    cargo = shutil.which("cargo")
    if cargo is None:
        raise BootstrapError(
            "latte is built by Cargo, which is not on PATH; https://rustup.rs says how to install Rust:\n"
            "  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
        )

    def build(place: Path) -> None:
        announce(f"Building latte {_VERSION} (first run only) ...")
        # Not optimised: what it does is looked at, not how fast it does it.
        what = ["latte-cli", "--version", _VERSION, "--locked", "--debug"]
        run([cargo, "install", "--quiet", *what, "--root", place], purpose=f"build latte {_VERSION}")

    return cache.made_once(f"latte-{_VERSION}", build) / "bin" / "latte"
