"""Panels as all dashboards have them: what a query is, and the few ways in which its answer is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from grafana_foundation_sdk.builders import common as options
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

DATA_SOURCE: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")
OF_CHOSEN: Final = 'job=~"$job", instance=~"$instance"'
"""The proxies that are chosen at the top of a dashboard, as matchers."""

GOOD, WORRYING, BAD, NEUTRAL = "green", "orange", "red", "blue"


class Query(NamedTuple):
    """PromQL, and what its series are called; ``{{label}}`` stands for a label's value."""

    expr: str
    legend: str


def chosen(metric: str, *matchers: str) -> str:
    """The series of a metric that the chosen proxies have."""
    return f"{metric}{{{', '.join((OF_CHOSEN, *matchers))}}}"


def equal(label: str, value: str) -> str:
    """A matcher."""
    return f'{label}="{value}"'


def per_second(metric: str, *matchers: str, by: str = "instance") -> str:
    """How fast a counter rises, added up by labels."""
    return f"sum by ({by}) (rate({chosen(metric, *matchers)}[$__rate_interval]))"


def within(metric: str, *matchers: str, by: str = "instance", range_: str = "$__range") -> str:
    """How much a counter has risen, those that are born with more than 0 included, added up by labels."""
    series = chosen(metric, *matchers)
    return (
        f"sum by ({by}) (increase({series}[{range_}]) > 0"
        f" or ({series} unless {series} offset {range_}) or {series} * 0)"
    )


def quantile(share: float, histogram: str, *matchers: str, by: str = "instance") -> str:
    """What a share (0..1) of a histogram's observations do not exceed."""
    return f"histogram_quantile({share}, {per_second(f'{histogram}_bucket', *matchers, by=f'{by}, le')})"


def of_all(function: str, metric: str, *matchers: str, by: str = "instance") -> str:
    """``sum``, ``max`` and the like of a gauge, by labels."""
    return f"{function} by ({by}) ({chosen(metric, *matchers)})"


def lines(
    title: str,
    description: str,
    *queries: Query,
    unit: str = "short",
    width: int = 8,
    stacked: bool = False,
    highest: float | None = None,
) -> timeseries.Panel:
    """Lines over time, from 0."""
    legend = options.VizLegendOptions().show_legend(True).placement(LegendPlacement.BOTTOM)
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(DATA_SOURCE)
        .unit(unit)
        .min(0)
        .span(width)
        .height(8)
        .line_width(1)
        .fill_opacity(40 if stacked else 8)
        .show_points(VisibilityMode.NEVER)
        .tooltip(options.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
        .legend(legend.display_mode(LegendDisplayMode.LIST).calcs(["lastNotNull", "max"]))
    )
    if stacked:
        panel.stacking(options.StackingConfig().mode(StackingMode.NORMAL))
    if highest is not None:
        panel.max(highest)
    for number, query in enumerate(queries):
        panel.with_target(_target(query, number))
    return panel


def figure(
    title: str,
    description: str,
    query: Query,
    *,
    unit: str = "short",
    width: int = 4,
    steps: Mapping[float, str] | None = None,
    now: bool = False,
) -> stat.Panel:
    """One number in large letters, green up to the first of `steps` (from which value on, which colour).

    Behind it is its course, unless only its value of `now` is asked for.
    """
    target = _target(query)
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(DATA_SOURCE)
        .unit(unit)
        .span(width)
        .height(4)
        .color_mode(BigValueColorMode.BACKGROUND_SOLID if steps else BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.NONE if now else BigValueGraphMode.AREA)
        .text_mode(BigValueTextMode.VALUE)
        .no_value("0")
        .reduce_options(options.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(_thresholds(GOOD if steps else NEUTRAL, steps or {}))
        .with_target(target.instant() if now else target)
    )


def states(
    title: str,
    description: str,
    query: Query,
    names: Mapping[int, tuple[str, str]],
    *,
    width: int = 12,
) -> statetimeline.Panel:
    """A band for each series, whose values have names and colours."""
    mapped = {
        str(value): ValueMappingResult(text=name, color=colour) for value, (name, colour) in names.items()
    }
    return (
        statetimeline.Panel()
        .title(title)
        .description(description)
        .datasource(DATA_SOURCE)
        .unit("none")
        .span(width)
        .height(6)
        .mappings([ValueMap(mapped)])
        .color_scheme(build.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .thresholds(_thresholds(NEUTRAL, {}))
        .legend(options.VizLegendOptions().show_legend(False))
        .tooltip(options.VizTooltipOptions().mode(TooltipDisplayMode.SINGLE))
        .with_target(_target(query))
    )


def rows(title: str, description: str, query: Query, *, unit: str = "short", width: int = 12) -> table.Panel:
    """A row for each series, with its labels in columns."""
    return (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(DATA_SOURCE)
        .unit(unit)
        .span(width)
        .height(8)
        .no_value("none")
        .override_by_name("Time", [DynamicConfigValue(id_val="custom.hidden", value=True)])
        .with_target(_target(query).format(PromQueryFormat.TABLE).instant())
    )


def _target(query: Query, number: int = 0) -> prometheus.Dataquery:
    return (
        prometheus.Dataquery()
        .expr(query.expr)
        .legend_format(query.legend)
        .ref_id(chr(ord("A") + number))
        .range()
        .datasource(DATA_SOURCE)
    )


def _thresholds(base: str, steps: Mapping[float, str]) -> build.ThresholdsConfig:
    above = [Threshold(value=value, color=colour) for value, colour in steps.items()]
    return build.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps([Threshold(color=base), *above])
