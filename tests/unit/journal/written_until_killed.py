"""A process that writes to a journal, and tells on stdout what it was told, until somebody kills it.

A line is a word and a number: ``stored 7`` when copy 7 is stored, ``ending 7`` when it is about to be settled
for good, ``gone 7`` when it is, ``begun 7`` when it is marked as begun. Every fourth copy is spilled, and
nothing is told of it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from functools import partial
from pathlib import Path

import uvloop

from cqlproxy.cluster.side import Side
from cqlproxy.journal import Entry, Journal, WhenFull


def tell(word: str, number: int) -> None:
    os.write(1, f"{word} {number}\n".encode())


async def main(path: Path, number: int) -> None:
    journal = await Journal.open(
        path,
        max_bytes=1 << 30,
        fsync_seconds=0.05,
        when_full=WhenFull.DROP_OLDEST,
        on_dropped=lambda *_: None,
    )
    entries: dict[int, Entry] = {}
    kept: list[Entry] = []
    while True:
        for _ in range(50):
            number += 1
            alone = number % 10 == 0
            record = b"%d " % number + bytes(number % 500)
            if number % 4 == 1:
                journal.append(Side.SHADOW, record, held=False, solitary=alone)
                continue
            entry = journal.append(
                Side.SHADOW, record, held=True, solitary=alone, stored=partial(tell, "stored", number)
            )
            if alone:
                entry.begin(partial(tell, "begun", number))
            entries[number] = entry
        for other in list(entries)[:-200]:
            entry = entries.pop(other)
            if other % 3 == 0:
                tell("ending", other)
                entry.settle_then(partial(tell, "gone", other))
            elif other % 3 == 1:
                entry.leave(begun=True)
            else:
                kept.append(entry)
        await asyncio.sleep(0.001)


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), int(sys.argv[2])))
