"""Which reads are put to the other cluster, and what is known of their results."""

from __future__ import annotations

import pytest

from cqlproxy.cluster.tables import TableShape
from cqlproxy.validation.skipped import Skipped, SkippedError
from frame_codec import ConsistencyLevel, QueryParameters, parameters
from tests.unit.validation.scripted import asked, number, statement

WIDE = TableShape(("a", "b"), ("c",), frozenset({"a", "b", "c", "v"}))


@pytest.mark.parametrize(
    ("text", "ordered"),
    [
        ("SELECT * FROM t WHERE a = 1 AND b = 2", True),
        ("SELECT * FROM t WHERE a = ? AND b = ? AND c > ?", True),
        ("SELECT * FROM t WHERE (a, b) = (1, 2)", True),
        ("SELECT * FROM t WHERE a = 1 AND b = 2 AND c IN (1, 2)", True),
        ("SELECT * FROM t WHERE a = 1 AND b IN (2, 3)", False),
        ("SELECT * FROM t WHERE a = 1 AND b IN (?, ?)", False),
        ("SELECT * FROM t WHERE a = 1 AND b IN ?", False),
        ("SELECT * FROM t WHERE a = 1 ALLOW FILTERING", False),
        ("SELECT * FROM t WHERE token(a, b) = 7", False),
        ("SELECT * FROM t WHERE v = 1", False),
        ("SELECT * FROM t", False),
    ],
)
def test_the_rows_of_one_partition_have_an_order(text: str, ordered: bool) -> None:
    found = asked(text, shape=WIDE).asked
    assert found.ordered is ordered
    assert found.key == (frozenset({"c"}) if ordered else frozenset({"a", "b", "c"}))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("SELECT now() FROM t", Skipped.VARYING),
        ("SELECT * FROM t WHERE k = 1 AND c > maxTimeuuid(currentTimestamp())", Skipped.VARYING),
        ("SELECT system.uuid(), v FROM t", Skipped.VARYING),
        ("SELECT v FROM t WHERE c = current_date() - 2d", Skipped.VARYING),
        ("SELECT v FROM t ORDER BY v ANN OF [1.0] LIMIT 3", Skipped.VARYING),
        ("SELECT * FROM MUTATION_FRAGMENTS(t) WHERE k = 1", Skipped.VARYING),
        ("SELECT cast(ttl(v) AS text) FROM t", Skipped.VARYING),
        ("SELECT ttl(v), max(writetime(v)) FROM t", Skipped.VARYING),
        ("SELECT ttl(v), writetime(v), token(k), v FROM t", None),
        ("SELECT ttl(v) AS left FROM t", None),
        ("SELECT 'now()' FROM t", None),
        ("SELECT count(*), max(v) FROM t", None),
    ],
)
def test_what_varies_by_itself_is_not_compared(text: str, reason: Skipped | None) -> None:
    if reason is None:
        asked(text)
        return
    with pytest.raises(SkippedError) as skipped:
        asked(text)
    assert skipped.value.reason is reason


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (QueryParameters(paging_state=b"state"), Skipped.CONTINUED_PAGE),
        (QueryParameters(ConsistencyLevel.SERIAL), Skipped.SERIAL),
        (QueryParameters(ConsistencyLevel.LOCAL_SERIAL), Skipped.SERIAL),
    ],
)
def test_reads_that_are_not_asked_twice(given: QueryParameters, reason: Skipped) -> None:
    with pytest.raises(SkippedError) as skipped:
        asked("SELECT * FROM t", given)
    assert skipped.value.reason is reason


def test_the_question_has_the_consistency_and_values_of_the_read_and_asks_for_metadata() -> None:
    given = QueryParameters(ConsistencyLevel.QUORUM, values=(number(7),), skip_metadata=True, page_size=10)
    prepared = statement("SELECT * FROM t WHERE k = ?", "k")
    found = asked("SELECT * FROM t WHERE k = ?", given, prepared=prepared)
    sent = parameters(found.body, found.parameters_at)
    assert (sent.consistency, sent.page_size) == (ConsistencyLevel.QUORUM, 10)
    assert not sent.flags & 0x02
    assert found.value_of(0) == number(7)
    named = QueryParameters(values=(number(8),), names=("key",))
    assert asked("SELECT * FROM t WHERE k = :key", named).value_of(0) == number(8)
