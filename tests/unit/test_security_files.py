"""The token and the certificates of a configuration, read again while the proxy runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from cqlproxy import files_in_force
from cqlproxy.config import Config, load_config
from cqlproxy.security_files import SecurityFiles

FIRST = "the-first-token-of-this-test"
SECOND = "the-second-token-of-this-test"


def configured(folder: Path, text: str = "") -> Config:
    path = folder / "proxy.yaml"
    path.write_text("primary: {contact_points: [db1]}\nmode: primary_only\n" + text)
    return load_config(path)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


def token_of(files: SecurityFiles) -> str | None:
    token = files.token()
    return None if token is None else token.get_secret_value()


def test_nothing_is_configured_and_nothing_watched(tmp_path: Path) -> None:
    files = SecurityFiles(configured(tmp_path))
    assert (files.listen, files.primary, files.shadow, files.admin) == (None, None, None, None)
    assert token_of(files) is None
    assert not files.any
    assert [*files.certificates(), *files.states()] == []


def test_a_token_in_the_configuration(tmp_path: Path) -> None:
    files = SecurityFiles(configured(tmp_path, f"admin: {{token: {FIRST}}}\n"))
    assert token_of(files) == FIRST
    assert not files.any


@pytest.mark.parametrize("watched", [False, True], ids=["SIGHUP", "watched"])
def test_a_token_file_that_changes_is_in_force_and_a_bad_one_is_not(
    watched: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(files_in_force, "SETTLE_SECONDS", 0.01)
    monkeypatch.setattr(files_in_force, "LOOK_SECONDS", 0.01)
    path = tmp_path / "token"
    path.write_text(FIRST + "\n")
    files = SecurityFiles(configured(tmp_path, "admin: {token_file: token}\n"))

    def write(token: str) -> None:
        path.write_text(token)
        if not watched:
            files.reload_soon()

    async def main() -> None:
        if watched:
            files.start()
        assert token_of(files) == FIRST
        write("too short")
        await until(lambda: [state.stale for state in files.states()] == [True])
        assert token_of(files) == FIRST
        write(SECOND)
        await until(lambda: token_of(files) == SECOND)
        assert [tuple(state) for state in files.states()] == [("admin.token_file", 1, False)]
        await files.stop()

    asyncio.run(main())
    assert f"admin.token_file: the token in {path} must be 16 to 1024" in caplog.text
    assert "changed files are in force" in caplog.text
    for secret in ("too short", FIRST, SECOND):
        assert secret not in caplog.text
