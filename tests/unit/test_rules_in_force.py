"""The rules in force, replaced from a real file by SIGHUP's way and by the watcher."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from cqlproxy.metrics import Metrics
from cqlproxy.modes import Mode
from cqlproxy.rules_in_force import RulesInForce
from filters import Governor, Rules, load_rules

FAST = "filters: {reload_interval_secs: 0.01, table_blacklist: ['ks.held']}\n"
BAD = "filters: {table_blacklist: [held]}\n"


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("watched", [False, True], ids=["SIGHUP", "watcher"])
def test_a_file_that_changes_is_put_in_force_and_a_bad_one_is_not(
    watched: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path = tmp_path / "rules.yaml"
    path.write_text(FAST)
    governor = Governor(load_rules(path))
    metrics = Metrics(Mode.DUAL_WRITE_ASYNC)

    async def main() -> None:
        in_force = RulesInForce(governor, (), metrics)
        first = governor.rules
        if watched:
            in_force.start()

        def changed(text: str) -> None:
            path.write_text(text)
            if not watched:
                in_force.reload_soon()

        changed(BAD)
        await until(lambda: metrics.rules_reload_failures)
        assert governor.rules is first
        assert in_force.state is not None
        assert in_force.state.stale
        assert f"the rules of before stay in force: {path}:1: filters.table_blacklist[0]: " in caplog.text
        changed(FAST.replace("held", "other"))
        await until(lambda: governor.rules is not first)
        assert not governor.table("ks", "other").verdict.copy
        assert governor.table("ks", "held").verdict.copy
        await until(lambda: "the rules of the file are in force" in caplog.text)
        assert "the rules file can be used again" in caplog.text
        await in_force.stop()
        assert metrics.rules_reload_failures == 1

    asyncio.run(main())


def test_without_a_file_sighup_says_so(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        in_force = RulesInForce(Governor(Rules()), (), Metrics(Mode.DUAL_WRITE_ASYNC))
        in_force.start()
        in_force.reload_soon()
        await in_force.stop()

    asyncio.run(main())
    assert "no rules file is configured, so there is nothing to read again" in caplog.text
