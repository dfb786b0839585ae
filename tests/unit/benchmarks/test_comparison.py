"""Proxies in turns: every order comes, and ratios are those of one round."""

from collections import Counter

import pytest

from benchmarks.comparison import cpu_ratio, turned
from benchmarks.report import Sample


def _sample(cpu: float) -> Sample:
    return Sample(
        name="insert",
        requests_per_second=1.0,
        cpu_per_request=cpu,
        p50=0.0,
        p99=0.0,
        p999=0.0,
        slowest=0.0,
        resident_bytes=0,
        busy=0.0,
        waited=0.0,
        backend_busy=0.0,
        generator_busy=0.0,
        copies_per_request=None,
        copies_lost=0,
        errors=0,
        first_error="",
    )


@pytest.mark.parametrize("names", [["a", "b"], ["a", "b", "c"]])
def test_everyone_goes_first_and_last_equally_often(names: list[str]) -> None:
    orders = [turned(names, number) for number in range(2 * len(names))]
    assert all(sorted(order) == names for order in orders)
    assert set(Counter(order[0] for order in orders).values()) == {2}
    assert set(Counter(order[-1] for order in orders).values()) == {2}


def test_the_ratio_is_taken_within_each_round() -> None:
    # The machine was half as fast in the second round; the ratio does not show it.
    ratio = cpu_ratio([_sample(11), _sample(22), _sample(12)], [_sample(10), _sample(20), _sample(10)])
    assert (ratio.median, ratio.lower, ratio.rounds) == (1.1, 1.1, 3)
    assert 1.1 < ratio.upper < 1.2
    assert str(ratio) == "median 1.100, quartiles 1.1 and 1.15 of 3 rounds"
