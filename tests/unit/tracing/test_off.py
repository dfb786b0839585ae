"""Who configures no traces does not pay for them: nothing of OpenTelemetry is imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]

PROGRAM = """
import sys

import uvloop

from benchmarks.micro.in_process import Setting, started
from cqlproxy.routing.router import Router

async def main():
    async with started(Setting("dual_write_async", "off")) as proxy:
        assert type(proxy.proxy._router) is Router

uvloop.run(main())
print(sorted(name for name in sys.modules if name.split(".")[0] in ("opentelemetry", "google", "requests")))
"""


def test_without_traces_nothing_of_them_is_imported() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert (ended.stdout, ended.returncode) == ("[]\n", 0), ended.stderr
