"""A text batch rebuilt without some of its statements means what is left of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.statements import analyse, kept_markers, without
from tests.unit.statements.corpus import batches
from tests.unit.statements.corpus.batches import BatchCase
from tests.unit.statements.corpus.case import case_of

TWO = "BEGIN BATCH USING TIMESTAMP ? DELETE FROM t WHERE k = ? UPDATE u SET a = ? WHERE k = 'b;'; APPLY BATCH"


def test_first_left_out() -> None:
    batch = analyse(TWO)

    rest = "BEGIN BATCH USING TIMESTAMP ? UPDATE u SET a = ? WHERE k = 'b;'; APPLY BATCH"
    assert without(TWO, batch, [1]) == rest
    assert kept_markers(batch, [1]) == (0, 2)


def test_nothing_left() -> None:
    batch = analyse(TWO)

    assert without(TWO, batch, []) == "BEGIN BATCH USING TIMESTAMP ? APPLY BATCH"
    assert kept_markers(batch, []) == (0,)


@given(case=st.sampled_from(batches.CASES), data=st.data())
def test_what_is_kept_is_analysed_as_before(case: BatchCase, data: st.DataObject) -> None:
    text = case.whole.text
    batch = analyse(text)
    positions = (
        st.lists(st.sampled_from(range(len(batch.statements))), unique=True)
        if batch.statements
        else st.just([])
    )
    kept = sorted(data.draw(positions))

    rebuilt = without(text, batch, kept)
    left = analyse(rebuilt)

    assert left.batch is not None
    assert batch.batch is not None
    assert left.batch.kind is batch.batch.kind
    assert left.markers == len(kept_markers(batch, kept))
    texts = [rebuilt[inner.span.start : inner.span.end] for inner in left.statements]
    assert texts == [case.statements[position][1].text for position in kept]
    for inner, position in zip(left.statements, kept, strict=True):
        assert case_of(rebuilt, inner).tables == case.statements[position][1].tables


@pytest.mark.parametrize("text", ["SELECT * FROM t", "DELETE FROM t WHERE k = 1", ""])
def test_only_batches_can_be_rebuilt(text: str) -> None:
    with pytest.raises(ValueError, match="only a batch"):
        without(text, analyse(text), [])
    with pytest.raises(ValueError, match="only a batch"):
        kept_markers(analyse(text), [])


def test_a_position_that_is_not_there() -> None:
    with pytest.raises(IndexError):
        without(TWO, analyse(TWO), [2])
