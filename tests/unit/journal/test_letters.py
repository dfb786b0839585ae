"""Dead letters: what an operator sees of them, finds, exports, replays and purges."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from cqlproxy.cluster.side import Side
from cqlproxy.journal import DeadLetter, Journal, Reason
from cqlproxy.journal.letter_store import SCAN_LETTERS
from tests.unit.journal.journals import LETTER, committed, everything, on_loop, opened, records

SHADOW, PRIMARY = Side.SHADOW, Side.PRIMARY


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def bury(journal: Journal, record: bytes, letter: DeadLetter = LETTER) -> DeadLetter:
    journal.bury(letter.target, record, letter, None)
    return letter


def test_as_json() -> None:
    assert LETTER.as_json() == {
        "id": 0,
        "target": "shadow",
        "keyspace": "shop",
        "tables": ["shop.orders"],
        "statement": "INSERT INTO shop.orders (id, total) VALUES (?, ?)",
        "values": [17, "9.50"],
        "consistency": "LOCAL_QUORUM",
        "written_at": "2023-11-14T22:13:20.250Z",
        "first_attempt": "2023-11-14T22:13:21.000Z",
        "last_attempt": "2023-11-14T22:13:29.500Z",
        "attempts": 3,
        "reason": "rejected",
        "error": "unconfigured table orders",
    }


def test_a_line_is_one_line_of_json() -> None:
    letter = replace(LETTER, statement="a\nb\u2028ü", first_attempt=None, last_attempt=None)
    line = letter.as_line()
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert json.loads(line) == letter.as_json()
    assert json.loads(line)["first_attempt"] is None


@on_loop
async def test_every_field_is_kept(path: Path) -> None:
    async with opened(path) as journal:
        bare = replace(LETTER, keyspace=None, tables=(), values={"a": None}, first_attempt=None)
        first = bury(journal, b"1", replace(bare, target=PRIMARY))
        odd = replace(LETTER, statement="\ud800 \0 ü", error="", reason=Reason.UNKNOWN_OUTCOME)
        second = bury(journal, b"2", odd)
        listed = await journal.letters.list()
        assert listed == [replace(first, id=1), replace(second, id=2)]
        assert journal.letters.count == 2
        assert await journal.letters.get(2) == listed[1]
        assert await journal.letters.get(3) is None
    async with opened(path) as journal:
        assert await journal.letters.list() == listed


@on_loop
async def test_found_by_what_they_are_about(path: Path) -> None:
    async with opened(path) as journal:
        bury(journal, b"1", replace(LETTER, tables=("shop.orders", "shop.by_day"), reason=Reason.ATTEMPTS))
        bury(journal, b"2", replace(LETTER, tables=("shop.by_day",)))
        bury(journal, b"3", replace(LETTER, keyspace="other", tables=("other.orders",)))
        bury(journal, b"4", replace(LETTER, keyspace=None, tables=("orders_2",)))

        async def ids(
            keyspace: str | None = None, table: str | None = None, reason: Reason | None = None
        ) -> list[int]:
            found = await journal.letters.list(keyspace=keyspace, table=table, reason=reason)
            return [letter.id for letter in found]

        assert await ids() == [1, 2, 3, 4]
        assert await ids(keyspace="shop") == [1, 2]
        assert await ids(table="orders") == [1, 3]
        assert await ids(table="shop.orders") == [1]
        assert await ids(table="by_day", reason=Reason.REJECTED) == [2]
        assert await ids(table="orders_2") == [4]
        assert await ids(table="rders") == []
        assert await ids(keyspace="other", table="by_day") == []


@on_loop
async def test_pages_and_an_export_miss_nothing(path: Path) -> None:
    count = 2 * SCAN_LETTERS + 100
    async with opened(path) as journal:
        for number in range(count):
            reason = Reason.EXPIRED if number % 1000 == 7 else Reason.REJECTED
            bury(journal, b"x", replace(LETTER, error=str(number), reason=reason))
        first = await journal.letters.list(limit=3)
        second = await journal.letters.list(limit=3, after=first[-1].id)
        assert [letter.error for letter in first + second] == list("012345")
        # Few letters among many that are passed over.
        rare = await journal.letters.list(reason=Reason.EXPIRED)
        assert [letter.error for letter in rare] == [str(number) for number in range(7, count, 1000)]
        lines = [line async for line in journal.letters.export()]
        assert [json.loads(line)["error"] for line in lines] == [str(number) for number in range(count)]
        lines = [line async for line in journal.letters.export(reason=Reason.EXPIRED)]
        assert len(lines) == len(rare)


@on_loop
async def test_replayed_letters_come_to_the_end_of_the_backlog(path: Path) -> None:
    async with opened(path) as journal:
        for record in (b"a", b"b", b"c"):
            bury(journal, record)
        bury(journal, b"back", replace(LETTER, target=PRIMARY))
        journal.append(SHADOW, b"waits", held=False)
        assert await journal.letters.replay([3, 1, 3, 99]) == 2
        assert journal.letters.count == 2
        assert journal.backlog(SHADOW) == 3
        assert [letter.id for letter in await journal.letters.list()] == [2, 4]
        journal.append(SHADOW, b"later", held=False)
        assert records(await everything(journal, SHADOW)) == [b"waits", b"a", b"c", b"later"]
        assert await journal.letters.replay() == 2
        assert records(await everything(journal, SHADOW)) == [b"b"]
        (back,) = await everything(journal, PRIMARY)
        assert (back.record, back.began) == (b"back", False)
        journal.bury(PRIMARY, b"back", LETTER, back.entry)
        await committed(journal)
        # An id is never used again.
        assert [letter.id for letter in await journal.letters.list()] == [5]
    async with opened(path) as journal:
        assert (journal.opened.copies, journal.opened.letters) == ((0, 5), 1)


@on_loop
async def test_a_row_that_was_begun_before_a_replay_is_read_though_written_after_it(path: Path) -> None:
    async with opened(path) as journal:
        bury(journal, b"dead")
        await committed(journal)
        journal.append(SHADOW, b"early", held=False)
        replaying = journal.letters.replay()
        assert await replaying == 1
        journal.append(SHADOW, b"late", held=False)
        assert sorted(records(await everything(journal, SHADOW))) == [b"dead", b"early", b"late"]
        assert journal.backlog(SHADOW) == 0


@on_loop
async def test_purged_by_id_by_age_and_all(path: Path) -> None:
    async with opened(path) as journal:
        for _ in range(2500):
            bury(journal, b"x")
        assert await journal.letters.purge(older_than=time.time() - 60) == 0
        assert await journal.letters.purge([5, 6, 6, 9999]) == 2
        assert journal.letters.count == 2498
        assert await journal.letters.purge(range(1, 2001)) == 1998
        assert await journal.letters.purge(older_than=time.time() + 1) == 500
        bury(journal, b"y")
        assert await journal.letters.purge() == 1
        assert journal.letters.count == 0
        assert await journal.letters.list() == []
