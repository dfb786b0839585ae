"""Counts by table: exact up to a bound on the number of series, complete beyond it."""

from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.table_counts import MAX_SERIES, OTHER, CountsByReason, CountsByTable


def test_reasons_and_tables_are_told_apart_up_to_a_bound() -> None:
    counts = CountsByReason()
    for number in range(MAX_SERIES + 50):
        counts.add("table", "ks", f"t{number}")
    counts.add("table", "ks", "t0")
    counts.add("tenant", "ks", "late")
    assert counts["table", "ks", "t0"] == 2
    assert counts["table", OTHER, OTHER] == 50
    assert counts["tenant", OTHER, OTHER] == 1
    assert len(counts) == MAX_SERIES + 2
    assert counts.by_reason() == {"table": MAX_SERIES + 51, "tenant": 1}


def test_names_that_are_not_known_are_counted() -> None:
    counts = CountsByReason()
    counts.add("unclassified", None, None)
    assert counts == {("unclassified", "", ""): 1}


def test_tables_are_told_apart_up_to_a_bound() -> None:
    counts = CountsByTable()
    for number in range(MAX_SERIES + 50):
        counts.add([("ks", f"t{number}")])
    counts.add([("ks", "t0"), ("ks", "t1"), ("ks", "late")])
    assert (counts["ks", "t0"], counts["ks", "t1"], counts[OTHER, OTHER]) == (2, 2, 51)
    assert len(counts) == MAX_SERIES + 1


@given(st.lists(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3).map(str)), max_size=4)))
def test_no_count_is_lost(copies: list[list[tuple[str, str]]]) -> None:
    counts = CountsByTable()
    for tables in copies:
        counts.add(tables)
    flat = [table for tables in copies for table in tables]
    assert counts == {table: flat.count(table) for table in flat}
