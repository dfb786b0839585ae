"""A run is kept as a page of Markdown and as JSON, from which it can be told what holds."""

import json

from benchmarks.figures import Figure
from benchmarks.page import markdown_table, page
from benchmarks.results import Results, results_json
from tests.unit.benchmarks.test_report import GOOD


def _results() -> Results:
    results = Results("a machine", "2026-11-21", "python -m benchmarks")
    results.add("closed loop", "insert", {"haproxy": [GOOD], "cqlproxy": [GOOD, GOOD]})
    results.figures = [Figure("CPU / HAProxy", 5.2, at_most=8, hope=5, remark="quartiles 5 and 5.4")]
    return results


def test_samples_are_found_again() -> None:
    results = _results()
    assert results.of("closed loop", "insert", GOOD.name) == [GOOD] * 3
    assert results.of("closed loop", "select", GOOD.name) == []
    assert results.of("growth", "insert", "else") == []


def test_what_went_wrong_is_no_success_whatever_the_figures() -> None:
    good, failed, short = _results(), _results(), _results()
    failed.wrong.append("zdm was not measured")
    short.figures.append(Figure("memory", 200, at_most=150))
    assert [results.hold for results in (good, failed, short)] == [True, False, False]


def test_json() -> None:
    said = json.loads(results_json(_results()))
    assert said["command"] == "python -m benchmarks"
    assert said["samples"]["closed loop"]["insert"][0]["cpu_per_request"] == GOOD.cpu_per_request
    assert said["figures"][0]["holds"] is True


def test_the_page() -> None:
    results = _results()
    results.wrong.append("zdm was not measured:\n  its log")
    said = page(results, ["cost.svg"], "results")
    assert "| CPU / HAProxy | 5.2 | <= 8 | ok | 5 | no | quartiles 5 and 5.4 |" in said
    assert "- command: `python -m benchmarks`" in said
    assert "- zdm was not measured: its log\n" in said
    assert "](results/cost.svg)" in said
    assert "### closed loop: insert\n\n```\n" in said


def test_a_cell_does_not_end_early() -> None:
    assert markdown_table(["a", "b"], [["1|2", "3"]]).splitlines() == [
        "| a | b |",
        "| --- | --- |",
        "| 1\\|2 | 3 |",
    ]
