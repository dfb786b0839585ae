"""What a soak finds: a lost copy, one too many, another value or time, a counter that is off, no answer."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.integration.noted_load import Noted, Requests
from tests.integration.soak_findings import CopiedAt, Findings, Landed, lost_copies, unanswered

SECONDS = 0.1


def requests(**errors: str) -> Requests:
    """Sixteen, one a second; ``n3`` is the error of the fourth."""
    return Requests(
        [Noted(number, 100.0 + number, SECONDS, errors.get(f"n{number}")) for number in range(16)]
    )


INSERTS = {0, 2, 3, 4, 6, 8, 10, 11, 12, 14}
HERE = Landed({number: 1000 + number for number in INSERTS}, [], {0: 1, 1: 1, 2: 1, 3: 1})


def found(
    there: Landed,
    copied: CopiedAt | None = None,
    *,
    told: frozenset[int] = frozenset(),
    told_counts: Counter[int] | None = None,
    here: Landed = HERE,
    **errors: str,
) -> list[str]:
    return lost_copies(
        requests(**errors), copied or CopiedAt(), here, there, set(told), told_counts or Counter(), {}
    )


def without(*numbers: int) -> Landed:
    return HERE._replace(times={n: at for n, at in HERE.times.items() if n not in numbers})


def test_nothing_is_wrong_when_both_have_all() -> None:
    assert found(HERE) == []


def test_a_copy_that_is_nowhere_is_lost_and_a_dead_letter_is_not() -> None:
    assert found(without(4, 6)) == ["2 copies are lost: [4, 6]"]
    assert found(without(4), told=frozenset({4})) == []
    assert found(without(4), n4="WriteTimeout: late") == []


def test_what_was_written_in_primary_only_is_not_copied() -> None:
    copied = CopiedAt()
    copied.switched(False, 103.5, 103.6)
    copied.switched(True, 109.95, 110.05)
    # 10 was sent while the switch back was under way: it may be copied or not.
    one_counter_less = {0: 1, 1: 0, 2: 0, 3: 1}
    for missing in ((4, 6, 8), (4, 6, 8, 10)):
        assert found(without(*missing)._replace(counts=one_counter_less), copied) == []
    assert found(without(4, 6), copied) == ["1 rows were copied in primary_only: [8]"]
    assert found(without(3, 4, 6, 8), copied) == ["1 copies are lost: [3]"]


def test_other_values_and_times_are_found() -> None:
    later = HERE._replace(times={**HERE.times, 4: 1})
    assert found(later) == ["1 rows have another write time there: [4]"]
    assert found(HERE._replace(wrong=[6])) == ["1 rows have another value than was written: [6]"]


def test_a_row_that_the_primary_lacks_is_found() -> None:
    assert found(HERE, here=without(4)) == ["1 acknowledged rows are not on the primary: [4]"]


@pytest.mark.parametrize("count", [0, 2])
def test_a_counter_that_has_less_or_more_is_found(count: int) -> None:
    there = HERE._replace(counts={**HERE.counts, 2: count})
    assert found(there) == [f"counter 2 is {count} on the shadow; at least 1 and at most 1 are right"]
    assert found(there, told_counts=Counter({2: 1})) == []


def test_requests_that_nobody_answered_are_found() -> None:
    assert unanswered(requests(n4="WriteTimeout: late")) == []
    assert unanswered(requests(n4="OperationTimedOut: x")) == ["1 requests ended with OperationTimedOut"]
    assert unanswered(Requests(requests().all[1:])) == ["requests without an answer, or with two"]


def test_what_was_found_is_kept_and_told(tmp_path: Path) -> None:
    findings = Findings(["a row is lost"], {"requests": 7}, Counter({"WriteTimeout": 2}))
    findings.switches["primary_only"] += 1
    findings.samples.append((0.5, 1 << 20, 23))
    findings.write(tmp_path / "build" / "soak.json")
    kept = json.loads((tmp_path / "build" / "soak.json").read_text())
    assert kept["wrong"] == ["a row is lost"]
    assert kept["errors"] == {"WriteTimeout": 2}
    assert kept["switches"] == {"primary_only": 1}
    assert kept["samples"] == [[0.5, 1 << 20, 23]]
    assert findings.in_words().splitlines()[-1] == "a row is lost"
    assert Findings().in_words().splitlines()[-1] == "nothing was wrong"
