"""Figures follow from what was measured, and what makes them worthless is said."""

from array import array
from dataclasses import replace

import pytest

from benchmarks.copies import Copies
from benchmarks.measure import Usage
from benchmarks.plan import Load
from benchmarks.report import Sample, limits, percentile, problems, remarks, sample, table

GOOD = Sample(
    "insert",
    requests_per_second=20_000,
    cpu_per_request=5e-6,
    p50=0.010,
    p99=0.025,
    p999=0.05,
    slowest=0.1,
    resident_bytes=64 << 20,
    busy=0.1,
    waited=0.0,
    backend_busy=0.01,
    generator_busy=0.02,
    copies_per_request=1.0,
    copies_lost=0,
    errors=0,
    first_error="",
)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([7.0], 50, 7.0),
        ([1.0, 2.0], 50, 1.0),
        ([1.0, 2.0, 3.0], 50, 2.0),
        ([float(n) for n in range(1, 101)], 99, 99.0),
        ([float(n) for n in range(1, 102)], 99, 100.0),
        ([1.0, 2.0], 100, 2.0),
        ([1.0, 2.0], 0, 1.0),
        ([float(n) for n in range(1, 1001)], 99.9, 999.0),
        ([float(n) for n in range(1, 1002)], 99.9, 1000.0),
    ],
)
def test_percentiles_are_values_that_were_seen(values: list[float], percent: float, expected: float) -> None:
    assert percentile(values, percent) == expected


def test_a_sample_is_per_request_and_per_second() -> None:
    load = Load(array("d", [0.003, 0.001, 0.002, 0.004]), cpu_seconds=0.5, errors=1, first_error="why")
    before = Usage(at=10.0, cpu_seconds=1.0, resident_bytes=1)
    after = Usage(at=12.0, cpu_seconds=1.2, resident_bytes=2, waited_seconds=0.5)
    taken = sample("insert", load, before, after, Copies(delivered=3, lost=1), (0.1, 0.3))
    assert taken.requests_per_second == 2.0
    assert taken.cpu_per_request == pytest.approx(0.05)
    assert taken.busy == pytest.approx(0.1)
    assert taken.backend_busy == pytest.approx(0.15)
    assert taken.generator_busy == taken.waited == 0.25
    assert (taken.p50, taken.p99, taken.slowest) == (0.002, 0.004, 0.004)
    assert taken.resident_bytes == 2
    assert (taken.copies_per_request, taken.copies_lost) == (0.75, 1)
    assert (taken.errors, taken.first_error) == (1, "why")


def test_copies_between_two_moments() -> None:
    assert Copies(10, 5).since(Copies(7, 4)) == Copies(3, 1)


def test_the_table_shows_medians_and_below_them_the_spread() -> None:
    select = replace(GOOD, name="select", requests_per_second=50_000)
    slow, fast = (replace(GOOD, requests_per_second=rate) for rate in (10_000, 90_000))
    lines = table([slow, select, GOOD, fast]).splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [
        ["insert", "20,000"],
        ["10,000-90,000", "5.00-5.00"],
        ["select", "50,000"],
    ]
    assert "copies/req" in lines[0]
    assert len({len(line) for line in lines}) == 1


def test_copies_that_were_not_asked_for_are_not_shown() -> None:
    assert "copies" not in table([replace(GOOD, copies_per_request=None)])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (GOOD, ["busy for at most 10% of one core"]),
        (replace(GOOD, busy=0.97), ["requests per second are its limit"]),
    ],
)
def test_who_set_the_requests_per_second_is_said(changed: Sample, said: list[str]) -> None:
    found = remarks([GOOD, changed])
    assert len(found) == len(said)
    for words, sentence in zip(said, found, strict=True):
        assert words in sentence


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (replace(GOOD, generator_busy=0.95), "more --processes"),
        (replace(GOOD, backend_busy=0.95), "not the contestant's"),
    ],
)
def test_whoever_is_at_a_limit_is_told_if_it_is_so_mostly(changed: Sample, said: str) -> None:
    assert limits([GOOD, GOOD, changed]) == []
    (found,) = limits([GOOD, changed, changed])
    assert said in found


def test_a_machine_that_has_other_work_is_told_of() -> None:
    busy = replace(GOOD, waited=0.4)
    assert not any("other work" in remark for remark in remarks([GOOD, GOOD, busy]))
    assert any("waited 40% of the time" in remark for remark in remarks([GOOD, busy, busy]))


def test_nothing_is_wrong_with_good_samples() -> None:
    assert problems([GOOD, GOOD]) == []


def test_failed_requests_and_lost_copies_are_wrong() -> None:
    found = problems(
        [GOOD, replace(GOOD, errors=2, first_error="0x1001 busy"), replace(GOOD, errors=1, copies_lost=4)]
    )
    assert len(found) == 2
    assert found[0] == "3 requests of insert failed, the first with: 0x1001 busy"
    assert found[1].startswith("4 copies never reached the shadow")
