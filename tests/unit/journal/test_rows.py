"""Records share rows and come out as they went in."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.journal.reading import runs_of
from cqlproxy.journal.rows import pack, unpack


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=50))
def test_records_come_out_as_they_went_in(records: list[bytes]) -> None:
    assert unpack(pack(records), len(records)) == records


def test_the_blob_is_lengths_then_records() -> None:
    assert pack([b"ab", b"", b"c"]) == b"\2\0\0\0\0\0\0\0\1\0\0\0abc"


@given(st.sets(st.integers(0, 60)))
def test_runs_cover_the_numbers_and_nothing_else(numbers: set[int]) -> None:
    runs = runs_of(list(numbers))
    covered = [number for first, last in runs for number in range(first, last + 1)]
    assert covered == sorted(numbers)
    assert all(after[0] > before[1] + 1 for before, after in pairwise(runs))
