"""The alert rules by Prometheus' own tool, and what each of them has to bring with it."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest
import yaml

from bootstrap.prometheus import programs
from monitoring.rules import ALERTS, PROMETHEUS, Alert, alerts

RULES = list(alerts())
CASES = sorted((PROMETHEUS / "tests").glob("*.yaml"))

each_rule = pytest.mark.parametrize("rule", RULES, ids=[f"{rule.name}-{rule.severity}" for rule in RULES])

# What may stand in an annotation: a label, or the value in a form for people.
ACTION = re.compile(r"\$labels\.(\w+)|\$value( \| humanize(Percentage|Duration)?)?")


def promtool(*arguments: str | Path) -> None:
    done = subprocess.run([programs().promtool, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@cache
def firing() -> dict[str, list[list[dict[str, str]]]]:
    """By alert, for each moment that a case looks at: the labels of what fires."""
    moments = defaultdict(list)
    for file in CASES:
        for case in yaml.safe_load(file.read_text())["tests"]:
            for look in case["promql_expr_test"]:
                found = [dict(re.findall(r'(\w+)="(.*?)"', s["labels"])) for s in look["exp_samples"]]
                moments[case["name"]].append(found)
    return moments


def test_the_rules_are_valid() -> None:
    promtool("check", "rules", "--lint-fatal", ALERTS)


def test_the_scrape_configuration_is_valid() -> None:
    promtool("check", "config", PROMETHEUS / "prometheus.yaml")


def test_the_rules_fire_when_they_should() -> None:
    promtool("test", "rules", *CASES)


@each_rule
def test_each_is_seen_to_fire_and_not_to(rule: Alert) -> None:
    moments = firing()[rule.name]
    fires = [any(labels["severity"] == rule.severity for labels in found) for found in moments]
    assert any(fires)
    assert not all(fires)


@each_rule
def test_each_says_what_it_means(rule: Alert) -> None:
    assert re.fullmatch(r"Cqlproxy([A-Z][a-z]+)+", rule.name)
    assert rule.severity in ("critical", "warning")
    assert set(rule.annotations) == {"summary", "description", "runbook_url"}
    assert rule.annotations["description"].count(". ") >= 1, "what happened is not all that is to be said"


@each_rule
def test_each_names_only_what_it_has(rule: Alert) -> None:
    """A label that the result does not have would leave a hole in the text."""
    seen = [labels for found in firing()[rule.name] for labels in found]
    of_this = [labels for labels in seen if labels["severity"] == rule.severity]
    for text in rule.annotations.values():
        for action in re.findall(r"\{\{(.*?)\}\}", text):
            known = ACTION.fullmatch(action.strip())
            assert known, action
            assert known[1] is None or all(known[1] in labels for labels in of_this), action
