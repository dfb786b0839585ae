"""The chart of an application that has the proxy as a sidecar, with its dependency in place."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path

from bootstrap.go_tools import go_tool
from tests.pods.rendering import CHART, K8S, run


@cache
def shop_chart() -> Path:
    """The chart, in a folder that goes with this process: `helm dependency build` writes into it."""
    folder = tempfile.TemporaryDirectory(prefix="cqlproxy-charts-")
    _kept.append(folder)
    root = Path(folder.name)
    shutil.copytree(CHART, root / CHART.name)
    shop = root / "examples" / "shop"
    shutil.copytree(K8S / "examples" / "shop", shop)
    run([go_tool("helm"), "dependency", "build", shop])
    return shop


_kept: list[tempfile.TemporaryDirectory[str]] = []
