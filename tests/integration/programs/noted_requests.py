"""What each request of ``noted_load.py`` does, by its number; also for those who look what became of it."""

COUNTERS = 20
"""Rows of counters."""


def kind(number: int) -> str:
    """``insert`` (row `number`), ``counter`` (one is added to row `counter_row`) or ``read``."""
    if number % 8 == 7:
        return "read"
    return "counter" if number % 4 == 1 else "insert"


def counter_row(number: int) -> int:
    return number // 4 % COUNTERS
