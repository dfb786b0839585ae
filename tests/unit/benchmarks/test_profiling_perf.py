"""What is read of perf's report."""

from benchmarks.profiling.perf import table

REPORT = """
# Overhead  Symbol
# ........  ......
#
    16.86%  [.] _PyEval_EvalFrameDefault                       -      -
    14.12%  [.] gc_collect_main                                -      -
     3.50%  [k] clear_page_erms                                -      -
"""


def test_the_rows_that_were_asked_for() -> None:
    assert [line.split() for line in table(REPORT, 2).splitlines()[1:]] == [
        ["16.86%", "_PyEval_EvalFrameDefault"],
        ["14.12%", "gc_collect_main"],
    ]


def test_the_kernels_functions_are_marked() -> None:
    assert table(REPORT, 9).splitlines()[-1].split() == ["3.50%", "clear_page_erms", "(kernel)"]
