"""The queries of dashboards and alerts, and what they name: for the tests that hold them against /metrics."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import promql_parser

from monitoring.dashboards import PLACE
from monitoring.rules import alerts

OF_TARGETS: Final = frozenset({"job", "instance", "namespace"})
"""Labels that Prometheus puts on whatever it scrapes, the last one in Kubernetes."""
OF_PROMETHEUS: Final = {
    "up": OF_TARGETS,
    "ALERTS": OF_TARGETS | {"alertname", "alertstate", "severity"},
}
"""Metrics that Prometheus makes itself, with their labels."""

_RANGES: Final = ("$__rate_interval", "$__range")
_VARIABLE: Final = re.compile(r"\$(\w+)")


class Asked(NamedTuple):
    """A query, and where it stands."""

    where: str
    expr: str
    legend: str = ""


def of_dashboards(*, range_: str) -> Iterator[Asked]:
    """Every query of every panel, with everything chosen, and with `range_` (``1m``) as its window."""
    for path in sorted(PLACE.glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", ()):
                where = f"{path.stem}: {panel['title']} {target['refId']}"
                yield Asked(where, _chosen(target["expr"], range_), target.get("legendFormat", ""))


def of_rules() -> Iterator[Asked]:
    """The expression of every alert."""
    for alert in alerts():
        yield Asked(f"{alert.name} ({alert.severity})", alert.expr)


def named(expr: str) -> dict[str, set[str]]:
    """By metric, the labels that a query expects of it. Raises `ValueError` when it is no PromQL."""
    found: dict[str, set[str]] = {}

    def note(part: promql_parser.Expr) -> None:
        labels = _grouped_by(part)
        for selector in selectors_of(part) if labels else ():
            found[str(selector.name)] |= labels

    parsed = promql_parser.parse(expr)
    for selector in selectors_of(parsed):
        labels = {matcher.name for matcher in selector.matchers.matchers}
        found.setdefault(str(selector.name), set()).update(labels)
    promql_parser.walk(parsed, note)
    return found


def selectors_of(part: promql_parser.Expr) -> list[promql_parser.VectorSelector]:
    """Whatever chooses series in an expression."""
    found: list[promql_parser.VectorSelector] = []

    def note(inner: promql_parser.Expr) -> None:
        if isinstance(inner, promql_parser.VectorSelector):
            found.append(inner)

    promql_parser.walk(part, note)
    return found


def _grouped_by(part: promql_parser.Expr) -> set[str]:
    """The labels of a ``by``, ``without``, ``on`` or ``ignoring``."""
    if isinstance(part, promql_parser.AggregateExpr) and part.modifier is not None:
        return set(part.modifier.labels)
    if isinstance(part, promql_parser.BinaryExpr) and part.modifier is not None and part.modifier.matching:
        return set(part.modifier.matching.labels)
    return set()


def in_legend(legend: str) -> set[str]:
    """The labels that a legend shows."""
    return set(re.findall(r"\{\{(\w+)\}\}", legend))


def _chosen(expr: str, range_: str) -> str:
    for variable in _RANGES:
        expr = expr.replace(variable, range_)
    return _VARIABLE.sub(".+", expr)
