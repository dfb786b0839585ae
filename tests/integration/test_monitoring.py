"""A real Prometheus watches proxies under load: panels have data, and each fault's alert fires and clears.

The rules are those of the project with each duration a sixtieth of what it is (`shortened_rules`), so that it
takes about a minute. All faults are there at the same time, each at a proxy of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import promql_parser
import pytest

from monitoring.queries import Asked, in_legend, of_dashboards, of_rules, selectors_of
from monitoring.rules import ALERTS
from tests.integration.conftest import Logged, StartProxy
from tests.integration.shortened_rules import shortened
from tests.integration.watched_faults import FAULTS, Scene, scene
from tests.nodes import CassandraNode
from tests.nodes.certificates import Authority
from tests.nodes.prometheus import Active

SETTLES_WITHIN = 30.0
FIRES_WITHIN = 40.0
CLEARS_WITHIN = 75.0
WINDOW = "10s"


@dataclass(frozen=True)
class Story:
    """What was seen."""

    fired: dict[str, float]
    alerts: dict[str, Active]
    cleared: dict[str, float]
    panels: dict[Asked, list[dict[str, str]]]
    selected: dict[str, int]


@pytest.fixture(scope="module")
def seen(
    start_module_proxy: StartProxy,
    shadow: CassandraNode,
    authority: Authority,
    logged: list[Logged],
    root: Path,
) -> Iterator[Scene]:
    """All that is watched, and Prometheus."""
    tls = {"ca_file": str(authority.file), "check_hostname": False}
    with scene(start_module_proxy, tls, shadow, root) as all_of_it:
        logged.append(all_of_it.prometheus)
        yield all_of_it
        logged.remove(all_of_it.prometheus)


@pytest.fixture(scope="module")
def story(seen: Scene) -> Story:
    """Had once: well, then with all faults, then well again."""
    expected = {fault.alert for fault in FAULTS.values()}
    seen.prometheus.wait_until(
        lambda: not any(alert.name in expected for alert in seen.prometheus.alerts()),
        SETTLES_WITHIN,
        what="a state in which none of the alerts fires that are to come",
    )
    for of in seen.watched.values():
        of.begins(seen.shadow)
    alerts: dict[str, Active] = {}

    def fires(name: str) -> bool:
        alert = seen.firing(name)
        if alert is not None:
            alerts[name] = alert
        return alert is not None

    fired = seen.waited(list(FAULTS), fires, FIRES_WITHIN)
    panels = {asked: seen.prometheus.query(asked.expr) for asked in of_dashboards(range_=WINDOW)}
    parsed = (promql_parser.parse(asked.expr) for asked in of_rules())
    selectors = {f"{part.name}{part.matchers}" for expr in parsed for part in selectors_of(expr)}
    selected = {selector: len(seen.prometheus.query(selector)) for selector in sorted(selectors)}
    for of in seen.watched.values():
        of.ends(seen.shadow)
    cleared = seen.waited(list(fired), lambda name: seen.firing(name) is None, CLEARS_WITHIN)
    print(f"fired after {fired}, cleared after {cleared} s")
    return Story(fired, alerts, cleared, panels, selected)


each_fault = pytest.mark.parametrize("name", FAULTS)


def test_the_rules_are_the_same_but_for_their_pace() -> None:
    duration = re.compile(r"(?:(?<=\[)|(?<=for: )|(?<=offset ))\d+(?:ms|s|m|h)\b")
    of_the_project = ALERTS.read_text()
    of_the_test = shortened(of_the_project)
    assert duration.sub("", of_the_test) == duration.sub("", of_the_project)
    for long, short in zip(duration.findall(of_the_project), duration.findall(of_the_test), strict=True):
        shorter = promql_parser.parse_duration(long) / promql_parser.parse_duration(short)
        assert shorter == pytest.approx(60, rel=0.05)


@each_fault
def test_a_fault_is_told_of(name: str, story: Story) -> None:
    assert name in story.fired, story.fired
    alert = story.alerts[name]
    for text in alert.annotations.values():
        assert "<no value>" not in text
        assert "error expanding" not in text
    assert alert.labels["instance"] in alert.annotations["summary"] or name == "mismatches"
    assert alert.labels["severity"] == "warning"


@each_fault
def test_the_alert_clears_when_the_fault_is_mended(name: str, story: Story) -> None:
    assert name in story.cleared, story.cleared


@pytest.mark.parametrize("asked", list(of_dashboards(range_=WINDOW)), ids=lambda asked: asked.where)
def test_every_panel_has_data(asked: Asked, story: Story) -> None:
    series = story.panels[asked]
    assert series, asked.expr
    assert all(in_legend(asked.legend) <= labels.keys() for labels in series)


def test_every_rule_looks_at_what_is_there(story: Story) -> None:
    absent = {selector for selector, series in story.selected.items() if not series}
    assert absent == set()


def test_a_killed_proxy_is_told_of(seen: Scene, story: Story) -> None:
    """Until it is back, and then that its last run was killed."""
    assert story.fired, "after the faults"
    name = "away"
    proxy = seen.watched[name].proxy

    def told(alert: str, *, fires: bool = True) -> None:
        seen.prometheus.wait_until(
            lambda: (seen.firing(name, alert) is not None) == fires, FIRES_WITHIN, what=f"{alert}: {fires}"
        )

    proxy.kill()
    told("CqlproxyDown")
    proxy.start()
    told("CqlproxyDown", fires=False)
    told("CqlproxyKilled")
