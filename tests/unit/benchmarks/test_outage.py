"""The speed of a replay is taken where it is steady, and not where it begins and ends."""

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.outage import Standing, replay_of


def _standings(*delivered: int) -> list[Standing]:
    """One each second, of a thousand that wait."""
    return [Standing(float(at), done, 0, 0, 1000 - done) for at, done in enumerate(delivered)]


def test_neither_the_wait_for_the_shadow_nor_the_end_counts() -> None:
    replay = replay_of(_standings(0, 0, 0, 10, 100, 300, 500, 700, 900, 990, 991, 1000))
    assert replay.copies == 1000
    assert replay.per_second == 200
    assert replay.seconds_until_first == 3


def test_a_replay_that_is_over_at_once_cannot_be_measured() -> None:
    with pytest.raises(BenchmarkError, match="1000 copies arrived too fast"):
        replay_of(_standings(0, 0, 1000))
