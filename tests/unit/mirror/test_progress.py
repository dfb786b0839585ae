"""How fast copies arrive and when none is left, by what was seen over ten seconds."""

from __future__ import annotations

from cqlproxy.mirror.progress import Progress


def seen(*remaining: int, delivered_each: int = 0) -> tuple[Progress, float]:
    """What was seen, second by second; and when that ended."""
    progress = Progress()
    for second, left in enumerate(remaining):
        for part in (0.0, 0.3, 0.9):  # more often than is of use
            progress.note(100 + second + part, left if not part else -1, second * delivered_each)
    return progress, 100.0 + len(remaining) - 1


def test_nothing_is_known_at_first() -> None:
    progress = Progress()
    assert (progress.rate(0, 5), progress.seconds_left(0, 7), progress.seconds_left(0, 0)) == (0, None, 0)
    progress.note(0, 7, 5)
    assert (progress.rate(0.1, 9), progress.seconds_left(0.1, 6)) == (0, None)


def test_a_backlog_that_shrinks_has_an_end() -> None:
    progress, now = seen(1000, 900, 800, delivered_each=300)
    assert progress.rate(now, 600) == 300
    assert progress.seconds_left(now, 800) == 8.0
    assert progress.seconds_left(now, 0) == 0.0


def test_one_that_does_not_has_none() -> None:
    progress, now = seen(100, 100, 100)
    assert progress.seconds_left(now, 100) is None
    progress, now = seen(100, 200, 300)
    assert progress.seconds_left(now, 300) is None


def test_what_was_long_ago_does_not_count() -> None:
    progress, now = seen(*range(10_000, 5_000, -1_000), *[500 - 10 * second for second in range(15)])
    assert progress.seconds_left(now, 360) == 36.0
