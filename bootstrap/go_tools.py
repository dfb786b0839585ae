"""Helm, kubeconform and kustomize, by which the chart and the manifests are tested: made by Go, in the cache.

Go fetches them at these versions and verifies them, with all that they are made of, by its checksum database.
"""

import hashlib
import os
import shutil
from pathlib import Path
from typing import Final, NamedTuple

from bootstrap import cache
from bootstrap.commands import BootstrapError, announce, run


class Tool(NamedTuple):
    """A program of a Go module."""

    package: str
    version: str


TOOLS: Final = {
    "helm": Tool("helm.sh/helm/v3/cmd/helm", "v3.22.0"),
    "kubeconform": Tool("github.com/yannh/kubeconform/cmd/kubeconform", "v0.8.0"),
    "kustomize": Tool("sigs.k8s.io/kustomize/kustomize/v5", "v5.8.1"),
}

_ENVIRONMENT: Final = {
    # No other Go is fetched, and no C compiler asked for.
    "GOTOOLCHAIN": "local",
    "CGO_ENABLED": "0",
    "GOFLAGS": "",
}


def go_tool(name: str) -> Path:
    """A program of `TOOLS`, made when first asked; raises `BootstrapError` with what to do otherwise."""
    tool = TOOLS[name]
    key = hashlib.sha256("@".join(tool).encode()).hexdigest()[:16]
    return cache.made_once(f"{name}-{key}", lambda place: _make(place, name, tool)) / name


def _make(place: Path, name: str, tool: Tool) -> None:
    if shutil.which("go") is None:
        raise BootstrapError(
            f"the tests of the Helm chart need {name}, which Go makes, and there is no go on PATH. Install Go"
            " 1.26 or later (Debian 12's own is too old), then run make again"
        )
    announce(f"Making {name} with Go (first run only) ...")
    environment = {**os.environ, **_ENVIRONMENT, "GOBIN": str(place)}
    command = ["go", "install", "-trimpath", "-ldflags=-s -w", f"{tool.package}@{tool.version}"]
    run(command, purpose=f"make {name} with Go", environment=environment)
    program = place / name
    if not program.exists():
        raise BootstrapError(f"Go made no {name} of {tool.package}@{tool.version}")


def main() -> None:
    """Make all of them: ``python -m bootstrap.go_tools``, in the background of a test run, say."""
    for name in TOOLS:
        try:
            go_tool(name)
        except BootstrapError as error:
            raise SystemExit(f"bootstrap: {error}") from None


if __name__ == "__main__":
    main()
