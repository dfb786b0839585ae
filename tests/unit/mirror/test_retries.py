"""When a copy is tried again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.mirror.mutation import Mutation
from cqlproxy.mirror.retries import LONGEST_PAUSE, Retries, pause
from cqlproxy.statements import TableName
from filters import Rules
from frame_codec import Opcode

RULES = Rules()


def mutation(name: str) -> Mutation:
    tables = (TableName("ks", "t"),)
    return Mutation(Opcode.QUERY, name.encode(), offered=0, tables=tables, rules=RULES)


@pytest.mark.parametrize(("failures", "seconds"), [(1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (10_000, 30)])
def test_the_pause_doubles_up_to_the_longest(failures: int, seconds: float) -> None:
    assert pause(1.0, failures, random=0.0) == seconds


def test_a_first_pause_above_the_longest_holds() -> None:
    assert pause(LONGEST_PAUSE * 2, 3, random=0.0) == LONGEST_PAUSE * 2


@given(st.floats(0, 1), st.integers(1, 50))
def test_jitter_takes_at_most_half_of_it(random: float, failures: int) -> None:
    whole = pause(1.0, failures, random=0.0)
    assert whole / 2 <= pause(1.0, failures, random) <= whole


def test_each_comes_when_it_is_due_and_not_before() -> None:
    retries = Retries(1.0, lambda: 0.0)
    first, second, third = map(mutation, ("first", "second", "third"))
    retries.put(second, failures=2, now=10)
    retries.put(first, failures=1, now=10)
    retries.put(third, failures=3, now=10)
    assert (len(retries), retries.next_due) == (3, 11)
    assert retries.due(10.9) == []
    assert retries.due(12) == [first, second]
    assert set(retries) == {third}
    assert retries.clear() == [third]
    assert retries.next_due is None


def test_of_those_due_together_the_one_put_first_comes_first() -> None:
    retries = Retries(1.0, lambda: 0.0)
    copies = [mutation(str(number)) for number in range(20)]
    for copy in copies:
        retries.put(copy, failures=1, now=0)
    assert retries.due(1) == copies
