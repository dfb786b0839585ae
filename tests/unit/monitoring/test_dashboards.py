"""The dashboards are those that the program makes, and each panel explains itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitoring.dashboards import PLACE, written

FILES = sorted(PLACE.glob("*.json"))
PROVISIONING = PLACE.parent / "provisioning"

each_file = pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])


def panels(file: Path) -> Iterator[dict[str, Any]]:
    for panel in json.loads(file.read_text())["panels"]:
        if panel["type"] != "row":
            yield panel


def test_the_files_are_those_that_the_program_makes() -> None:
    content = written()
    assert set(content) == set(FILES)
    old = [path.name for path, text in content.items() if path.read_text() != text]
    assert old == [], "run `make dashboards`"


@each_file
def test_each_panel_explains_itself(file: Path) -> None:
    titles = []
    for panel in panels(file):
        titles.append(panel["title"])
        assert len(panel["description"]) > 30, panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}", panel["title"]
        assert panel["targets"], panel["title"]
        for target in panel["targets"]:
            assert target["legendFormat"] or panel["type"] == "table", panel["title"]
    assert len(titles) == len(set(titles))


@each_file
def test_no_panel_lies_on_another(file: Path) -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in json.loads(file.read_text())["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        for place in (
            (x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
        ):
            assert place not in taken, f"{panel['title']} on {taken.get(place)}"
            taken[place] = panel["title"]


@each_file
def test_each_query_follows_the_choice_of_proxies(file: Path) -> None:
    """Several proxies, and several jobs, are told apart; alerts are shown of all of them."""
    for panel in panels(file):
        for target in panel["targets"]:
            selectors = target["expr"].count("{")
            of_chosen = target["expr"].count('{job=~"$job", instance=~"$instance"')
            of_alerts = target["expr"].count("ALERTS{")
            assert selectors == of_chosen + of_alerts, panel["title"]


def test_variables_offer_what_is_there() -> None:
    for file in FILES:
        board = json.loads(file.read_text())
        variables = {variable["name"]: variable for variable in board["templating"]["list"]}
        assert {"datasource", "job", "instance"} <= set(variables)
        used = {name for name in ("job", "instance", "cluster") if f"${name}" in json.dumps(board["panels"])}
        assert used == set(variables) - {"datasource"}


def test_grafana_finds_them() -> None:
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards" / "cqlproxy.yaml").read_text())["providers"]
    assert provider["type"] == "file"
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"
    (source,) = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yaml").read_text())["datasources"]
    assert source["type"] == "prometheus"
