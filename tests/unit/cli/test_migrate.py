"""`cqlproxy migrate`: what it prints, for people and programs, and how it ends."""

from __future__ import annotations

import io
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from cqlproxy.cli import main
from cqlproxy.cli.migration_live import Live
from cqlproxy.client.migration.gates import Condition
from cqlproxy.client.migration.plan import load_plan
from cqlproxy.client.migration.progress import Progress
from cqlproxy.modes import Mode
from tests.unit.client.proxies import RunningProxy, running_proxies

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def _server() -> Iterator[RunningProxy]:
    with running_proxies(Mode.PRIMARY_ONLY) as (proxy,):
        yield proxy


@pytest.fixture
def proxy(_server: RunningProxy) -> RunningProxy:
    _server.begin_again(Mode.PRIMARY_ONLY)
    return _server


def plan(folder: Path, url: str, when: str = "{}") -> Path:
    path = folder / "plan.yaml"
    steps = "\n".join(f"  - {{to: {mode}, when: {when}}}" for mode in list(Mode)[1:])
    path.write_text(f"proxies: ['{url}']\nlook_every: 20ms\nsteps:\n{steps}\n")
    return path


def run(path: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["migrate", str(path), *options])


def test_lines_tell_each_thing_that_happens(proxy: RunningProxy, tmp_path: Path) -> None:
    path = plan(tmp_path, proxy.url)
    result = run(path, "--to", "DualSync")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [line[10:] if line[2:3] == ":" else line for line in result.stdout.splitlines()]
    assert lines[0].startswith("migration ")
    assert lines[1:] == [
        "in primary_only, on the way to dual_write_async",
        "primary_only -> dual_write_async: 0 dead letters; 0 copies dropped in this phase",
        f"{proxy.url} is in dual_write_async",
        "all proxies are in dual_write_async",
        "in dual_write_async, on the way to dual_write_sync",
        "dual_write_async -> dual_write_sync: 0 dead letters; 0 copies dropped in this phase",
        f"{proxy.url} is in dual_write_sync",
        "all proxies are in dual_write_sync",
        "The proxies are in dual_write_sync.",
    ]
    result = run(path, "--rollback")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "dual_write_sync BACK to dual_write_async: rollback" in result.stdout
    assert result.stdout.endswith("The proxies are in dual_write_async.\n")


def test_json_is_a_line_for_each_thing_that_happens(proxy: RunningProxy, tmp_path: Path) -> None:
    result = run(plan(tmp_path, proxy.url), "--json")
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert (result.exit_code, result.stderr) == (0, "")
    assert [event["phase"] for event in events if event["event"] == "entered"] == list(Mode)[1:]
    (look, *_) = [event for event in events if event["event"] == "look"]
    assert (look["phase"], look["to"]) == ("primary_only", "dual_write_async")
    assert {"name": "no_dead_letters", "met": True, "says": "0 dead letters"} in look["conditions"]
    assert events[-2]["event"] == "finished"
    assert events[-1] == {"event": "reached", "phase": "target_only"}


def test_status_changes_nothing_and_needs_no_journal(proxy: RunningProxy, tmp_path: Path) -> None:
    path = plan(tmp_path, proxy.url, "{stayed: 1h}")
    result = run(path, "--status")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[:2] == [
        "migration   not begun",
        f"proxy       {proxy.url} is in primary_only",
    ]
    assert "next        dual_write_async" in result.stdout
    assert "ok    no_dead_letters: 0 dead letters" in result.stdout
    assert sorted(tmp_path.iterdir()) == [path]
    assert json.loads(run(path, "--status", "--json").stdout)["id"] is None
    run(plan(tmp_path, proxy.url), "--to", "DualAsync")
    proxy.modes.put(Mode.PRIMARY_ONLY, "ann")
    said = run(path, "--status").stdout
    assert f"!     {proxy.url} is in primary_only, not where this migration has left it" in said


