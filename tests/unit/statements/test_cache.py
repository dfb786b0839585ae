"""Analyses by text: what is kept, what is forgotten, what is counted."""

from __future__ import annotations

import pytest

from cqlproxy.statements import LONGEST_KEPT, Kind, StatementCache, analyse

A, B, C = (f"SELECT * FROM {name}".encode() for name in "abc")


def seen_before(cache: StatementCache, *texts: bytes) -> None:
    for text in texts:
        cache.analyse(text)


def test_a_text_is_kept_from_its_second_time_on() -> None:
    cache = StatementCache(2)

    first = cache.analyse(A)
    second = cache.analyse(A)

    assert first == second == analyse(A.decode())
    assert cache.analyse(bytes(bytearray(A))) is second
    assert (cache.hits, cache.misses, len(cache)) == (1, 2, 1)


def test_texts_that_come_once_take_no_place() -> None:
    cache = StatementCache(2)
    seen_before(cache, A)
    a = cache.analyse(A)

    seen_before(cache, *(f"SELECT * FROM t WHERE k = {number}".encode() for number in range(100)))

    assert cache.analyse(A) is a
    assert len(cache) == 1


@pytest.mark.parametrize(("others", "kept"), [(2, 1), (20, 0)])
def test_the_first_time_is_remembered_for_a_while(others: int, kept: int) -> None:
    cache = StatementCache(4)
    seen_before(cache, A)

    seen_before(cache, *(f"SELECT * FROM t WHERE k = {number}".encode() for number in range(others)))
    seen_before(cache, A)

    assert len(cache) == kept


def test_the_least_recently_used_is_forgotten() -> None:
    cache = StatementCache(2)
    seen_before(cache, A, B)
    a, b = cache.analyse(A), cache.analyse(B)
    assert cache.analyse(A) is a

    seen_before(cache, C, C)

    assert len(cache) == 2
    assert cache.analyse(A) is a
    assert cache.analyse(B) is not b
    assert (cache.hits, cache.misses) == (2, 7)


@pytest.mark.parametrize(("length", "kept"), [(LONGEST_KEPT, 1), (LONGEST_KEPT + 1, 0)])
def test_long_texts_are_not_kept(length: int, kept: int) -> None:
    cache = StatementCache(2)
    text = A + b" " * (length - len(A))
    seen_before(cache, text)

    assert cache.analyse(text).kind is Kind.READ
    assert len(cache) == kept


def test_text_that_is_not_utf_8_is_unknown() -> None:
    cache = StatementCache(1)

    assert cache.analyse(b"SELECT * FROM t WHERE k = '\xff'").kind is Kind.UNKNOWN
    assert cache.misses == 1


def test_a_capacity_of_none() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        StatementCache(0)
