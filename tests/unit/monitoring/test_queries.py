"""Whatever dashboards and alerts name is there in /metrics: metrics, and their labels."""

from __future__ import annotations

import pytest

from cqlproxy.exposition.families import FAMILIES
from cqlproxy.exposition.family import Kind
from monitoring.queries import OF_PROMETHEUS, OF_TARGETS, Asked, in_legend, named, of_dashboards, of_rules

QUERIES = [*of_dashboards(range_="1m"), *of_rules()]


def known() -> dict[str, frozenset[str]]:
    """All metrics that there are, with their labels."""
    found = dict(OF_PROMETHEUS)
    for family in FAMILIES:
        labels = OF_TARGETS | set(family.labels)
        if family.kind is Kind.HISTOGRAM:
            found[f"{family.name}_bucket"] = labels | {"le"}
            found[f"{family.name}_count"] = found[f"{family.name}_sum"] = labels
        else:
            found[family.name] = labels
    return found


KNOWN = known()


@pytest.mark.parametrize("asked", QUERIES, ids=[asked.where for asked in QUERIES])
def test_a_query_names_what_is_there(asked: Asked) -> None:
    for metric, labels in named(asked.expr).items():
        assert metric in KNOWN
        assert labels <= KNOWN[metric], metric


@pytest.mark.parametrize("asked", QUERIES, ids=[asked.where for asked in QUERIES])
def test_a_legend_names_what_is_there(asked: Asked) -> None:
    labels = set().union(*(KNOWN[metric] for metric in named(asked.expr)))
    made_by_the_query = {"section", "what"} if "label_replace" in asked.expr else set()
    assert in_legend(asked.legend) <= labels | made_by_the_query


def test_every_metric_is_of_use() -> None:
    """On a dashboard, or in an alert."""
    asked_for = {metric for asked in QUERIES for metric in named(asked.expr)}
    unused = [
        family.name
        for family in FAMILIES
        if family.name not in asked_for and f"{family.name}_bucket" not in asked_for
    ]
    assert unused == []


@pytest.mark.parametrize(
    ("query", "metrics"),
    [
        ("sum by (colour) (rate(up[1m]))", {"up": {"colour"}}),
        ('up{colour="red"} offset 5m', {"up": {"colour"}}),
        ("a * on (x) group_left () sum without (y) (b)", {"a": {"x"}, "b": {"x", "y"}}),
        ("max(a) > 1 unless c", {"a": set(), "c": set()}),
    ],
)
def test_a_name_is_found_wherever_it_stands(query: str, metrics: dict[str, set[str]]) -> None:
    assert named(query) == metrics


def test_what_is_no_promql_is_refused() -> None:
    with pytest.raises(ValueError, match="unclosed left parenthesis"):
        named("sum by (rate(up[1m])")
