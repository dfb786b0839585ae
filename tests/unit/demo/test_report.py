"""The demo's verdict: right only when both clusters hold what they must, and never silent about the rest."""

from typing import cast

import pytest

from demo.report import Comparison, Rules, TableOutcome, outcome_table, problems

RULES = Rules(tables=frozenset({"migration"}), tenants={"id-b": "B"})
STATS = {"failed_writes": 0, "failed_copies": 0, "dropped_writes": 0, "filtered_writes": 3}


def outcome(name: str, *, expected_rows: int = 5, **changes: object) -> TableOutcome:
    found = {
        "primary": 5,
        "shadow": 3,
        "missing": {"id-b": 2},
        "unexpected": 0,
        "different": 0,
        "differences": [],
        "write_times": 3,
    }
    return TableOutcome(name, 9, expected_rows, cast(Comparison, found | changes))


ORDERS = outcome("shop.orders")
MIGRATIONS = outcome("a.migration", shadow=0, missing={"": 5}, write_times=0)


def test_nothing_is_wrong_when_only_what_the_rules_name_is_missing() -> None:
    assert problems([ORDERS, MIGRATIONS], RULES, STATS) == []


@pytest.mark.parametrize(
    ("outcomes", "problem"),
    [
        ([outcome("shop.orders", expected_rows=6)], "shop.orders: 5 rows on the primary; 6 were written"),
        ([outcome("shop.orders", unexpected=1)], "shop.orders: 1 rows are on the shadow only"),
        (
            [outcome("shop.orders", different=1, differences=["(1,): v: 2 and 3"])],
            "shop.orders: 1 rows differ, such as (1,): v: 2 and 3",
        ),
        (
            [outcome("shop.orders", missing={"id-b": 2, "id-a": 4})],
            "shop.orders: 4 rows that no rule holds back are missing on the shadow",
        ),
        ([outcome("shop.orders", shadow=0)], "shop.orders: nothing was copied to the shadow"),
        (
            [ORDERS, outcome("a.migration", shadow=1)],
            "a.migration: 1 rows are on the shadow; the table is to be held back",
        ),
        ([outcome("shop.orders", missing={})], "tenant B: none of its rows was held back"),
    ],
)
def test_what_is_wrong_with_the_rows_is_said(outcomes: list[TableOutcome], problem: str) -> None:
    assert problems(outcomes, RULES, STATS) == [problem]


@pytest.mark.parametrize("counter", ["failed_writes", "failed_copies", "dropped_writes"])
def test_a_counter_that_must_be_zero_and_is_not_is_said(counter: str) -> None:
    assert problems([ORDERS], RULES, STATS | {counter: 1}) == [
        f"/stats counts 1 {counter} where there must be none"
    ]


def test_a_proxy_that_counts_nothing_held_back_is_wrong() -> None:
    assert problems([ORDERS], RULES, STATS | {"filtered_writes": 0}) == ["/stats counts no filtered_writes"]


def test_the_table_is_aligned_and_says_why() -> None:
    assert outcome_table([ORDERS, MIGRATIONS], RULES).splitlines() == [
        "table        writes sent  rows on primary  rows on shadow  held back  why",
        "-----------  -----------  ---------------  --------------  ---------  ----------------------------",
        "shop.orders            9                5               3          2  tenant_blacklist: B",
        "a.migration            9                5               0          5  table_blacklist: *.migration",
    ]
