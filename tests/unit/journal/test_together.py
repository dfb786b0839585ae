"""Copies that are appended and settled together are as safe as one by one; held deletions are not lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from cqlproxy.cluster.side import Side
from cqlproxy.journal import Entry
from cqlproxy.journal.changes import HELD_DELETIONS
from tests.unit.journal.journals import LARGE, committed, everything, on_loop, opened, records, stored

groups = st.lists(st.lists(st.binary(max_size=40), min_size=1, max_size=12), min_size=1, max_size=8)


@settings(max_examples=15, deadline=None)
@given(groups, st.data())
@on_loop
async def test_what_is_appended_together_is_there_but_for_what_was_settled(
    appended: list[list[bytes]], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        left: Counter[bytes] = Counter()
        calls = 0

        def called() -> None:
            nonlocal calls
            calls += 1

        async with opened(path) as journal:
            for group in appended:
                entries = journal.append_together(Side.SHADOW, group, called)
                assert [entry.row is not None for entry in entries] == [True] * len(group)
                await committed(journal)
                settled = data.draw(st.sets(st.integers(0, len(group) - 1)))
                Entry.settle_together(entries[place] for place in settled)
                # Of a row of which a copy is left, all may come back: so it is whole rows that are compared.
                if len(settled) < len(group):
                    left.update(group)
        assert calls == len(appended)
        async with opened(path) as journal:
            found = Counter(records(await everything(journal, Side.SHADOW)))
        assert found == left


@on_loop
async def test_a_row_is_on_disk_when_it_is_called_stored() -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        async with opened(path) as journal:
            done = asyncio.Event()
            journal.append_together(Side.SHADOW, [b"a", b"b"], done.set)
            async with asyncio.timeout(10):
                await done.wait()
            assert journal.unprotected == 0
        async with opened(path) as journal:
            assert records(await everything(journal, Side.SHADOW)) == [b"a", b"b"]


@on_loop
async def test_deletions_that_are_held_back_are_made_at_the_end() -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        async with opened(path, max_bytes=LARGE) as journal:
            for number in range(HELD_DELETIONS * 2 + 3):
                entry = await stored(journal, Side.SHADOW, b"%d" % number)
                entry.settle()
        async with opened(path) as journal:
            assert journal.backlog(Side.SHADOW) == 0


@on_loop
async def test_a_closed_journal_refuses_all_of_them_and_says_so() -> None:
    with TemporaryDirectory() as folder:
        calls: list[None] = []
        async with opened(Path(folder) / "journal.db") as journal:
            pass
        entries = journal.append_together(Side.SHADOW, [b"a", b"b", b"c"], lambda: calls.append(None))
        assert [entry.row for entry in entries] == [None] * 3
        assert (len(calls), journal.unprotected) == (1, 3)
        Entry.settle_together(entries)