def test_what_somebody_else_did_is_exit_1_until_it_is_adopted(proxy: RunningProxy, tmp_path: Path) -> None:
    path = plan(tmp_path, proxy.url)
    assert run(path, "--to", "DualAsync").exit_code == 0
    proxy.modes.put(Mode.PRIMARY_ONLY, "ann@desk")
    result = run(path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "is in primary_only, set by ann@desk at " in result.stderr
    assert run(path, "--adopt", "--to", "DualAsync").exit_code == 0


def test_a_question_is_exit_3_where_nobody_can_be_asked_and_confirm_answers_one(
    proxy: RunningProxy, tmp_path: Path
) -> None:
    path = plan(tmp_path, proxy.url, '{confirm: "Is it there?"}')
    for options in ((), ("--json",)):
        result = run(path, *options)
        assert result.exit_code == 3
        assert result.stderr == (
            "cqlproxy: the step to dual_write_async waits for a yes: Is it there?"
            " Run this again with --confirm to say it\n"
        )
    assert run(path, "--confirm").exit_code == 3
    assert proxy.modes.mode is Mode.DUAL_WRITE_ASYNC


def test_a_way_back_that_loses_writes_is_exit_1_without_consent(proxy: RunningProxy, tmp_path: Path) -> None:
    path = plan(tmp_path, proxy.url)
    assert run(path).exit_code == 0
    result = run(path, "--rollback", "--to", "primary_only")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "leave them behind (--accept-loss)" in result.stderr
    assert run(path, "--rollback", "--to", "primary_only", "--accept-loss").exit_code == 0
    assert proxy.modes.mode is Mode.PRIMARY_ONLY


def test_force_takes_a_step_whatever_holds(proxy: RunningProxy, tmp_path: Path) -> None:
    path = plan(tmp_path, proxy.url, "{stayed: 20000d}")
    assert run(path, "--to", "DualAsync", "--force").exit_code == 0
    assert proxy.modes.asked == [(Mode.DUAL_WRITE_ASYNC, proxy.modes.by, True)]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--status", "--rollback"), "--status: changes nothing"),
        (("--accept-loss",), "--accept-loss: goes with --rollback"),
        (("--force",), "--force: goes with --to or --rollback"),
        (("--to", "everywhere"), "'everywhere' is not a mode (one of primary_only"),
    ],
)
def test_options_that_mean_nothing_are_exit_2(
    proxy: RunningProxy, tmp_path: Path, options: tuple[str, ...], problem: str
) -> None:
    result = run(plan(tmp_path, proxy.url), *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert problem in result.stderr
    assert proxy.modes.asked == []


def test_a_bad_plan_is_exit_2(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text("steps: [{to: DualAsync, wen: {}}]\nproxies: []\n")
    result = run(path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        f"{path}: line 2: proxies: must name a proxy at least",
        f"{path}: line 1: steps[0].wen: is not a known key, did you mean when?",
    ]
    assert run(tmp_path / "none.yaml").stderr == f"{tmp_path / 'none.yaml'}: there is no such file\n"


@pytest.mark.parametrize("options", [(), ("--status",), ("--rollback",)])
def test_a_proxy_that_cannot_be_reached_is_exit_1_with_the_address(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    result = run(plan(tmp_path, url), *options)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"cqlproxy: no proxy can be reached at {url}: Connection refused\n"


def test_ctrl_c_stops_where_it_is_and_the_next_run_goes_on(proxy: RunningProxy, tmp_path: Path) -> None:
    path = plan(tmp_path, proxy.url, "{lag_under: 1s}")
    proxy.figures.lag = 5.0
    command = [sys.executable, "-m", "cqlproxy", "migrate", str(path)]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Tests that run in the background of a shell ignore SIGINT, and so does what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if "wait  lag_under: lag 5 s, wanted under 1 s" in line:
                break
        running.send_signal(signal.SIGINT)
        _, error = running.communicate(timeout=20)
    assert running.returncode == 130
    assert error == "cqlproxy: stopped. The proxies stay in their phase; the same command goes on\n"
    assert proxy.modes.mode is Mode.PRIMARY_ONLY
    proxy.figures.lag = 0.0
    assert run(path, "--to", "DualAsync").exit_code == 0


def test_the_live_view_shows_phases_conditions_and_what_happened(tmp_path: Path) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100, color_system=None)
    with Live(load_plan(plan(tmp_path, "http://127.0.0.1:1")), console) as live:
        live.told({"at": "2026-03-04T05:06:07.890+00:00", "event": "entered", "phase": "dual_write_async"})
        live.watched(
            Progress(
                phase=Mode.DUAL_WRITE_ASYNC,
                to=Mode.DUAL_WRITE_SYNC,
                modes={},
                in_phase_seconds=75.0,
                conditions=[
                    Condition("lag_under", True, "lag 0 s"),
                    Condition("stayed", False, "1 m 15 s of 1 h 0 m"),
                ],
                held_seconds=0.0,
                held_for=0.0,
            )
        )
        shown = screen.getvalue()
    assert "05:06:07  all proxies are in dual_write_async" in shown
    for mode in Mode:
        assert mode.value in shown
    assert "for 1 m 15 s" in shown
    assert "before dual_write_sync:" in shown
    assert "ok    lag_under: lag 0 s" in shown
    assert "wait  stayed: 1 m 15 s of 1 h 0 m" in shown


def test_the_help_comes_at_once() -> None:
    """No part of what a run needs is imported for it."""
    program = "import sys; from cqlproxy.cli import main; main(['migrate', '--help'], standalone_mode=False)"
    program += "; print(*sys.modules, file=sys.stderr)"
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert time.monotonic() - began < 20
    assert {"httpx", "pydantic", "rich", "yaml", "cassandra"}.isdisjoint(done.stderr.split())
