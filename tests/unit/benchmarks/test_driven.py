"""What latte reports is read; a report that is not as expected is no figure."""

import json
from pathlib import Path

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.parts.driven import HOW_TO_INSTALL, SCRIPT, Said, drive, read_report
from benchmarks.workload import workload

_REPORT = {
    "conf": {},
    "percentiles": [0.0, 50.0, 99.0, 99.9],
    "result": {
        "request_count": 1200,
        "error_count": 1,
        "req_throughput": {"n": 5, "value": 240.5, "std_err": None},
        "request_latency": {"percentiles": [{"value": value} for value in (0.1, 1.5, 9.0, 12.0)]},
    },
}


def test_a_report_is_read() -> None:
    assert read_report(json.dumps(_REPORT)) == Said(1200, 240.5, 1.5, 9.0, 1)


@pytest.mark.parametrize(
    "changed",
    [
        "no json",
        json.dumps([]),
        json.dumps(_REPORT | {"percentiles": [0.0, 50.0, 99.0]}),
        json.dumps(_REPORT | {"percentiles": [0.0, 50.0, 98.0, 99.9]}),
        json.dumps(_REPORT | {"result": {"request_count": 1200, "request_latency": None}}),
    ],
)
def test_another_report_is_refused(changed: str) -> None:
    with pytest.raises(BenchmarkError, match="cannot be read"):
        read_report(changed)


def test_the_script_writes_what_the_workload_writes() -> None:
    (statement,) = workload("insert").statements
    assert statement in SCRIPT


def _latte(place: Path, lines: str) -> Path:
    program = place / "latte"
    program.write_text(f"#!/bin/sh\n{lines}\n")
    program.chmod(0o755)
    return program


def test_it_is_told_whom_to_ask_and_where_to_report(tmp_path: Path) -> None:
    (tmp_path / "report").write_text(json.dumps(_REPORT))
    program = _latte(
        tmp_path,
        f'echo "$@" > {tmp_path}/said\n'
        f'while [ "$1" != --output ]; do shift; done; cp {tmp_path}/report "$2"; test -s "$3"',
    )
    assert drive(program, "127.0.0.9", 9042).requests == 1200
    words = (tmp_path / "said").read_text().split()
    assert (words[0], words[-1]) == ("run", "127.0.0.9:9042")


def test_one_that_fails_is_told_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="ended with 3 and said:\nno such host"):
        drive(_latte(tmp_path, "echo no such host >&2; exit 3"), "127.0.0.9", 9042)
    with pytest.raises(BenchmarkError, match="could not be run"):
        drive(tmp_path / "missing", "127.0.0.9", 9042)
    assert "cargo install latte-cli" in HOW_TO_INSTALL
