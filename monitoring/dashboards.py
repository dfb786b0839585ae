"""The dashboards as a whole: their names, their variables, and the files that they are written to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    Panel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from monitoring import copies, overview, proxies
from monitoring.panels import DATA_SOURCE

PLACE: Final = Path(__file__).parent / "grafana" / "dashboards"


class _Page(NamedTuple):
    uid: str
    title: str
    description: str
    sections: Sequence[tuple[str, Iterable[Builder[Panel]]]]
    of_clusters: bool = False
    """Whether one chooses between the clusters as well."""


def _pages() -> list[_Page]:
    return [
        _Page(
            "cqlproxy-overview",
            "cqlproxy: migration",
            "For the wall during a migration: who answers, whether the copies arrive, whether"
            " the clusters agree.",
            overview.sections(),
        ),
        _Page(
            "cqlproxy-copies",
            "cqlproxy: copies and journal",
            "The way of a copy: queue, attempts, journal, dead letters, rules, and reads compared.",
            copies.sections(),
            of_clusters=True,
        ),
        _Page(
            "cqlproxy-proxies",
            "cqlproxy: clients, nodes, process",
            "Each proxy: its clients, the nodes that it reaches, its process and its files.",
            proxies.sections(),
            of_clusters=True,
        ),
    ]


def written() -> dict[Path, str]:
    """The content of each file, by its path."""
    return {
        PLACE / f"{page.uid}.json": json.dumps(_built(page), cls=JSONEncoder, indent=1, sort_keys=True) + "\n"
        for page in _pages()
    }


def _built(page: _Page) -> object:
    board = (
        build.Dashboard(page.title)
        .uid(page.uid)
        .description(page.description)
        .tags(["cqlproxy"])
        .editable()
        .timezone("browser")
        .time("now-1h", "now")
        .refresh("15s")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(
            build.DashboardLink("cqlproxy")
            .type(DashboardLinkType.DASHBOARDS)
            .tags(["cqlproxy"])
            .include_vars(True)
            .keep_time(True)
        )
        .annotation(
            build.AnnotationQuery()
            .name("Alerts")
            .datasource(DATA_SOURCE)
            .enable(True)
            .icon_color("red")
            .expr(overview.FIRING)
        )
        .with_variable(build.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(_label("job", "Job", "proxy_build_info"))
        .with_variable(_label("instance", "Proxy", 'proxy_build_info{job=~"$job"}'))
    )
    if page.of_clusters:
        board.with_variable(_label("cluster", "Cluster", 'proxy_cluster_up{job=~"$job"}'))
    for title, panels in page.sections:
        board.with_row(build.Row(title))
        for panel in panels:
            board.with_panel(panel)
    built = board.build()
    for number, shown in enumerate(built.panels or [], start=1):
        shown.id_val = number
    return built


def _label(name: str, label: str, series: str) -> build.QueryVariable:
    # All of them is their list, and no pattern: other programs have process_* metrics, too.
    return (
        build.QueryVariable(name)
        .label(label)
        .datasource(DATA_SOURCE)
        .query(f"label_values({series}, {name})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
    )
