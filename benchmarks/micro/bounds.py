"""What requests and hot functions may cost: the figures that they had when the table was last written.

To write it anew, after a change that is worth its cost or one that saves some: ``make bench-micro`` prints
the table at its end. Counts are the same in each run, so that one more call in each request is seen. Margins
are for what is not: free lists and the like for memory; for time see `STEPS_MARGIN`.
"""

from __future__ import annotations

import sys
from typing import Final, NamedTuple


class Figures(NamedTuple):
    """What one request costs, or one call of a function."""

    python_calls: float
    compiled_calls: float
    bytecode: float
    """Instructions."""
    steps: float
    """Of the fixed piece of Python in ``pace``."""
    blocks: float = 0.0
    """Allocations of at most 512 bytes that are held for a request at the same time."""
    containers: float = 0.0
    """Objects that the garbage collector watches, as above."""
    alone: float = 0.0
    """Instructions for a request that comes alone: what each turn of the event loop takes is all its own."""


COUNTS_MARGIN: Final = 1.015
"""Less than one call where there are not dozens; runs differ by 0.5 % where nodes take turns."""

HELD_MARGIN: Final = 0.75
"""Blocks or containers beyond `COUNTS_MARGIN`: tables grow in steps."""

STEPS_MARGIN: Final = 1.5
"""On one machine medians of 100 rounds differ by 3 % for prepared requests and by 13 % for texts, whose
analyses leave the processor's caches, also beside three processes that keep both cores busy; beside a dozen
that compile, test and serve, by 25 %. The rest is for processors that are better at one thing than another.
What is slower by half, with the same calls and bytecode, copies or searches more than before."""

JOURNALED_STEPS_MARGIN: Final = 2.5
JOURNALED_COUNTS_MARGIN: Final = 1.04
"""Where the journal's thread takes part, how often it wakes is chance: 55 % more time, 1 % more calls."""

BYTECODE_OF: Final = (3, 11)
"""The version of Python whose instructions were counted."""

OTHER_BYTECODE_MARGIN: Final = 1.3
"""Other versions have other instructions for the same source."""

REQUESTS: Final[dict[str, Figures]] = {
    "SELECT": Figures(3, 17, 352, 3.5, 2, 1, 1260),
    "SELECT, three nodes": Figures(11, 27, 636, 7.5, 3, 1, 1503),
    "INSERT, not copied": Figures(2, 17, 338, 3.5, 2, 1, 1321),
    "INSERT": Figures(6, 33, 848, 8.6, 4, 2, 2371),
    "INSERT, lengths differ": Figures(6, 35, 901, 9, 4, 2, 2371),
    "INSERT, three nodes": Figures(14, 43, 1122, 13.3, 4, 2, 2677),
    "INSERT, other ids there": Figures(14, 42, 1103, 11.1, 6, 2, 2781),
    "INSERT, journal always": Figures(7, 35, 933, 24.9, 5, 3, 4047),
    "text INSERT, each new": Figures(16, 48, 1091, 22, 8, 4, 2710),
    "text INSERT, seen before": Figures(12, 38, 944, 15.5, 3, 1, 2563),
    "BATCH of ten": Figures(296, 268, 8667, 93.1, 9, 3, 9833),
}

FUNCTIONS: Final[dict[str, Figures]] = {
    "32 frames split": Figures(2, 14, 288, 7),
    "32 frames split, lengths differ": Figures(2, 66, 1820, 12.8),
    "write time pinned": Figures(2, 3, 59, 1),
    "replica chosen": Figures(6, 11, 258, 2.1),
    "governor asked, 32 copies made": Figures(66, 128, 6427, 39.2),
    "other prepared id": Figures(3, 5, 113, 1.2),
    "journal record": Figures(2, 4, 82, 1.1),
    "ten columns analysed": Figures(3, 7, 104, 4.9),
}


def exceeded(found: Figures, bound: Figures, *, journaled: bool = False) -> list[str]:
    """What of `found` is more than the bound and its margin allow, in words; empty when all is well.

    journaled: the answer waits for the journal.
    """
    counts_margin = JOURNALED_COUNTS_MARGIN if journaled else COUNTS_MARGIN
    bytecode_margin = counts_margin if sys.version_info[:2] == BYTECODE_OF else OTHER_BYTECODE_MARGIN
    steps_margin = JOURNALED_STEPS_MARGIN if journaled else STEPS_MARGIN
    most = Figures(
        bound.python_calls * counts_margin,
        bound.compiled_calls * counts_margin,
        bound.bytecode * bytecode_margin,
        bound.steps * steps_margin,
        bound.blocks * counts_margin + HELD_MARGIN,
        bound.containers * counts_margin + HELD_MARGIN,
        bound.alone * bytecode_margin,
    )
    return [
        f"{name.replace('_', ' ')}: {value:,.1f}, where {was:,.1f} are known and {limit:,.1f} allowed"
        for name, value, was, limit in zip(Figures._fields, found, bound, most, strict=True)
        if value > limit
    ]


def written(table: dict[str, Figures]) -> str:
    """The entries of a table as this file has them."""
    return "\n".join(
        f"    {name!r}: Figures({', '.join(f'{value:.4g}' for value in figures)}),".replace("'", '"')
        for name, figures in table.items()
    )
