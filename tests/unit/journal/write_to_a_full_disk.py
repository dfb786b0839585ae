"""A process whose files cannot grow for a while: the journal fails, tells so once, and recovers.

The limit of a file's size stands for a full disk: the system refuses the very same writes. Prints ``done``.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
import sys
from collections import Counter
from pathlib import Path

import uvloop

from cqlproxy.cluster.side import Side
from cqlproxy.journal import Journal, WhenFull
from tests.unit.journal.journals import LETTER, committed, everything, records, stored

SHADOW = Side.SHADOW


def may_grow(limit: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


async def opened(path: Path, dropped: Counter[Side]) -> Journal:
    return await Journal.open(
        path,
        max_bytes=1 << 30,
        fsync_seconds=0.02,
        when_full=WhenFull.DROP_OLDEST,
        on_dropped=lambda side, copies: dropped.update({side: copies}),
    )


async def main(path: Path) -> None:
    logging.basicConfig(format="%(levelname)s %(message)s", stream=sys.stderr)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    dropped = Counter[Side]()
    journal = await opened(path, dropped)
    before = [await stored(journal, SHADOW, b"before %d" % number, solitary=True) for number in range(3)]
    begun, gone = asyncio.Event(), asyncio.Event()

    may_grow(4096)
    # Whoever waits for a copy to be stored does not wait for the disk.
    unprotected = await stored(journal, SHADOW, b"unprotected", solitary=True)
    assert journal.failing
    assert journal.unprotected == 1
    for number in range(100):
        journal.append(SHADOW, b"lost %d" % number, held=False)
        if number % 10 == 0:
            await committed(journal)
    await committed(journal)
    assert dropped[SHADOW] == 100, dropped
    assert journal.backlog(SHADOW) == 0
    # What is on disk already is ended there later; nobody is told too early.
    before[0].begin(begun.set)
    before[1].settle_then(gone.set)
    journal.bury(SHADOW, b"before 2", LETTER, before[2])
    await committed(journal)
    await asyncio.sleep(1.2)
    await committed(journal)
    assert not begun.is_set()
    assert not gone.is_set()
    # What never was on disk cannot come back from there.
    ready = asyncio.Event()
    unprotected.begin(ready.set)
    assert ready.is_set()
    unprotected.leave()
    assert dropped[SHADOW] == 101

    may_grow(resource.RLIM_INFINITY)
    async with asyncio.timeout(10):
        await begun.wait()
        await gone.wait()
    assert not journal.failing
    await stored(journal, SHADOW, b"after")
    assert journal.letters.count == 1
    await journal.close()

    journal = await opened(path, dropped)
    found = await everything(journal, SHADOW)
    assert records(found) == [b"before 0", b"after"]
    assert [copy.began for copy in found] == [True, False]
    assert journal.opened.letters == 1
    found[0].entry.leave(begun=True)
    await committed(journal)

    # The end on a disk that is full: counted, told, and nothing of what was on disk is lost.
    may_grow(4096)
    dropped.clear()
    journal.append(SHADOW, b"lost", held=False)
    await journal.close()
    assert dropped[SHADOW] == 1
    may_grow(resource.RLIM_INFINITY)
    journal = await opened(path, dropped)
    assert records(await everything(journal, SHADOW)) == [b"before 0", b"after"]
    await journal.close()
    print("done")


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1])))
