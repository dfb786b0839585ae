"""Statements that records name: described once, there on reading, forgotten when nothing names them."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from cqlproxy.cluster.side import Side
from cqlproxy.journal import Journal, JournalError
from cqlproxy.journal.statements import MAX_STATEMENTS
from tests.unit.journal.journals import LETTER, committed, on_loop, opened

SHADOW, PRIMARY = Side.SHADOW, Side.PRIMARY


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def spill(journal: Journal, text: str, target: Side = SHADOW) -> None:
    journal.append(target, b"%d" % journal.statement(text, b"about " + text.encode()), held=False)


async def read_all(journal: Journal, target: Side = SHADOW) -> list[str]:
    """The texts of the backlog, by what the journal says of the numbers; what was read is settled."""
    texts = []
    async with asyncio.timeout(60):
        while chunk := await journal.read(target):
            for copy in chunk:
                description = journal.description_of(int(copy.record))
                texts.append(description.removeprefix(b"about ").decode())
                copy.entry.settle()
    return texts


def kept(path: Path) -> int:
    db = sqlite3.connect(path)
    (count,) = db.execute("SELECT count(*) FROM statements").fetchone()
    db.close()
    return int(count)


@on_loop
async def test_a_statement_has_one_number(path: Path) -> None:
    async with opened(path) as journal:
        first = journal.statement("a", b"about a")
        assert journal.statement("b", b"about b") != first
        assert journal.statement("a", b"about a") == first
        with pytest.raises(JournalError, match="has no statement"):
            journal.description_of(first)


@on_loop
async def test_descriptions_are_there_in_this_run_and_in_later_ones(path: Path) -> None:
    async with opened(path) as journal:
        for text in "aba":
            spill(journal, text)
        spill(journal, "z", PRIMARY)
        assert await read_all(journal) == ["a", "b", "a"]
        assert await read_all(journal, PRIMARY) == ["z"]
        for text in "bcd":
            spill(journal, text)
        assert await read_all(journal) == ["b", "c", "d"]
        for text in "ef":
            spill(journal, text)
    async with opened(path) as journal:
        for text in "fg":
            spill(journal, text)
        assert await read_all(journal) == ["e", "f", "f", "g"]
    async with opened(path) as journal:
        assert await read_all(journal) == []
    assert kept(path) == 0


@on_loop
async def test_a_letter_keeps_its_statements(path: Path) -> None:
    async with opened(path) as journal:
        spill(journal, "a")
    async with opened(path) as journal:
        (copy,) = await journal.read(SHADOW)
        journal.bury(SHADOW, copy.record, LETTER, copy.entry)
        for number in range(10):
            journal.statement(number, b"unused")
    async with opened(path) as journal:
        spill(journal, "b")
        assert await read_all(journal) == ["b"]
        assert await journal.letters.replay() == 1
        assert await read_all(journal) == ["a"]


@on_loop
async def test_old_statements_are_forgotten_while_it_runs(path: Path) -> None:
    count = 3 * MAX_STATEMENTS
    async with opened(path) as journal:
        for number in range(count):
            spill(journal, f"statement {number}")
            if number % 1000 == 0:
                expected = [f"statement {n}" for n in range(max(number - 999, 0), number + 1)]
                assert await read_all(journal) == expected
        await committed(journal)
    assert 0 < kept(path) < 2 * MAX_STATEMENTS + 1000


@on_loop
async def test_waiting_copies_keep_statements_however_many_come_later(path: Path) -> None:
    async with opened(path) as journal:
        spill(journal, "first")
        await committed(journal)
        for number in range(2 * MAX_STATEMENTS):
            journal.statement(number, b"unused")
            if number % 500 == 0:
                await committed(journal)
        spill(journal, "last")
        assert await read_all(journal) == ["first", "last"]
