"""The dead letters of a running proxy, and when its copies are settled."""

import json
from collections import Counter
from typing import TypedDict, cast

from tests.integration.json_writes import post
from tests.nodes import ProxyProcess


class Letter(TypedDict):
    """A dead letter, as far as tests look at it."""

    tables: list[str]
    values: list[object]
    reason: str
    error: str


def letters_of(proxy: ProxyProcess) -> list[Letter]:
    """All of them."""
    status, body = proxy.get("/dead-letters/export")
    assert status == 200, body
    return [cast(Letter, json.loads(line)) for line in body.splitlines()]


def counted_in(letters: list[Letter]) -> Counter[int]:
    """By row of ``noted_load.py``'s table of counters, how many of its increments are dead letters."""
    return Counter(
        cast(int, letter["values"][0]) for letter in letters if letter["tables"][0].endswith(".counts")
    )


def wait_settled(proxy: ProxyProcess, timeout: float = 90.0) -> dict[str, object]:
    """Wait until no copy waits, neither in memory nor in the journal, nor is under way; the figures then."""
    waiting = ("queue_depth", "in_flight_copies", "journal_depth")
    proxy.wait_until(
        lambda stats: not any(stats[name] for name in waiting), timeout, what="copies that are all settled"
    )
    return proxy.stats()


def replay_rejected(proxy: ProxyProcess) -> None:
    """Have the copies that were refused delivered again."""
    status, said = post(proxy, "/dead-letters/replay", {"reason": "rejected"})
    assert status == 200, said
