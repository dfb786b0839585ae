"""Sampled stacks, as profilers write them for flame graphs, and the functions that they are made of. Pure.

One line for each stack: its frames from the outermost on, with semicolons between them, and after the last a
space and how often it was seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Function:
    """How often a function was seen: at the end of a stack, and anywhere in one."""

    name: str
    self_samples: int
    total_samples: int


def functions(lines: Iterable[str]) -> list[Function]:
    """The functions of all stacks, first those that are most often at the end of one.

    A function that calls itself is counted once for each stack. Raises ValueError for lines of another form.
    """
    ends: Counter[str] = Counter()
    anywhere: Counter[str] = Counter()
    for line in lines:
        stack, separator, count = line.rstrip("\n").rpartition(" ")
        if not separator:
            raise ValueError(f"a stack without its count: {line!r}")
        frames = stack.split(";")
        seen = int(count)
        ends[frames[-1]] += seen
        for frame in set(frames):
            anywhere[frame] += seen
    found = [Function(name, ends[name], total) for name, total in anywhere.items()]
    return sorted(
        found, key=lambda function: (-function.self_samples, -function.total_samples, function.name)
    )


def table(found: list[Function], rows: int) -> str:
    """The first `rows` functions by self samples, with their shares of all samples in percent."""
    samples = sum(function.self_samples for function in found)
    lines = [f"{'self':>7}{'total':>8}   of {samples:,} samples"]
    lines += [
        f"{function.self_samples / samples:7.1%}{function.total_samples / samples:8.1%}   {function.name}"
        for function in found[:rows]
    ]
    return "\n".join(lines)
