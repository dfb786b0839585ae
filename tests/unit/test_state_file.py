"""What one run leaves for the next: the mode, who set it, how it ended; and files that cannot be used."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cqlproxy.modes import Mode
from cqlproxy.state_file import LastRun, Run, State, StateFile, StateFileError, difference, read_state

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
UNCLEAN = "the last run did not end cleanly: copies that only its memory held, if any, are lost"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.json"


def opened(
    path: Path, configured: Mode = Mode.PRIMARY_ONLY, now: datetime = NOW, *, shadow: bool = True
) -> StateFile:
    return StateFile.open(path, configured, shadow=shadow, now=now)


def refusal(path: Path, *, shadow: bool = True) -> str:
    with pytest.raises(StateFileError) as caught:
        opened(path, shadow=shadow)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def written(path: Path, **changes: object) -> None:
    document: dict[str, object] = {
        "version": 1,
        "mode": "shadow_primary",
        "since": "2026-03-04T05:06:07+00:00",
        "by": "ann@ops1",
        "switched": True,
        "run": "ended",
    }
    document |= changes
    path.write_text(json.dumps({key: value for key, value in document.items() if value is not ...}))


def test_the_first_run_takes_the_configuration_s_mode(path: Path) -> None:
    assert read_state(path) is None
    file = opened(path, Mode.DUAL_WRITE_ASYNC)
    expected = State(Mode.DUAL_WRITE_ASYNC, NOW, "the configuration", switched=False, run=Run.NONE)
    assert (file.state, file.last_run, file.notes) == (expected, LastRun.NONE, [])
    assert read_state(path) == expected
    file.run_begins()
    assert read_state(path) == expected._replace(run=Run.SERVING)
    file.close()
    assert read_state(path) == expected._replace(run=Run.ENDED)


def test_a_mode_that_was_switched_survives_and_is_told_apart_from_the_configuration_s(path: Path) -> None:
    first = opened(path, Mode.PRIMARY_ONLY)
    first.run_begins()
    first.switch(Mode.SHADOW_PRIMARY, by="ann@ops1", now=LATER)
    state = State(Mode.SHADOW_PRIMARY, LATER, "ann@ops1", switched=True, run=Run.SERVING)
    assert first.state == read_state(path) == state
    first.close()
    second = opened(path, Mode.PRIMARY_ONLY, LATER + timedelta(days=1))
    assert second.state == state._replace(run=Run.ENDED)
    assert second.last_run is LastRun.CLEAN
    assert second.notes == [
        f"mode shadow_primary of the state file {path}, set by ann@ops1 at 2026-03-04 06:06:07+00:00, is"
        " used; the configuration's mode primary_only is used only until the mode has been switched:"
        " to go to it, say `cqlproxy mode set primary_only`"
    ]
    second.close()
    assert opened(path, Mode.SHADOW_PRIMARY).notes == []


def test_a_mode_that_was_never_switched_follows_the_configuration(path: Path) -> None:
    for now, mode, since in (
        (NOW, Mode.PRIMARY_ONLY, NOW),
        (LATER, Mode.PRIMARY_ONLY, NOW),
        (LATER, Mode.DUAL_WRITE_ASYNC, LATER),
    ):
        file = opened(path, mode, now)
        assert (file.state.mode, file.state.since, file.notes) == (mode, since, [])
        file.close()


def test_a_run_that_was_killed_is_told_until_another_one_has_ended(path: Path) -> None:
    opened(path).close()
    program = (
        "import os, sys; from datetime import datetime, UTC; from pathlib import Path\n"
        "from cqlproxy.modes import Mode; from cqlproxy.state_file import StateFile\n"
        "file = StateFile.open(Path(sys.argv[1]), Mode.PRIMARY_ONLY, shadow=True, now=datetime.now(UTC))\n"
        "file.run_begins()\n"
        "os.kill(os.getpid(), 9)\n"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", program, path], cwd=root, check=False).returncode == -9
    for _ in range(2):
        # One that could not start changes nothing of it.
        failed = opened(path)
        assert (failed.last_run, failed.notes) == (LastRun.UNCLEAN, [UNCLEAN])
        failed.close()
    following = opened(path)
    assert following.last_run is LastRun.UNCLEAN
    following.run_begins()
    following.close()
    assert opened(path).last_run is LastRun.CLEAN


def test_a_run_that_leaves_copies_behind_has_not_ended_cleanly(path: Path) -> None:
    file = opened(path)
    file.run_begins()
    file.close(clean=False)
    file.close()
    assert opened(path).last_run is LastRun.UNCLEAN


def test_a_start_that_failed_is_no_run(path: Path) -> None:
    opened(path).close()
    assert opened(path).last_run is LastRun.NONE


DAMAGED = [
    (b"", "it is not JSON", "damaged"),
    (b"{", "it is not JSON", "damaged"),
    (b"\xff\xfe", "it is not JSON", "damaged"),
    (b"[" * 60_000, "it is not JSON", "damaged"),
    (b" " * 70_000, "it is longer than 65536 bytes", "damaged"),
    (b"[]", "it is not a JSON object", "damaged"),
    (b"{}", "it does not say its version", "damaged"),
    ({"version": True}, "it does not say its version", "damaged"),
    ({"version": 2}, "it is of version 2, not 1", "version-2"),
    ({"mode": ...}, "it lacks mode", "damaged"),
    ({"mode": "none"}, "'none' is not a valid Mode", "damaged"),
    ({"mode": ["a"]}, "['a'] is not a valid Mode", "damaged"),
    ({"run": "walking"}, "'walking' is not a valid Run", "damaged"),
    ({"since": "soon"}, "Invalid isoformat string: 'soon'", "damaged"),
    ({"since": 7}, "fromisoformat: argument must be str", "damaged"),
    ({"since": "2026-03-04"}, "one of by, switched and since is of the wrong type", "damaged"),
    ({"by": 7}, "one of by, switched and since is of the wrong type", "damaged"),
    ({"switched": 1}, "one of by, switched and since is of the wrong type", "damaged"),
]


@pytest.mark.parametrize(("content", "reason", "kind"), DAMAGED, ids=[str(case[0])[:20] for case in DAMAGED])
def test_a_file_that_cannot_be_understood_is_moved_aside(
    path: Path, content: bytes | dict[str, object], reason: str, kind: str
) -> None:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        written(path, **content)
    before = path.read_bytes()
    with pytest.raises(StateFileError) as caught:
        read_state(path)
    assert str(caught.value) == f"the state file {path} cannot be understood: {reason}"
    file = opened(path, Mode.DUAL_WRITE_ASYNC)
    aside = path.with_name(f"state.json.{kind}-20260304T050607Z")
    assert aside.read_bytes() == before
    assert (file.state.mode, file.last_run) == (Mode.DUAL_WRITE_ASYNC, LastRun.UNCLEAN)
    assert file.notes == [
        f"the state file {path} cannot be understood ({reason}) and was moved to {aside}: the mode is now"
        " the configuration's, whatever was set before; check it with `cqlproxy mode get`",
        UNCLEAN,
    ]
    assert read_state(path) == file.state


def test_no_file_that_was_moved_aside_is_overwritten(path: Path) -> None:
    for content in ("one", "two", "three"):
        path.write_text(content)
        opened(path).close()
    aside = sorted(path.parent.glob("state.json.damaged-*"))
    assert [file.read_text() for file in aside] == ["one", "two", "three"]


def test_a_mode_whose_cluster_is_not_configured_does_not_start(path: Path) -> None:
    written(path)
    assert refusal(path, shadow=False) == (
        f"mode shadow_primary of the state file {path}, set by ann@ops1 at 2026-03-04 05:06:07+00:00, needs a"
        " shadow, and the configuration has none: add the key shadow, or remove the file to start in the"
        " configuration's mode"
    )
    opened(path).close()


def test_two_proxies_do_not_share_a_file(path: Path) -> None:
    first = opened(path)
    assert refusal(path) == (
        f"the state file {path} is in use by another cqlproxy: each needs one of its own, so set state_file"
        " (and mirror.journal_path) in one of the configurations, or stop the other proxy"
    )
    first.close()
    opened(path).close()


def test_a_file_that_cannot_be_read_or_written_is_said_at_start(tmp_path: Path) -> None:
    missing = tmp_path / "none" / "state.json"
    assert refusal(missing) == (
        f"the state file {missing} cannot be written: No such file or directory; the proxy keeps there which"
        " mode was set: let it write in that folder, or set state_file in the configuration to a path"
        " where it may"
    )
    folder = tmp_path / "folder"
    folder.mkdir()
    assert refusal(folder) == (
        f"the state file {folder} cannot be read: Is a directory; it says which mode was set, so the proxy"
        " does not start without it: make it readable, or set state_file in the configuration"
    )


def test_a_switch_that_cannot_be_written_leaves_the_old_mode(path: Path) -> None:
    file = opened(path)
    before = path.read_bytes()
    path.with_name("state.json.new").mkdir()
    with pytest.raises(StateFileError, match=r"state\.json cannot be written: Is a directory; "):
        file.switch(Mode.TARGET_ONLY, by="ann", now=LATER)
    assert file.state.mode is Mode.PRIMARY_ONLY
    assert path.read_bytes() == before


def test_what_differs_is_only_told_of_a_mode_that_was_switched(path: Path) -> None:
    state = State(Mode.TARGET_ONLY, NOW, "ann", switched=False, run=Run.ENDED)
    assert difference(path, state, Mode.PRIMARY_ONLY) is None
    switched = state._replace(switched=True)
    assert difference(path, switched, Mode.TARGET_ONLY) is None
    assert difference(path, switched, Mode.PRIMARY_ONLY) is not None


@given(mode=st.sampled_from(Mode), by=st.text(max_size=50), now=st.datetimes(timezones=st.just(UTC)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
def test_what_is_written_is_read(path: Path, mode: Mode, by: str, now: datetime) -> None:
    file = opened(path)
    file.switch(mode, by=by, now=now)
    file.close()
    assert read_state(path) == State(mode, now, by, switched=True, run=Run.NONE)
