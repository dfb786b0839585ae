"""The rules file while it changes: what is put in force, when, and what is said of a bad one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import pytest

from filters import Rules, RulesError, RulesWatcher, load_rules

Given = ParamSpec("Given")

GOOD = "filters: {table_blacklist: [ks.t], reload_interval_secs: 0.02}"
OTHER = "filters: {table_blacklist: [ks.u], reload_interval_secs: 0.03}"
BAD = "filters: {table_blacklist: [u]}"


def on_a_loop(scenario: Callable[Given, Coroutine[None, None, None]]) -> Callable[Given, None]:
    """The scenario as a test: run to its end on an event loop of its own."""

    @wraps(scenario)
    def test(*args: Given.args, **kwargs: Given.kwargs) -> None:
        asyncio.run(scenario(*args, **kwargs))

    return test


class Watched:
    """A watcher of a real file, and all that it told."""

    def __init__(self, path: Path, text: str = GOOD) -> None:
        self.path = path
        path.write_text(text)
        self.first = load_rules(path)
        self.told: asyncio.Queue[Rules | RulesError] = asyncio.Queue()
        self.watcher = RulesWatcher(
            self.first, on_rules=self.told.put_nowait, on_problem=self.told.put_nowait
        )

    async def next(self) -> Rules | RulesError:
        return await asyncio.wait_for(self.told.get(), 10)

    async def nothing_after(self, looks: int = 3) -> None:
        for _ in range(looks):
            await self.watcher.look()
        assert self.told.empty()


def tables(rules: Rules | RulesError) -> list[str]:
    assert isinstance(rules, Rules)
    return [pattern.text for pattern in rules.tables.patterns]


@on_a_loop
async def test_a_changed_file_is_read_and_only_once(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "rules.yaml")
    await watched.nothing_after()

    watched.path.write_text(OTHER)
    await watched.watcher.look()

    rules = await watched.next()
    assert tables(rules) == ["ks.u"]
    assert watched.watcher.rules is rules
    assert isinstance(rules, Rules)
    assert rules.loaded_at is not None
    await watched.nothing_after()


@on_a_loop
async def test_the_file_is_looked_at_by_itself(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "rules.yaml")
    task = asyncio.create_task(watched.watcher.run())
    try:
        watched.path.write_text(OTHER)
        assert tables(await watched.next()) == ["ks.u"]
        watched.path.write_text(BAD)
        assert isinstance(await watched.next(), RulesError)
        watched.path.write_text(GOOD)
        assert tables(await watched.next()) == ["ks.t"]
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@on_a_loop
async def test_a_bad_file_leaves_the_old_rules_and_is_told_once_until_it_changes(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "rules.yaml")

    watched.path.write_text(BAD)
    await watched.watcher.look()

    problem = await watched.next()
    assert isinstance(problem, RulesError)
    assert problem.problems[0].startswith(f"{watched.path}:1: filters.table_blacklist[0]: 'u' is not")
    assert watched.watcher.rules is watched.first
    await watched.nothing_after()

    watched.path.write_text(BAD + "  # still")
    await watched.watcher.look()
    assert isinstance(await watched.next(), RulesError)
    await watched.nothing_after()


@on_a_loop
async def test_a_bad_file_that_is_again_what_it_was_is_told(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "rules.yaml")
    watched.path.write_text(BAD)
    await watched.watcher.look()
    assert isinstance(await watched.next(), RulesError)

    watched.path.write_text(GOOD)
    await watched.watcher.look()

    assert tables(await watched.next()) == ["ks.t"]


@on_a_loop
async def test_a_file_that_vanishes_is_a_problem_told_once(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "rules.yaml")

    watched.path.unlink()
    await watched.watcher.look()

    problem = await watched.next()
    assert isinstance(problem, RulesError)
    assert problem.problems == (f"{watched.path}: there is no such rules file",)
    assert watched.watcher.rules is watched.first
    await watched.nothing_after()

    watched.path.write_text(GOOD)
    await watched.watcher.look()
    assert tables(await watched.next()) == ["ks.t"]


@on_a_loop
async def test_a_file_that_is_still_being_written_is_left_until_it_is_complete(tmp_path: Path) -> None:
    # Each state of the file reads as rules; only the last one may come into force.
    watched = Watched(tmp_path / "rules.yaml", GOOD.replace("0.02", "1.0"))
    whole = "filters:\n  table_blacklist:\n" + "".join(f"    - ks.t{number}\n" for number in range(8))
    lines = whole.splitlines(keepends=True)
    watched.path.write_text("".join(lines[:3]))
    look = asyncio.create_task(watched.watcher.look())
    with watched.path.open("a") as file:
        for line in lines[3:]:
            await asyncio.sleep(0.05)
            file.write(line)
            file.flush()

    await look

    assert len(tables(await watched.next())) == 8
    assert watched.told.empty()


@on_a_loop
async def test_reload_reads_at_once_whether_the_file_has_changed_or_not(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "rules.yaml")

    again = await watched.watcher.reload()
    assert again is not watched.first
    assert again is watched.watcher.rules is await watched.next()

    watched.path.write_text(OTHER)
    assert tables(await watched.watcher.reload()) == tables(await watched.next()) == ["ks.u"]
    await watched.nothing_after()


@pytest.mark.parametrize("content", [BAD, None])
@on_a_loop
async def test_reload_of_a_bad_file_raises_and_leaves_the_old_rules(
    tmp_path: Path, content: str | None
) -> None:
    watched = Watched(tmp_path / "rules.yaml")
    watched.path.unlink() if content is None else watched.path.write_text(content)

    with pytest.raises(RulesError) as caught:
        await watched.watcher.reload()

    assert await watched.next() is caught.value
    assert watched.watcher.rules is watched.first
    await watched.nothing_after()


@on_a_loop
async def test_many_reloads_at_once_end_with_the_rules_that_were_told_last(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "rules.yaml")

    await asyncio.gather(*[watched.watcher.reload() for _ in range(5)])

    told = [watched.told.get_nowait() for _ in range(5)]
    assert watched.told.empty()
    assert told[-1] is watched.watcher.rules


def test_rules_that_come_from_no_file_cannot_be_watched() -> None:
    with pytest.raises(ValueError, match="come from no file"):
        RulesWatcher(Rules(), on_rules=lambda _: None, on_problem=lambda _: None)
