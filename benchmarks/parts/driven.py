"""Driven by latte, an independent load generator with a real driver, where it is installed.

It connects, prepares and balances as an application does, so its figures are of driver and nodes as well.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.arena import DIRECT, Arena, Cluster
from benchmarks.comparison import turned
from benchmarks.contestants import ours
from benchmarks.contestants.other_proxies import others
from benchmarks.errors import BenchmarkError
from benchmarks.measure import usage
from benchmarks.proxy_under_load import Measured
from benchmarks.results import Results
from benchmarks.workload import KEYS, KEYSPACE, PAYLOAD_BYTES
from tests.nodes import workspace

HOW_TO_INSTALL: Final = (
    "latte is not installed: cargo install latte-cli (with the toolchain of Rust), or LATTE=path names it"
)

SCRIPT: Final = f"""\
const INSERT = "insert";

pub async fn prepare(db) {{
    db.prepare(INSERT, "INSERT INTO {KEYSPACE}.by_key (key, payload) VALUES (?, ?)").await?;
}}

pub async fn run(db, i) {{
    db.execute_prepared(INSERT, [i % {KEYS}, latte::blob(i, {PAYLOAD_BYTES})]).await?
}}
"""

_SECONDS = 5
_LIMIT_SECONDS = 60.0


class Said(NamedTuple):
    """What latte reports of one run. Times in milliseconds."""

    requests: int
    per_second: float
    p50: float
    p99: float
    errors: int


def run(arena: Arena[Cluster], results: Results, rounds: int | None) -> None:
    """Let it write through each, in turns. Raises `BenchmarkError` when it is not installed."""
    program = os.environ.get("LATTE") or shutil.which("latte")
    if program is None:
        raise BenchmarkError(HOW_TO_INSTALL)
    arena.show("insert")
    # Not through a relay of bytes, behind which a driver finds the node itself and goes there.
    with arena.started([ours.usual(), *others()]) as started:
        contestants = {DIRECT: arena.direct(), **started}
        for number in range(rounds or 2):
            for name in turned(list(contestants), number):
                results.remarks.append(_one(Path(program), name, contestants))
                print(results.remarks[-1], flush=True)


def _one(program: Path, name: str, contestants: Mapping[str, Measured]) -> str:
    measured = contestants[name]
    before = usage(measured.pid)
    said = drive(program, measured.host, measured.port)
    cpu = usage(measured.pid).cpu_seconds - before.cpu_seconds
    if said.errors:
        raise BenchmarkError(f"latte through {name}: {said.errors} requests failed")
    return (
        f"latte, {name}: {said.per_second:,.0f} INSERTs/s, p50 {said.p50:.2f} ms, p99 {said.p99:.2f} ms, "
        f"{cpu / said.requests * 1e6:.2f} us of CPU each"
    )


def drive(program: Path, host: str, port: int) -> Said:
    """One run of latte. Raises `BenchmarkError`."""
    with workspace() as place:
        script, report = place / "insert.rn", place / "report.json"
        script.write_text(SCRIPT)
        options = ["--connections", "8", "--concurrency", "256", "--duration", f"{_SECONDS}s", "--quiet"]
        command = [str(program), "run", *options, "--output", str(report), str(script), f"{host}:{port}"]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_LIMIT_SECONDS, cwd=place, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BenchmarkError(f"latte could not be run: {error}") from error
        if done.returncode != 0:
            end = "\n".join(done.stderr.splitlines()[-10:])
            raise BenchmarkError(f"latte ended with {done.returncode} and said:\n{end}")
        return read_report(report.read_text())


def read_report(text: str) -> Said:
    """What is of use in a report of latte 0.29. Raises `BenchmarkError` when that is not there."""
    try:
        report = json.loads(text)
        result = report["result"]
        latency = {
            round(percent, 3): mean["value"]
            for percent, mean in zip(
                report["percentiles"], result["request_latency"]["percentiles"], strict=True
            )
        }
        return Said(
            int(result["request_count"]),
            float(result["req_throughput"]["value"]),
            float(latency[50.0]),
            float(latency[99.0]),
            int(result["error_count"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise BenchmarkError(f"the report of latte cannot be read: {error!r}") from error
