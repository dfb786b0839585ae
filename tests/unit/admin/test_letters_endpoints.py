"""`/dead-letters` over HTTP, with a real journal behind it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import pytest

from cqlproxy.cluster.side import Side
from cqlproxy.journal import DeadLetter, Journal, Reason
from tests.unit.admin.asking import Answer, Ask, Proxy, with_server
from tests.unit.admin.letters import bury, letter, letters_kept

LETTERS = [
    letter("shop.orders", Reason.REJECTED),
    letter("shop.carts", Reason.UNKNOWN_OUTCOME),
    letter("shop.orders", Reason.REJECTED, Side.PRIMARY),
    letter("audit.orders", Reason.ATTEMPTS),
]


def kept(
    path: Path,
    scenario: Callable[[Ask, Journal], Awaitable[None]],
    letters: Iterable[DeadLetter] = LETTERS,
) -> Proxy:
    """Run ``scenario`` against a server for a proxy with these letters, whose ids count from 1."""
    proxy = Proxy()

    async def with_journal(ask: Ask) -> None:
        async with letters_kept(proxy, path / "journal.db", letters) as journal:
            await scenario(ask, journal)

    with_server(proxy, with_journal)
    return proxy


def said(answer: Answer, status: int = 200) -> dict[str, object]:
    assert answer.status == status, answer.body
    assert isinstance(answer.json, dict)
    return answer.json


def ids(answer: Answer) -> list[object]:
    letters = said(answer)["letters"]
    assert isinstance(letters, list)
    return [one["id"] for one in letters]


def body(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def test_a_letter_is_shown_with_all_that_explains_it(tmp_path: Path) -> None:
    async def scenario(ask: Ask, journal: Journal) -> None:
        answer = await ask("/dead-letters/1")
        assert answer.headers["cache-control"] == "no-store"
        assert said(answer) == {
            "id": 1,
            "target": "shadow",
            "keyspace": "shop",
            "tables": ["shop.orders"],
            "statement": "INSERT INTO shop.orders (id, name) VALUES (?, ?)",
            "values": {"id": 7, "name": "a\nb"},
            "consistency": "LOCAL_QUORUM",
            "written_at": "2023-11-14T22:13:20.250Z",
            "first_attempt": "2023-11-14T22:13:20.500Z",
            "last_attempt": "2023-11-14T22:13:21.500Z",
            "attempts": 2,
            "reason": "rejected",
            "error": "unconfigured table orders",
        }
        for number in (5, 2**63, 10**30):
            missing = await ask(f"/dead-letters/{number}")
            assert said(missing, 404) == {"error": f"there is no dead letter {number}"}

    kept(tmp_path, scenario)


# A query, and the ids of what is listed.
FILTERED = [
    ("", [1, 2, 3, 4]),
    ("?keyspace=shop", [1, 2, 3]),
    ("?keyspace=sho", []),
    ("?table=orders", [1, 3, 4]),
    ("?table=shop.orders", [1, 3]),
    ("?reason=rejected", [1, 3]),
    ("?target=primary", [3]),
    ("?target=shadow&reason=rejected", [1]),
    ("?keyspace=shop&table=carts&reason=unknown_outcome&target=shadow", [2]),
    ("?after=2", [3, 4]),
    ("?after=9223372036854775807", []),
]


@pytest.mark.parametrize(("query", "expected"), FILTERED, ids=[case[0] for case in FILTERED])
def test_letters_are_listed_and_exported_by_what_they_are_about(
    tmp_path: Path, query: str, expected: list[int]
) -> None:
    async def scenario(ask: Ask, journal: Journal) -> None:
        answer = await ask(f"/dead-letters{query}")
        assert ids(answer) == expected
        assert (said(answer)["total"], said(answer)["next"]) == (4, None)
        if "after" not in query:
            exported = await ask(f"/dead-letters/export{query}")
            assert (exported.status, exported.headers["content-type"]) == (200, "application/x-ndjson")
            lines = exported.body.decode().splitlines()
            assert [json.loads(line) for line in lines] == said(answer)["letters"]

    kept(tmp_path, scenario)


def test_pages_follow_each_other_to_the_end(tmp_path: Path) -> None:
    letters = [letter(target=Side(number % 2)) for number in range(650)]

    async def scenario(ask: Ask, journal: Journal) -> None:
        assert len(ids(await ask("/dead-letters"))) == 100
        for query, expected in (("", 650), ("&target=primary", 325)):
            found, after = list[object](), "0"
            while after != "None":
                answer = await ask(f"/dead-letters?limit=300&after={after}{query}")
                found += ids(answer)
                after = str(said(answer)["next"])
            assert (len(found), sorted(set(map(str, found)))) == (expected, sorted(map(str, found)))
            exported = await ask(f"/dead-letters/export?{query}")
            assert [json.loads(line)["id"] for line in exported.body.decode().splitlines()] == found

    kept(tmp_path, scenario, letters)


# What is chosen, and the ids of what is left.
CHOSEN = [
    ({"ids": [1, 4]}, [2, 3]),
    ({"ids": [4, 4, 99]}, [1, 2, 3]),
    ({"ids": [99]}, [1, 2, 3, 4]),
    ({"all": True}, []),
    ({"table": "orders"}, [2]),
    ({"reason": "rejected", "target": "primary", "all": False}, [1, 2, 4]),
    ({"keyspace": "none"}, [1, 2, 3, 4]),
]


@pytest.mark.parametrize(("chosen", "left"), CHOSEN, ids=[str(case[0]) for case in CHOSEN])
def test_letters_are_replayed_to_the_cluster_that_lacks_them(
    tmp_path: Path, chosen: dict[str, object], left: list[int]
) -> None:
    async def scenario(ask: Ask, journal: Journal) -> None:
        answer = await ask("/dead-letters/replay", "POST", body(**chosen))
        assert said(answer) == {"replayed": 4 - len(left)}
        rest = await ask("/dead-letters")
        assert (ids(rest), said(rest)["total"]) == (left, len(left))
        gone = {1, 2, 3, 4} - set(left)
        assert journal.backlog(Side.PRIMARY) == len(gone & {3})
        assert journal.backlog(Side.SHADOW) == len(gone - {3})

    assert kept(tmp_path, scenario).replays == (1 if left != [1, 2, 3, 4] or "ids" in chosen else 0)


@pytest.mark.parametrize(("chosen", "left"), CHOSEN, ids=[str(case[0]) for case in CHOSEN])
def test_letters_are_deleted(tmp_path: Path, chosen: dict[str, object], left: list[int]) -> None:
    async def scenario(ask: Ask, journal: Journal) -> None:
        answer = await ask("/dead-letters/purge", "POST", body(**chosen))
        assert said(answer) == {"purged": 4 - len(left)}
        assert ids(await ask("/dead-letters")) == left
        assert (journal.backlog(Side.PRIMARY), journal.backlog(Side.SHADOW)) == (0, 0)

    assert kept(tmp_path, scenario).replays == 0


def test_more_letters_than_are_moved_at_once(tmp_path: Path) -> None:
    async def scenario(ask: Ask, journal: Journal) -> None:
        assert said(await ask("/dead-letters/replay", "POST", body(reason="rejected"))) == {"replayed": 2500}
        bury(journal, [letter()] * 1500)
        assert said(await ask("/dead-letters/purge", "POST", body(all=True))) == {"purged": 1500}
        assert journal.backlog(Side.SHADOW) == 2500

    assert kept(tmp_path, scenario, [letter()] * 2500).replays == 3


WHICH = "say which dead letters: either ids, or some of keyspace, table, reason, target, or all: true"
IDS = "must be an array of 1 to 10000 ids of dead letters, whole numbers above 0"
REASONS = f"must be one of {', '.join(Reason)}"
BAD_BODIES: list[tuple[dict[str, object], str | None, str]] = [
    ({}, None, WHICH),
    ({"all": False}, None, WHICH),
    ({"ids": None, "table": None}, None, WHICH),
    ({"ids": [1], "table": "t"}, "ids", WHICH),
    ({"all": True, "table": "t"}, "all", WHICH),
    ({"all": True, "ids": [1]}, "all", WHICH),
    ({"all": 1}, "all", "must be true or false, not a number"),
    ({"ids": []}, "ids", IDS),
    ({"ids": 1}, "ids", IDS),
    ({"ids": [1] * 10_001}, "ids", IDS),
    *[(dict[str, object](ids=[number]), "ids", IDS) for number in (0, -1, True, 1.5, "1", 2**63)],
    ({"table": ""}, "table", "must not be empty"),
    ({"table": 7}, "table", "must be text, not a number"),
    ({"reason": "none"}, "reason", REASONS),
    ({"target": "SHADOW"}, "target", "must be one of primary, shadow"),
    ({"id": 1}, "id", "is not known (accepted here: ids, keyspace, table, reason, target, all)"),
]


@pytest.mark.parametrize("path", ["/dead-letters/replay", "/dead-letters/purge"])
def test_what_is_chosen_badly_changes_nothing(tmp_path: Path, path: str) -> None:
    async def scenario(ask: Ask, journal: Journal) -> None:
        for fields, field, what in BAD_BODIES:
            answer = await ask(path, "POST", body(**fields))
            assert said(answer, 422) == {"error": what, "field": field}
        assert (await ask(path)).status == 405
        assert len(ids(await ask("/dead-letters"))) == 4

    kept(tmp_path, scenario)


NUMBER = "must be a whole number from"
BAD_QUERIES = [
    ("?limit=0", "limit", f"{NUMBER} 1 to 1000"),
    ("?limit=1001", "limit", f"{NUMBER} 1 to 1000"),
    ("?limit=", "limit", f"{NUMBER} 1 to 1000"),
    ("?limit=1_0", "limit", f"{NUMBER} 1 to 1000"),
    ("?limit=%D9%A1", "limit", f"{NUMBER} 1 to 1000"),
    ("?after=-1", "after", f"{NUMBER} 0 to 9223372036854775807"),
    ("?after=9223372036854775808", "after", f"{NUMBER} 0 to 9223372036854775807"),
    (f"?after={'9' * 5000}", "after", f"{NUMBER} 0 to 9223372036854775807"),
    ("?reason=none", "reason", REASONS),
    ("?target=both", "target", "must be one of primary, shadow"),
    ("?table=", "table", "must not be empty"),
    ("?tables=t", "tables", "is not known (accepted here: keyspace, table, reason, target, limit, after)"),
]


def test_a_bad_query_is_refused_with_the_field(tmp_path: Path) -> None:
    async def scenario(ask: Ask, journal: Journal) -> None:
        for query, field, what in BAD_QUERIES:
            assert said(await ask(f"/dead-letters{query}"), 422) == {"error": what, "field": field}
        exported = await ask("/dead-letters/export?limit=5")
        what = "is not known (accepted here: keyspace, table, reason, target)"
        assert said(exported, 422) == {"error": what, "field": "limit"}

    kept(tmp_path, scenario)


def test_without_a_journal_there_are_none(tmp_path: Path) -> None:
    async def scenario(ask: Ask) -> None:
        for path, method in (
            ("/dead-letters", "GET"),
            ("/dead-letters/1", "GET"),
            ("/dead-letters/export", "GET"),
            ("/dead-letters/replay", "POST"),
            ("/dead-letters/purge", "POST"),
        ):
            answer = await ask(path, method, b'{"all": true}' if method == "POST" else None)
            assert said(answer, 404) == {
                "error": "no journal is kept, and so no dead letters are: mirror.journal is off, or no shadow"
                " is configured; to keep them, change that in the configuration and restart the proxy"
            }

    with_server(Proxy(), scenario)


def test_a_journal_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    async def scenario(ask: Ask, journal: Journal) -> None:
        assert ids(await ask("/dead-letters")) == [1, 2, 3, 4]
        # On the journal's own connection: nobody else can write into its file while it is open.
        await journal._thread.run(lambda: journal._store._db.execute("DROP TABLE letters"))
        answer = await ask("/dead-letters")
        error = str(said(answer, 503)["error"])
        assert error.startswith("the journal cannot be used at the moment: no such table")
        assert error.endswith("; look at the disk of mirror.journal_path")

    kept(tmp_path, scenario)
