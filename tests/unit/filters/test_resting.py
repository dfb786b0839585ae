"""Work that rests: how long at a time it computes, and what it makes of rules."""

from __future__ import annotations

import time
from pathlib import Path

from filters.resting import Resting, each
from filters.rules_file import rules_of

MANY = 2_000
RULES = b"filters:\n  tenant_columns: [tenant]\n  tenant_blacklist:\n" + b"".join(
    b"    - tenant-%d\n" % number for number in range(MANY)
)


class Clock:
    """Time that passes when it is told to, and the rests that were taken."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_it_rests_after_half_a_millisecond_of_work() -> None:
    clock = Clock()
    rest = Resting(clock)
    clock.now = 0.0004
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        rest()
        taken.append(time.perf_counter() - began)
    # The best of some, since other work may take the processor meanwhile.
    assert min(taken) < 0.001
    clock.now = 0.0005
    began = time.perf_counter()
    rest()
    assert time.perf_counter() - began >= 0.001


def test_values_come_one_after_each_rest() -> None:
    told: list[object] = []
    for value in each("ab", lambda: told.append("rest")):
        told.append(value)
    assert told == ["rest", "a", "rest", "b"]


def test_rules_are_the_same_with_rests_and_rests_are_frequent() -> None:
    rests = 0

    def rest() -> None:
        nonlocal rests
        rests += 1

    path = Path("rules.yaml")
    rested, plain = rules_of(path, RULES, rest=rest), rules_of(path, RULES)
    assert rested.tenants.values == plain.tenants.values == tuple(f"tenant-{n}" for n in range(MANY))
    assert rested.content_hash == plain.content_hash
    # While the text becomes values, and while these become rules.
    assert rests >= 2 * MANY
