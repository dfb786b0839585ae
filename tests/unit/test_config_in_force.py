"""The configuration in force: changed by operators and by its file, in whole or not at all."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cqlproxy.admin.view import ConfigChangeError
from cqlproxy.config import Config, load_config
from cqlproxy.config.keys import CHANGEABLE, keys
from cqlproxy.config_in_force import ConfigInForce
from cqlproxy.modes import Mode
from tests.unit.admin.modes import Modes

TEXT = """\
primary: {contact_points: [db1], username: app, password: secret-1}
shadow: {contact_points: [db2]}
mode: dual_write_async
mirror: {replay_rate: 500}
"""


class Running:
    """A configuration in force that was read from `file`, and what was put in force."""

    def __init__(self, file: Path, text: str = TEXT) -> None:
        self.file = file
        file.write_text(text)
        self.modes = Modes()
        self.modes.mode = Mode.DUAL_WRITE_ASYNC
        self.applied: list[tuple[str, Config]] = []
        by_section = {path.partition(".")[0]: self._applier(path) for path in CHANGEABLE}
        appliers = {path: by_section[path.partition(".")[0]] for path in CHANGEABLE - {"mode"}}
        self.config = ConfigInForce(load_config(file), file, modes=self.modes, appliers=appliers)

    def _applier(self, path: str) -> Callable[[Config], None]:
        return lambda config: self.applied.append((path.partition(".")[0], config))

    def edit(self, text: str) -> None:
        self.file.write_text(text)

    def shown(self, key: str) -> object:
        return self.config.shown()[key]


@pytest.fixture
def running(tmp_path: Path) -> Running:
    return Running(tmp_path / "proxy.yaml")


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await scenario()

    asyncio.run(whole())


def lines(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == level]


def test_all_is_shown_but_secrets(running: Running, tmp_path: Path) -> None:
    shown = running.config.shown()
    config = shown["config"]
    assert isinstance(config, dict)
    assert set(config) == set(Config.model_fields)
    assert config["mirror"]["replay_rate"] == 500
    assert config["primary"]["username"] == "app"
    assert config["primary"]["password"] == "**********"
    assert "secret-1" not in str(shown)
    assert (shown["file"], shown["differs_from_file"], shown["needs_restart"]) == (str(running.file), [], [])
    assert shown["changeable"] == [path for path in keys() if path in CHANGEABLE]


def test_values_are_put_in_force_together_and_told_of(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    changes = {"mirror.replay_rate": 100, "mirror.max_bytes": "1MiB", "log.level": "debug"}

    async def scenario() -> None:
        for changed in (
            {
                "mirror.max_bytes": {"from": 64 * 2**20, "to": 2**20},
                "mirror.replay_rate": {"from": 500, "to": 100},
                "log.level": {"from": "info", "to": "debug"},
            },
            {},
        ):
            answered = await running.config.change(changes, by="ann")
            assert answered["changed"] == changed

    run(scenario)
    assert [name for name, _ in running.applied] == ["mirror", "log"]
    assert {(config.mirror.replay_rate, config.mirror.max_bytes) for _, config in running.applied} == {
        (100, 2**20)
    }
    assert running.shown("differs_from_file") == ["mirror.max_bytes", "mirror.replay_rate", "log.level"]
    assert lines(caplog, logging.INFO) == [
        "mirror.max_bytes is now 1048576",
        "mirror.replay_rate is now 100",
        "log.level is now debug",
    ]
    particulars = vars(caplog.records[1])
    assert (particulars["previous"], particulars["by"]) == (500, "ann")


@pytest.mark.parametrize(
    ("changes", "well_formed", "problem"),
    [
        ({"mirror.replay_rat": 1}, False,
         ("mirror.replay_rat", "is not a known key, did you mean replay_rate? (accepted here: max_req")),
        ({"mirror": {"replay_rate": 1}}, False,
         ("mirror", "is a section: name its keys, such as mirror.max_requests")),
        ({"mirror.replay_rate": "5"}, False,
         ("mirror.replay_rate", "must be a whole number from 1 to 10000000, not '5'")),
        ({"mirror.replay_rate": None}, False,
         ("mirror.replay_rate", "must be a whole number from 1 to 10000000, not empty")),
        ({"mode": "dual"}, False, ("mode", "'dual' is not a mode")),
        ({"listen.port": 1}, True,
         ("listen.port", "cannot be changed while the proxy runs: change it in the configuration file, and")),
        ({"primary.password": "secret-2"}, True, ("primary.password", "cannot be changed while the")),
        ({"mirror.replay_rate": 1, "listen.port": 9043}, True, ("listen.port", "cannot be changed while")),
    ],
)  # fmt: skip
def test_what_cannot_be_put_in_force_says_so_and_changes_nothing(
    running: Running, changes: dict[str, object], well_formed: bool, problem: tuple[str, str]
) -> None:
    before = running.config.shown()

    async def scenario() -> None:
        with pytest.raises(ConfigChangeError) as raised:
            await running.config.change(changes, by="ann")
        assert raised.value.well_formed == well_formed
        ((key, what),) = raised.value.problems
        assert key == problem[0]
        assert what.startswith(problem[1])
        assert "secret" not in str(raised.value)

    run(scenario)
    assert running.applied == []
    assert running.config.shown() == before


def test_a_value_that_is_in_force_already_is_no_change_whatever_its_key(running: Running) -> None:
    async def scenario() -> None:
        answered = await running.config.change({"listen.port": 9042, "mode": "DualAsync"}, by="ann")
        assert answered["changed"] == {}

    run(scenario)
    assert running.applied == []


def test_the_mode_is_switched_first_and_when_it_is_refused_nothing_else_is_changed(running: Running) -> None:
    async def scenario() -> None:
        running.modes.refusal = "not now"
        with pytest.raises(ConfigChangeError, match="mode: not now") as raised:
            await running.config.change({"mode": "shadow_primary", "mirror.replay_rate": 1}, by="ann")
        assert raised.value.well_formed
        assert running.applied == []
        running.modes.refusal = None
        answered = await running.config.change({"mode": "shadow_primary", "log.level": "debug"}, by="ann")
        changed = answered["changed"]
        assert isinstance(changed, dict)
        assert changed["mode"] == {"from": "dual_write_async", "to": "shadow_primary"}

    run(scenario)
    assert running.modes.mode is Mode.SHADOW_PRIMARY
    config = running.shown("config")
    assert isinstance(config, dict)
    assert config["mode"] == "shadow_primary"


def test_what_was_edited_is_put_in_force_and_what_cannot_be_is_named(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    edited = (
        TEXT.replace("500", "50, journal: always")
        + "listen: {port: 9999, tls: {cert_file: a, key_file: b}}\n"
    )

    async def scenario() -> None:
        await running.config.change({"log.level": "debug"}, by="ann")
        running.edit(edited + "log: {format: json}\n")
        await running.config.reload()
        assert running.shown("differs_from_file") == [
            "listen.port", "listen.tls", "mirror.journal", "log.level",
        ]  # fmt: skip
        await running.config.reload()

    run(scenario)
    assert [name for name, _ in running.applied] == ["log", "mirror", "log"]
    last = running.applied[-1][1]
    # What an operator has changed, and nobody in the file, stays.
    assert (last.mirror.replay_rate, last.log.level, last.log.format) == (50, "debug", "json")
    assert (last.listen.port, last.mirror.journal) == (9042, "overflow")
    assert running.shown("needs_restart") == ["listen.port", "listen.tls", "mirror.journal"]
    assert lines(caplog, logging.WARNING) == ["needs a restart: listen.port, listen.tls, mirror.journal"] * 2


def test_an_edited_mode_is_switched_to(running: Running) -> None:
    async def scenario() -> None:
        running.edit(TEXT.replace("dual_write_async", "DualSync"))
        await running.config.reload()

    run(scenario)
    assert running.modes.mode is Mode.DUAL_WRITE_SYNC


def test_an_untouched_file_undoes_no_switch(running: Running) -> None:
    async def scenario() -> None:
        await running.config.change({"mode": "primary_only"}, by="ann")
        await running.config.reload()

    run(scenario)
    assert running.modes.mode is Mode.PRIMARY_ONLY


def test_a_bad_file_changes_nothing_and_says_why(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    before = running.config.shown()

    async def scenario() -> None:
        running.edit(TEXT.replace("500", "50, max_byts: 1"))
        await running.config.reload()
        (problem,) = cast(list[str], running.shown("file_problems"))
        assert problem.startswith(f"{running.file}:4: mirror.max_byts: ")
        running.edit(TEXT.replace("500", "5").replace("dual_write_async", "shadow_primary"))
        running.modes.refusal = "not now"
        await running.config.reload()
        os.remove(running.file)
        await running.config.reload()
        gone = [f"{running.file}: there is no such file"]
        assert running.config.shown() == {**before, "file_problems": gone}
        assert running.applied == []
        # Repaired, it is as if it had never been bad.
        running.edit(TEXT.replace("500", "7"))
        running.config.reload_soon()
        while not running.applied:
            await asyncio.sleep(0)
        assert running.shown("file_problems") == []
        await running.config.stop()

    run(scenario)
    unused = "the configuration file cannot be used; what was in force stays so: "
    bad, refused, gone = lines(caplog, logging.ERROR)
    assert bad.startswith(
        f"{unused}{running.file}:4: mirror.max_byts: is not a known key, did you mean max_bytes?"
    )
    assert refused == f"{unused}mode: not now"
    assert gone == f"{unused}{running.file}: there is no such file"
    assert running.applied[0][1].mirror.replay_rate == 7


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["1MiB", "off"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=3,
)
PATHS = st.sampled_from([*keys(), "", ".", "listen.", "listen..port", "primary.tls.x"]) | st.text(max_size=9)


@given(st.dictionaries(PATHS, VALUES, max_size=4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_any_change_is_made_in_whole_or_refused_with_its_keys(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    running = Running(tmp_path / "proxy.yaml")
    before = running.config.shown()

    async def scenario() -> None:
        refused: ConfigChangeError | None = None
        try:
            await running.config.change(changes, by="anybody")
        except ConfigChangeError as error:
            refused = error
        if refused is not None:
            assert refused.problems
            assert all(what for _, what in refused.problems)
            assert running.config.shown() == before
            assert running.applied == []

    run(scenario)
