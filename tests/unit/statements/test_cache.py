"""Analyses by text: what is kept, what is forgotten, what is counted."""

from __future__ import annotations

import pytest

from cqlproxy.statements import LONGEST_KEPT, Kind, StatementCache, analyse

A, B, C = (f"SELECT * FROM {name}".encode() for name in "abc")


def test_a_text_is_analysed_once() -> None:
    cache = StatementCache(2)

    first = cache.analyse(A)

    assert first == analyse(A.decode())
    assert cache.analyse(bytes(bytearray(A))) is first
    assert (cache.hits, cache.misses, len(cache)) == (1, 1, 1)


def test_the_least_recently_used_is_forgotten() -> None:
    cache = StatementCache(2)
    a, b = cache.analyse(A), cache.analyse(B)
    assert cache.analyse(A) is a

    cache.analyse(C)

    assert len(cache) == 2
    assert cache.analyse(A) is a
    assert cache.analyse(B) is not b
    assert (cache.hits, cache.misses) == (2, 4)


@pytest.mark.parametrize(("length", "kept"), [(LONGEST_KEPT, 1), (LONGEST_KEPT + 1, 0)])
def test_long_texts_are_not_kept(length: int, kept: int) -> None:
    cache = StatementCache(2)
    text = A + b" " * (length - len(A))

    assert cache.analyse(text).kind is Kind.READ
    assert len(cache) == kept


def test_text_that_is_not_utf_8_is_unknown() -> None:
    cache = StatementCache(1)

    assert cache.analyse(b"SELECT * FROM t WHERE k = '\xff'").kind is Kind.UNKNOWN
    assert cache.misses == 1


def test_a_capacity_of_none() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        StatementCache(0)
