"""Sampled stacks: which function was seen how often, by itself and with what it called."""

import pytest

from benchmarks.profiling.stacks import Function, functions, table

STACKS = ["thread;serve;read 3", "thread;serve;write 5", "thread;serve 2"]


def test_a_function_has_its_own_samples_and_those_of_what_it_called() -> None:
    assert functions(STACKS) == [
        Function("write", 5, 5),
        Function("read", 3, 3),
        Function("serve", 2, 10),
        Function("thread", 0, 10),
    ]


def test_a_function_that_calls_itself_is_counted_once_for_a_stack() -> None:
    assert functions(["walk;walk;walk 4"]) == [Function("walk", 4, 4)]


def test_names_may_hold_spaces() -> None:
    assert functions(["thread (0x7F);f (a.py:1) 1\n"])[0].name == "f (a.py:1)"


@pytest.mark.parametrize("line", ["f", "f;g many"])
def test_other_lines_are_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"stack without its count|invalid literal"):
        functions([line])


def test_the_table_tells_shares_of_all_samples() -> None:
    head, first, second = table(functions(STACKS), 2).splitlines()
    assert head.split() == ["self", "total", "of", "10", "samples"]
    assert first.split() == ["50.0%", "50.0%", "write"]
    assert second.split() == ["30.0%", "30.0%", "read"]
