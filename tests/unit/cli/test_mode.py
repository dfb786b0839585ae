"""`cqlproxy mode`, against a real admin server."""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from cqlproxy.cli import main
from cqlproxy.modes import SPELLINGS, Mode
from tests.unit.admin.asking import Proxy
from tests.unit.admin.modes import Modes
from tests.unit.cli.running import Running


@pytest.fixture
def running() -> Iterator[Running]:
    server = Running(Proxy(modes=Modes(Mode.DUAL_WRITE_ASYNC)))
    yield server
    server.stop()


def run(running: Running, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["mode", *arguments, "--url", running.url])


def test_get_says_which_mode_and_who_set_it(running: Running) -> None:
    result = run(running, "get")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == ("dual_write_async since 2023-11-14 22:13:20+00:00, set by the configuration\n")
    assert json.loads(run(running, "get", "--json").stdout) == running.proxy.modes.shown()


def test_set_takes_every_spelling_and_says_who_asks(running: Running) -> None:
    modes = running.proxy.modes
    for spelling, mode in SPELLINGS.items():
        before = modes.mode
        result = run(running, "set", spelling)
        assert (result.exit_code, result.stderr, modes.mode) == (0, "", mode)
        after = f"The mode is {mode} now, after {before}.\n"
        assert result.stdout == (f"The mode is {mode} already.\n" if mode is before else after)
    who = f"{getpass.getuser()}@{socket.gethostname()}"
    assert modes.asked == [(mode, who, False) for mode in SPELLINGS.values()]


def test_a_user_without_a_name_is_known_by_number(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> str:
        raise OSError("No username set in the environment")

    monkeypatch.setattr(getpass, "getuser", unknown)
    assert run(running, "set", "TargetOnly").exit_code == 0
    assert running.proxy.modes.by == f"user {os.getuid()}@{socket.gethostname()}"


def test_a_refused_switch_is_exit_1_with_the_reason_and_force_insists(running: Running) -> None:
    modes = running.proxy.modes
    modes.refusal = "no node of the shadow is connected"
    result = run(running, "set", "ShadowPrimary")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "cqlproxy: the mode is still dual_write_async: no node of the shadow is connected\n"
    )
    as_json = run(running, "set", "ShadowPrimary", "--json")
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout) == {"error": modes.refusal, **modes.shown()}
    assert modes.shown()["mode"] == "dual_write_async"
    result = run(running, "set", "ShadowPrimary", "--force", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {**modes.shown(), "previous": "dual_write_async"}
    assert modes.shown()["mode"] == "shadow_primary"


@pytest.mark.parametrize("name", ["dualsync", ""])
def test_an_unknown_mode_is_exit_2_and_nobody_is_asked(running: Running, name: str) -> None:
    result = run(running, "set", name)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"MODE: {name!r} is not a mode")
    assert result.stderr.endswith(f"(one of {', '.join(Mode)})\n")
    assert running.proxy.modes.asked == []
