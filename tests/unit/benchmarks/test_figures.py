"""Figures and their bounds, shown as a table and as JSON."""

import json

import pytest

from benchmarks.figures import Figure, figures_json, figures_table


@pytest.mark.parametrize(
    ("figure", "holds"),
    [
        (Figure("f", 10, at_least=10), True),
        (Figure("f", 9.99, at_least=10), False),
        (Figure("f", 1.1, at_most=1.1), True),
        (Figure("f", 1.101, at_most=1.1), False),
        (Figure("f", 3, at_least=2, at_most=4), True),
        (Figure("f", 5, at_least=2, at_most=4), False),
        (Figure("f", 5), True),
    ],
)
def test_bounds(figure: Figure, holds: bool) -> None:
    assert figure.holds is holds


_FIGURES = [
    Figure("writes", 31234.5, "/s", at_least=30_000, remark="each: 1, 2"),
    Figure("memory", 250.25, "MiB", at_most=200),
    Figure("p99", 2.5, "ms"),
]


def test_table() -> None:
    assert figures_table(_FIGURES).splitlines() == [
        "          reached  must be",
        "writes  31,234 /s  >= 30,000 /s  ok  each: 1, 2",
        "memory  250.2 MiB  <= 200 MiB    NO",
        "p99        2.5 ms",
    ]


@pytest.mark.parametrize(
    ("figure", "reached"),
    [
        (Figure("f", 4.9, at_most=8, hope=5), "yes"),
        (Figure("f", 5.1, at_most=8, hope=5), "no"),
        (Figure("f", 10, at_least=5, hope=10), "yes"),
        (Figure("f", 9, at_least=5, hope=10), "no"),
    ],
)
def test_what_is_hoped_for_is_told_apart_from_what_must_be(figure: Figure, reached: str) -> None:
    assert figure.holds
    assert figure.as_hoped is (reached == "yes")
    assert figures_table([figure]).split()[-1] == reached


def test_no_figures() -> None:
    assert figures_table([]).split() == ["reached"]


def test_json() -> None:
    said = json.loads(figures_json(_FIGURES, "a machine"))
    assert said["machine"] == "a machine"
    assert [figure["holds"] for figure in said["figures"]] == [True, False, True]
    assert said["figures"][1] == {
        "name": "memory",
        "value": 250.25,
        "unit": "MiB",
        "at_least": None,
        "at_most": 200,
        "hope": None,
        "remark": "",
        "holds": False,
    }
