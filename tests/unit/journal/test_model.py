"""The journal against a simple model: whatever a mirror does with it, closed, killed and opened again.

Killed means: the files are copied as they are, and the copy is opened. In the model a copy is in memory, in
the backlog, a letter, or gone; what shares rows and was settled without waiting may come back after a kill.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TypeVar

import uvloop
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cqlproxy.cluster.side import Side
from cqlproxy.journal import Entry, Journal, WhenFull
from tests.unit.journal.journals import LARGE, LETTER, committed, everything

_Result = TypeVar("_Result")

sides = st.sampled_from(list(Side))
picks = st.lists(st.integers(0, 1 << 16), min_size=1, max_size=12)


class State(Enum):
    MEMORY = "in memory"
    BACKLOG = "in the backlog"
    LETTER = "a letter"
    GONE = "gone"
    """Never to be seen again."""
    SETTLED = "settled"
    """Settled in a row that others may need: a kill may bring it back."""


@dataclass
class Copy:
    number: int
    """Also its place among the copies of its side."""
    side: Side
    record: bytes
    solitary: bool
    began: bool = False
    state: State = State.MEMORY
    entry: Entry | None = None
    stored: int = 0
    letter: int = 0
    """The id of its letter."""

    def was_stored(self) -> None:
        self.stored += 1


@dataclass
class Model:
    copies: list[Copy] = field(default_factory=list)
    numbers: int = 0
    letters: int = 0

    def those(self, state: State, side: Side | None = None) -> list[Copy]:
        found = [copy for copy in self.copies if copy.state is state and side in (None, copy.side)]
        return sorted(found, key=lambda copy: copy.number)


class JournalMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="journal-model-"))
        self.runs = 0
        self.path = self.root / "0" / "journal.db"
        self.path.parent.mkdir()
        self.dropped = Counter[Side]()
        self.runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self.model = Model()
        self.journal: Journal

    @initialize()
    def begin(self) -> None:
        self.open()

    def open(self) -> None:
        async def open_it() -> Journal:
            return await Journal.open(
                self.path,
                max_bytes=LARGE,
                fsync_seconds=1,
                when_full=WhenFull.DROP_OLDEST,
                on_dropped=lambda side, copies: self.dropped.update({side: copies}),
            )

        self.journal = self.runner.run(open_it())

    def run(self, work: Callable[[], Coroutine[object, object, _Result]]) -> _Result:
        async def bounded() -> _Result:
            async with asyncio.timeout(20):
                return await work()

        return self.runner.run(bounded())

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            self.run(self.journal.close)
        self.runner.close()
        shutil.rmtree(self.root)

    def pick(self, choices: list[int], state: State = State.MEMORY, *, solitary: bool = False) -> list[Copy]:
        """Some of the copies in a state, each once."""
        found = [copy for copy in self.model.those(state) if copy.solitary or not solitary]
        places = dict.fromkeys(choice % len(found) for choice in choices) if found else ()
        return [found[place] for place in places]

    # --- what a mirror does -------------------------------------------------------------------

    @rule(
        side=sides,
        held=st.booleans(),
        solitary=st.booleans(),
        sizes=st.lists(st.sampled_from([0, 10, 200, 20_000, 70_000]), min_size=1, max_size=8),
        tells=st.booleans(),
    )
    def append(self, side: Side, held: bool, solitary: bool, sizes: list[int], tells: bool) -> None:
        async def work() -> None:
            for size in sizes:
                self.model.numbers += 1
                record = b"%d " % self.model.numbers + bytes(size)
                copy = Copy(self.model.numbers, side, record, solitary)
                copy.entry = self.journal.append(
                    side, record, solitary=solitary, held=held, stored=copy.was_stored if tells else None
                )
                copy.state = State.MEMORY if held else State.BACKLOG
                self.model.copies.append(copy)

        self.run(work)

    @rule(side=sides, endings=st.lists(st.sampled_from(["settle", "leave", "bury", "keep"]), max_size=6))
    def append_and_end_at_once(self, side: Side, endings: list[str]) -> None:
        async def work() -> None:
            copies = []
            for _ in endings:
                self.model.numbers += 1
                copy = Copy(self.model.numbers, side, b"%d " % self.model.numbers, False)
                copy.entry = self.journal.append(side, copy.record, held=True, stored=copy.was_stored)
                copies.append(copy)
            self.model.copies += copies
            for copy, ending in zip(copies, endings, strict=True):
                assert copy.entry is not None
                if ending == "settle":
                    copy.entry.settle()
                    copy.state = State.SETTLED
                elif ending == "leave":
                    copy.entry.leave()
                    copy.state = State.BACKLOG
                elif ending == "bury":
                    self.become_letter(copy)

        self.run(work)

    def become_letter(self, copy: Copy) -> None:
        self.journal.bury(copy.side, copy.record, LETTER, copy.entry)
        copy.state = State.LETTER
        self.model.letters += 1
        copy.letter = self.model.letters

    @rule(choices=picks)
    def settle(self, choices: list[int]) -> None:
        async def work() -> None:
            for copy in self.pick(choices):
                assert copy.entry is not None
                copy.entry.settle()
                copy.state = State.SETTLED

        self.run(work)

    @rule(choices=picks)
    def leave(self, choices: list[int]) -> None:
        async def work() -> None:
            for copy in self.pick(choices):
                assert copy.entry is not None
                keeps = copy.number % 2 == 0
                copy.entry.leave(begun=keeps)
                copy.began &= keeps
                copy.state = State.BACKLOG

        self.run(work)

    @rule(choices=picks)
    def settle_for_good(self, choices: list[int]) -> None:
        async def work() -> None:
            done: list[Copy] = []
            chosen = self.pick(choices)
            for copy in chosen:
                assert copy.entry is not None
                copy.entry.settle_then(partial(done.append, copy))
                copy.state = State.GONE
            await committed(self.journal)
            assert len(done) == len(chosen)

        self.run(work)

    @rule(choices=picks)
    def start(self, choices: list[int]) -> None:
        async def work() -> None:
            ready: list[Copy] = []
            chosen = self.pick(choices, solitary=True)
            for copy in chosen:
                assert copy.entry is not None
                copy.entry.begin(partial(ready.append, copy))
                copy.began = True
            await committed(self.journal)
            assert len(ready) == len(chosen)

        self.run(work)

    @rule(choices=picks)
    def bury(self, choices: list[int]) -> None:
        async def work() -> None:
            for copy in self.pick(choices):
                self.become_letter(copy)

        self.run(work)

    @rule(side=sides)
    def read(self, side: Side) -> None:
        async def work() -> None:
            found = await self.journal.read(side)
            waiting = self.model.those(State.BACKLOG, side)
            assert bool(found) == bool(waiting)
            for stored, copy in zip(found, waiting, strict=False):
                assert (stored.record, stored.began) == (copy.record, copy.began)
                copy.entry = stored.entry
                copy.state = State.MEMORY

        self.run(work)

    @rule(choices=picks)
    def replay(self, choices: list[int]) -> None:
        async def work() -> None:
            chosen = sorted(self.pick(choices, State.LETTER), key=lambda copy: copy.letter)
            assert await self.journal.letters.replay([copy.letter for copy in chosen]) == len(chosen)
            for copy in chosen:
                self.model.numbers += 1
                copy.number = self.model.numbers
                copy.solitary, copy.began, copy.state = True, False, State.BACKLOG

        self.run(work)

    @rule(choices=picks)
    def purge(self, choices: list[int]) -> None:
        async def work() -> None:
            chosen = self.pick(choices, State.LETTER)
            assert await self.journal.letters.purge([copy.letter for copy in chosen]) == len(chosen)
            for copy in chosen:
                copy.state = State.GONE

        self.run(work)

    @rule()
    def pause(self) -> None:
        self.run(lambda: committed(self.journal))
        assert self.journal.behind == 0

    # --- the process ends ---------------------------------------------------------------------

    @rule()
    def close_and_open(self) -> None:
        self.run(self.journal.close)
        self.open()
        self.resume()

    @rule()
    def kill_and_open(self) -> None:
        self.run(lambda: committed(self.journal))
        self.runs += 1
        path = self.root / str(self.runs) / "journal.db"
        path.parent.mkdir()
        for file in self.path.parent.iterdir():
            shutil.copy(file, path.parent)
        self.run(self.journal.close)
        self.path = path
        self.open()
        self.resume()

    def resume(self) -> None:
        """Compare all that the new process finds, and leave it for later."""
        model, journal = self.model, self.journal
        assert all(copy.stored <= 1 for copy in model.copies)
        expected = model.those(State.MEMORY) + model.those(State.BACKLOG)
        may_be = {copy.record: copy for copy in (*expected, *model.those(State.SETTLED))}

        async def work() -> None:
            for side in Side:
                assert journal.opened.copies[side] == journal.backlog(side)
                found = await everything(journal, side)
                seen = [may_be[stored.record] for stored in found]
                assert [copy.number for copy in seen] == sorted({copy.number for copy in seen})
                assert {c.number for c in seen} >= {c.number for c in expected if c.side is side}
                for stored, copy in zip(found, seen, strict=True):
                    assert copy.side is side
                    assert copy.state is not State.SETTLED or not copy.solitary
                    assert stored.began is copy.began
                    copy.state = State.BACKLOG
                    stored.entry.leave(begun=stored.began)
            letters = model.those(State.LETTER)
            assert journal.opened.letters == len(letters)
            listed = await journal.letters.list(limit=1000)
            assert [letter.id for letter in listed] == sorted(copy.letter for copy in letters)

        self.run(work)
        model.copies = [c for c in model.copies if c.state not in (State.GONE, State.SETTLED)]

    # --- at any time --------------------------------------------------------------------------

    @invariant()
    @precondition(lambda self: hasattr(self, "journal"))
    def backlog_is_counted(self) -> None:
        for side in Side:
            assert self.journal.backlog(side) == len(self.model.those(State.BACKLOG, side))
        assert not self.dropped
        assert self.journal.unprotected == 0


TestJournalMachine = JournalMachine.TestCase
TestJournalMachine.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)
