"""The orchestrator against running admin servers: steps, conditions, ways back, what others do, kills."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path

import pytest

from cqlproxy.client import MigrationOrchestrator, Plan
from cqlproxy.client.errors import UnreachableError
from cqlproxy.client.migration.errors import (
    ForeignSwitchError,
    JournalError,
    NoSuchStepError,
    NotConfirmedError,
    WouldLoseError,
)
from cqlproxy.client.migration.journal import Event, Journal
from cqlproxy.client.migration.progress import Progress
from cqlproxy.modes import Mode
from tests.unit.client.proxies import RunningProxy, running_proxies

WAY = [mode for mode in Mode if mode is not Mode.PRIMARY_ONLY]


@pytest.fixture(scope="module")
def _servers() -> Iterator[list[RunningProxy]]:
    with running_proxies(Mode.PRIMARY_ONLY, Mode.PRIMARY_ONLY) as proxies:
        yield proxies


@pytest.fixture
def pair(_servers: list[RunningProxy]) -> list[RunningProxy]:
    for proxy in _servers:
        proxy.begin_again(Mode.PRIMARY_ONLY)
    return _servers


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def plan(proxies: list[RunningProxy], journal: Path, **conditions: object) -> Plan:
    """Through all phases; ``conditions`` of every step."""
    return Plan.model_validate(
        {
            "proxies": [proxy.url for proxy in proxies],
            "journal": journal,
            "look_every": 0.01,
            "steps": [{"to": mode.value, "when": conditions} for mode in WAY],
        }
    )


class Watched:
    """Those who are told, and do something at a look."""

    def __init__(self, at_look: Callable[[int, Progress], None] = lambda number, progress: None) -> None:
        self.events: list[Event] = []
        self.looks: list[Progress] = []
        self._at_look = at_look

    def told(self, event: Event) -> None:
        self.events.append(event)

    def watched(self, progress: Progress) -> None:
        self.looks.append(progress)
        self._at_look(len(self.looks), progress)

    @property
    def names(self) -> list[object]:
        return [event["event"] for event in self.events]


def run(plan: Plan, watched: Watched | None = None, until: Mode | None = None, **options: bool) -> Mode:
    """One run, as a program of its own would do it."""
    return _done(plan, watched, lambda migration: migration.run(until, **options))


def back(plan: Plan, to: Mode | None = None, watched: Watched | None = None, **options: bool) -> Mode:
    return _done(plan, watched, lambda migration: migration.rollback(to, **options))


def _done(
    plan: Plan,
    watched: Watched | None,
    what: Callable[[MigrationOrchestrator], Coroutine[object, object, Mode]],
) -> Mode:
    eyes = watched or Watched()

    async def doing() -> Mode:
        async with MigrationOrchestrator(
            plan, by="a test", told=eyes.told, watched=eyes.watched
        ) as migration:
            return await asyncio.wait_for(what(migration), 20)

    return asyncio.run(doing())


def modes(proxies: list[RunningProxy]) -> set[Mode]:
    return {proxy.modes.mode for proxy in proxies}


def test_all_phases_on_all_proxies_and_each_is_written_down(pair: list[RunningProxy], journal: Path) -> None:
    watched = Watched()
    assert run(plan(pair, journal), watched) is Mode.TARGET_ONLY
    for proxy in pair:
        assert [mode for mode, _, _ in proxy.modes.asked] == WAY
        assert proxy.modes.by == f"migration {watched.events[0]['id']}"
    step = ["waiting", "going", "switched", "switched", "entered"]
    assert watched.names == ["began", *step * 4, "finished"]
    written = [json.loads(line) for line in journal.read_text().splitlines()]
    assert written == watched.events
    assert [event["phase"] for event in written if event["event"] == "entered"] == WAY
    # Once more, it has nothing to do, and says nothing.
    again = Watched()
    assert run(plan(pair, journal), again) is Mode.TARGET_ONLY
    assert again.names == []


def test_it_stops_where_it_is_told_and_goes_on_from_there(pair: list[RunningProxy], journal: Path) -> None:
    assert run(plan(pair, journal), until=Mode.DUAL_WRITE_SYNC) is Mode.DUAL_WRITE_SYNC
    assert modes(pair) == {Mode.DUAL_WRITE_SYNC}
    assert run(plan(pair, journal), until=Mode.SHADOW_PRIMARY) is Mode.SHADOW_PRIMARY
    with pytest.raises(NoSuchStepError, match="in shadow_primary, which is after dual_write_async"):
        run(plan(pair, journal), until=Mode.DUAL_WRITE_ASYNC)


@pytest.mark.parametrize(
    ("condition", "spoil", "mend"),
    [
        (
            {"lag_under": "1s"},
            lambda p: setattr(p.figures, "lag", 2.0),
            lambda p: setattr(p.figures, "lag", 0.5),
        ),
        (
            {"no_dead_letters": True},
            lambda p: setattr(p.figures, "dead_letters", 3),
            lambda p: setattr(p.figures, "dead_letters", 0),
        ),
    ],
    ids=["lag", "dead letters"],
)
def test_a_step_waits_for_its_condition_on_every_proxy(
    pair: list[RunningProxy],
    journal: Path,
    condition: dict[str, object],
    spoil: Callable[[RunningProxy], None],
    mend: Callable[[RunningProxy], None],
) -> None:
    spoil(pair[1])
    (name,) = condition

    def at_look(number: int, progress: Progress) -> None:
        assert progress.lacks == ([name] if number <= 3 else [])
        if number == 3:
            assert modes(pair) == {Mode.PRIMARY_ONLY}
            mend(pair[1])

    watched = Watched(at_look)
    run(plan(pair, journal, **condition), watched, until=Mode.DUAL_WRITE_ASYNC)
    assert modes(pair) == {Mode.DUAL_WRITE_ASYNC}
    assert len(watched.looks) == 4


def test_copies_that_are_dropped_in_the_phase_hold_it_back_and_earlier_ones_do_not(
    pair: list[RunningProxy], journal: Path
) -> None:
    pair[0].metrics.count_dropped("queue_full", 7)
    run(plan(pair, journal), until=Mode.DUAL_WRITE_ASYNC)
    pair[0].metrics.count_dropped("queue_full", 2)
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(_forward(plan(pair, journal)), 0.3))
    assert modes(pair) == {Mode.DUAL_WRITE_ASYNC}
    assert run(plan(pair, journal), until=Mode.DUAL_WRITE_SYNC, force=True) is Mode.DUAL_WRITE_SYNC


async def _forward(plan: Plan) -> None:
    async with MigrationOrchestrator(plan) as migration:
        await migration.run()


def test_reads_must_have_been_compared_and_equal_for_so_long(pair: list[RunningProxy], journal: Path) -> None:
    counts = pair[0].metrics.validation

    def at_look(number: int, progress: Progress) -> None:
        (condition,) = [one for one in progress.conditions if one.name == "no_mismatches_for"]
        if number < 30:
            # Long enough, but nothing was compared.
            assert not condition.met
            assert "0 reads compared" in condition.says
        if number == 30:
            counts.validated += 5
            counts.mismatches.add([("ks", "t")])
        if number == 31:
            # It begins anew.
            assert not condition.met
        if number >= 31:
            counts.validated += 1

    watched = Watched(at_look)
    run(plan(pair, journal, no_mismatches_for="100ms"), watched, until=Mode.DUAL_WRITE_ASYNC)
    assert len(watched.looks) > 32


def test_conditions_must_hold_for_so_long_without_a_break(pair: list[RunningProxy], journal: Path) -> None:
    def at_look(number: int, progress: Progress) -> None:
        pair[0].figures.lag = 5.0 if number == 1 else 0.0

    watched = Watched(at_look)
    run(plan(pair, journal, lag_under=1, held_for="100ms"), watched, until=Mode.DUAL_WRITE_ASYNC)
    held = [progress.held_seconds for progress in watched.looks]
    assert held[:2] == [0.0, 0.0]
    assert held[-1] >= 0.1
    assert all(seconds < 0.1 for seconds in held[:-1])


def test_a_question_needs_a_yes_each_time_that_the_step_is_taken(
    pair: list[RunningProxy], journal: Path
) -> None:
    asking = plan(pair, journal, confirm="Is the data there?")
    with pytest.raises(NotConfirmedError, match=r"waits for a yes: Is the data there\?"):
        run(asking)
    assert modes(pair) == {Mode.PRIMARY_ONLY}
    asked: list[str] = []

    async def yes(question: str) -> bool:
        asked.append(question)
        return True

    async def confirmed() -> None:
        async with MigrationOrchestrator(asking, confirm=yes) as migration:
            await migration.run(Mode.DUAL_WRITE_SYNC)
            await migration.rollback()
            await migration.run(Mode.DUAL_WRITE_SYNC)

    asyncio.run(confirmed())
    assert asked == ["Is the data there?"] * 3


@pytest.mark.parametrize("phase", [mode for mode in Mode if mode is not Mode.PRIMARY_ONLY])
def test_there_is_a_way_back_from_every_phase(pair: list[RunningProxy], journal: Path, phase: Mode) -> None:
    run(plan(pair, journal), until=phase)
    before = list(Mode)[list(Mode).index(phase) - 1]
    watched = Watched()
    assert back(plan(pair, journal), watched=watched) is before
    assert modes(pair) == {before}
    assert watched.names == ["going", "switched", "switched", "entered"]
    assert (watched.events[0]["back"], watched.events[0]["why"]) == (True, "rollback")
    # And on again.
    assert run(plan(pair, journal), until=phase) is phase


def test_back_by_several_phases_at_once_and_none_before_the_first(
    pair: list[RunningProxy], journal: Path
) -> None:
    run(plan(pair, journal), until=Mode.SHADOW_PRIMARY)
    assert back(plan(pair, journal), Mode.PRIMARY_ONLY) is Mode.PRIMARY_ONLY
    assert [mode for mode, _, _ in pair[0].modes.asked] == [*WAY[:3], Mode.PRIMARY_ONLY]
    with pytest.raises(NoSuchStepError, match="nothing is before it"):
        back(plan(pair, journal))
    with pytest.raises(NoSuchStepError, match="target_only is not before it"):
        back(plan(pair, journal), Mode.TARGET_ONLY)


def test_what_only_the_shadow_has_is_left_behind_by_consent_only(
    pair: list[RunningProxy], journal: Path
) -> None:
    run(plan(pair, journal))
    with pytest.raises(WouldLoseError, match="--accept-loss"):
        back(plan(pair, journal), Mode.DUAL_WRITE_SYNC)
    assert modes(pair) == {Mode.TARGET_ONLY}
    assert back(plan(pair, journal)) is Mode.SHADOW_PRIMARY
    # The primary still lacks what was written in target_only.
    with pytest.raises(WouldLoseError):
        back(plan(pair, journal))
    assert back(plan(pair, journal), accept_loss=True) is Mode.DUAL_WRITE_SYNC
    assert back(plan(pair, journal)) is Mode.DUAL_WRITE_ASYNC


def test_a_switch_by_somebody_else_is_told_and_not_gone_on_from_unless_adopted(
    pair: list[RunningProxy], journal: Path
) -> None:
    run(plan(pair, journal), until=Mode.DUAL_WRITE_ASYNC)
    pair[1].modes.put(Mode.PRIMARY_ONLY, "ann@desk")
    for act in (run, back):
        with pytest.raises(ForeignSwitchError) as refusal:
            act(plan(pair, journal))
        said = str(refusal.value)
        assert f"{pair[1].url} is in primary_only, set by ann@desk at 2023-11-14" in said
        assert "had left it in dual_write_async" in said
        assert "--adopt" in said
    with pytest.raises(ForeignSwitchError, match="in several modes"):
        run(plan(pair, journal), adopt=True)
    pair[1].modes.put(Mode.DUAL_WRITE_ASYNC, "ann@desk")
    # There and back: writes of between are not on the shadow.
    with pytest.raises(ForeignSwitchError):
        run(plan(pair, journal))
    assert run(plan(pair, journal), adopt=True) is Mode.TARGET_ONLY


def test_a_switch_while_it_waits_is_noticed_at_the_next_look(pair: list[RunningProxy], journal: Path) -> None:
    pair[0].figures.lag = 9.0

    def at_look(number: int, progress: Progress) -> None:
        if number == 2:
            pair[0].modes.put(Mode.TARGET_ONLY, "ann@desk")

    with pytest.raises(ForeignSwitchError, match="set by ann@desk"):
        run(plan(pair, journal, lag_under=1), Watched(at_look))
    assert modes(pair) == {Mode.TARGET_ONLY, Mode.PRIMARY_ONLY}


def test_a_switch_between_the_look_and_the_step_is_refused_by_the_proxy(
    pair: list[RunningProxy], journal: Path
) -> None:
    def told(event: Event) -> None:
        if event["event"] == "going":
            pair[1].modes.put(Mode.DUAL_WRITE_SYNC, "ann@desk")

    async def meanwhile() -> None:
        async with MigrationOrchestrator(plan(pair, journal), told=told) as migration:
            await migration.run()

    with pytest.raises(ForeignSwitchError, match="set by ann@desk"):
        asyncio.run(asyncio.wait_for(meanwhile(), 10))
    assert pair[1].modes.mode is Mode.DUAL_WRITE_SYNC


def test_a_refusal_is_told_once_and_the_proxy_asked_until_it_agrees(
    pair: list[RunningProxy], journal: Path
) -> None:
    pair[1].modes.refusal = "no node of the shadow is connected"

    def at_look(number: int, progress: Progress) -> None:
        if number == 4:
            assert progress.trouble == pair[1].modes.refusal
            assert modes(pair) == {Mode.DUAL_WRITE_ASYNC, Mode.PRIMARY_ONLY}
            pair[1].modes.refusal = None

    watched = Watched(at_look)
    run(plan(pair, journal), watched, until=Mode.DUAL_WRITE_ASYNC)
    assert modes(pair) == {Mode.DUAL_WRITE_ASYNC}
    assert watched.names == ["began", "waiting", "going", "switched", "refused", "switched", "entered"]
    pair[0].modes.refusal = "copies wait"
    assert run(plan(pair, journal), until=Mode.DUAL_WRITE_SYNC, force=True) is Mode.DUAL_WRITE_SYNC


@pytest.mark.parametrize("number", range(1, 21))
def test_killed_after_any_line_it_goes_on(pair: list[RunningProxy], journal: Path, number: int) -> None:
    """Killed once a line is on disk, the next run comes to the same end, and asks for no switch twice."""

    class KilledError(BaseException):
        pass

    written = 0

    def told(event: Event) -> None:
        nonlocal written
        written += 1
        if written == number:
            raise KilledError

    async def killed() -> None:
        async with MigrationOrchestrator(plan(pair, journal), told=told) as migration:
            await migration.run()

    with pytest.raises(KilledError):
        asyncio.run(killed())
    with journal.open("a") as file:
        file.write('{"at": "torn')
    assert run(plan(pair, journal)) is Mode.TARGET_ONLY
    for proxy in pair:
        assert [mode for mode, _, _ in proxy.modes.asked] == WAY
    assert all(json.loads(line) for line in journal.read_text().splitlines())


def test_killed_between_the_switch_and_its_line_it_knows_its_own_switch(
    pair: list[RunningProxy], journal: Path
) -> None:
    run(plan(pair, journal), until=Mode.DUAL_WRITE_ASYNC)
    with Journal(journal) as written:
        identity = written.events[0]["id"]
        written.write(
            "going", **{"from": "dual_write_async", "to": "dual_write_sync", "why": "", "back": False}
        )
    pair[0].modes.put(Mode.DUAL_WRITE_SYNC, f"migration {identity}")
    assert run(plan(pair, journal), until=Mode.DUAL_WRITE_SYNC) is Mode.DUAL_WRITE_SYNC
    assert modes(pair) == {Mode.DUAL_WRITE_SYNC}


def test_back_from_the_middle_of_a_step(pair: list[RunningProxy], journal: Path) -> None:
    run(plan(pair, journal), until=Mode.DUAL_WRITE_SYNC)
    pair[1].modes.refusal = "no node of the shadow is connected"
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(_forward(plan(pair, journal)), 0.3))
    assert modes(pair) == {Mode.SHADOW_PRIMARY, Mode.DUAL_WRITE_SYNC}
    assert back(plan(pair, journal)) is Mode.DUAL_WRITE_SYNC
    assert modes(pair) == {Mode.DUAL_WRITE_SYNC}


def test_one_proxy_that_is_away_keeps_no_other_from_going_back(journal: Path) -> None:
    with running_proxies(Mode.PRIMARY_ONLY, Mode.PRIMARY_ONLY) as pair:
        run(plan(pair, journal), until=Mode.SHADOW_PRIMARY)
        pair[0].stop()
        with pytest.raises(TimeoutError):
            asyncio.run(asyncio.wait_for(_backward(plan(pair, journal)), 0.5))
        assert pair[1].modes.mode is Mode.DUAL_WRITE_SYNC


async def _backward(plan: Plan) -> None:
    async with MigrationOrchestrator(plan) as migration:
        await migration.rollback()


def test_a_proxy_that_cannot_be_reached_is_named(tmp_path: Path, journal: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    lost = Plan.model_validate({"proxies": [url], "journal": journal, "steps": [{"to": "DualAsync"}]})
    for act in (run, back):
        with pytest.raises(UnreachableError, match=f"no proxy can be reached at {url}: Connection refused"):
            act(lost)


def test_no_step_is_taken_while_it_is_paused(pair: list[RunningProxy], journal: Path) -> None:
    async def with_a_pause() -> None:
        looked = asyncio.Event()
        async with MigrationOrchestrator(
            plan(pair, journal), watched=lambda progress: looked.set() if progress.paused else None
        ) as migration:
            migration.pause()
            running = asyncio.ensure_future(migration.run(Mode.DUAL_WRITE_ASYNC))
            await asyncio.wait_for(looked.wait(), 10)
            await asyncio.sleep(0.05)
            assert modes(pair) == {Mode.PRIMARY_ONLY}
            migration.resume()
            await asyncio.wait_for(running, 10)
        assert modes(pair) == {Mode.DUAL_WRITE_ASYNC}

    asyncio.run(with_a_pause())


def test_one_at_a_time_uses_a_journal(pair: list[RunningProxy], journal: Path) -> None:
    with Journal(journal), pytest.raises(JournalError, match="another cqlproxy migrate works with"):
        run(plan(pair, journal))


def test_a_journal_that_is_none_is_told_with_its_line(pair: list[RunningProxy], journal: Path) -> None:
    journal.write_text('{"event": "finished"}\nhello\n')
    with pytest.raises(JournalError, match="line 2 is no line of a migration's journal"):
        run(plan(pair, journal))
    journal.unlink()
    journal.mkdir()
    with pytest.raises(JournalError, match="cannot be written: Is a directory"):
        run(plan(pair, journal))
