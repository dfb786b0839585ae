"""A journal with dead letters in it, as an admin server shows them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from cqlproxy.cluster.side import Side
from cqlproxy.dead_letters import DeadLetters
from cqlproxy.journal import DeadLetter, Journal, Reason, WhenFull
from tests.unit.admin.asking import Proxy


def letter(
    table: str = "shop.orders",
    reason: Reason = Reason.REJECTED,
    target: Side = Side.SHADOW,
    error: str = "unconfigured table orders",
) -> DeadLetter:
    """A letter as the mirror writes it."""
    return DeadLetter(
        target=target,
        keyspace=table.partition(".")[0],
        tables=(table,),
        statement=f"INSERT INTO {table} (id, name) VALUES (?, ?)",
        values={"id": 7, "name": "a\nb"},
        consistency="LOCAL_QUORUM",
        reason=reason,
        error=error,
        written_at=1_700_000_000.25,
        attempts=2,
        first_attempt=1_700_000_000.5,
        last_attempt=1_700_000_001.5,
    )


def bury(journal: Journal, letters: Iterable[DeadLetter]) -> None:
    """Put letters into a journal, whose ids then count from 1."""
    for one in letters:
        journal.bury(one.target, b"a copy", one, None)


@asynccontextmanager
async def letters_kept(proxy: Proxy, path: Path, letters: Iterable[DeadLetter]) -> AsyncIterator[Journal]:
    """A journal at ``path`` with ``letters``, shown by ``proxy`` until it is closed. Replays are counted."""
    journal = await Journal.open(
        path,
        max_bytes=1 << 30,
        fsync_seconds=1,
        when_full=WhenFull.DROP_OLDEST,
        on_dropped=lambda side, copies: None,
    )
    bury(journal, letters)

    def replayed() -> None:
        proxy.replays += 1

    proxy.letters = DeadLetters(journal.letters, replayed)
    try:
        yield journal
    finally:
        proxy.letters = None
        await journal.close()
