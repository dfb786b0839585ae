"""The results of a run as pictures: what a request costs, what latency it has, and how the cost grows.

matplotlib is needed here and nowhere else, and only when a picture is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.arena import DIRECT
from benchmarks.contestants import haproxy, ours
from benchmarks.parts import closed_loop, growth, rates
from benchmarks.report import Sample
from benchmarks.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = {DIRECT: "#9aa0a6", haproxy.NAME: "#4c78a8", ours.OURS: "#e4572e"}
_OTHER = ("#72b043", "#b07aa1")
_KINDS = {
    "insert": "INSERT,\nto both",
    "select": "SELECT",
    "text": "text INSERT,\nto both",
    "batch": "batch of ten,\nto both",
}

_Figure = Callable[[Sample], float]


def draw(results: Results, place: Path) -> list[str]:
    """Write a picture for each of the parts that were measured; the names of the files in `place`."""
    import matplotlib

    matplotlib.use("svg")
    # The same figures give the same file.
    matplotlib.rcParams.update(
        {"svg.hashsalt": "cqlproxy", "font.size": 10, "axes.spines.top": False, "axes.spines.right": False}
    )
    place.mkdir(parents=True, exist_ok=True)
    drawn = []
    pictures = {"cost": _cost, "latency": _latency, "variants": _variants, "growth": _growth}
    for name, picture in pictures.items():
        figure = picture(results)
        if figure is not None:
            file = f"{name}.svg"
            figure.savefig(place / file, metadata={"Date": None}, bbox_inches="tight")
            drawn.append(file)
    return drawn


def _figure(rows: int, columns: int, width: float, height: float) -> tuple[Figure, Sequence[Axes]]:
    from matplotlib.figure import Figure as New

    figure: Figure = New(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    return figure, list(axes.flat)


def _cost(results: Results) -> Figure | None:
    cases = [kind for kind in _KINDS if results.samples.get(closed_loop.NAME, {}).get(kind)]
    if not cases:
        return None
    figure, (cpu, speed) = _figure(1, 2, 11, 4)
    names = [name for name in _names(results, closed_loop.NAME) if name != DIRECT]
    _bars(cpu, results, closed_loop.NAME, cases, names, lambda taken: taken.cpu_per_request * 1e6)
    _bars(speed, results, closed_loop.NAME, cases, names, lambda taken: taken.requests_per_second)
    cpu.set_title("CPU of the proxy per request, us (less is better)")
    speed.set_title("requests/s (more is better)")
    for axes in (cpu, speed):
        axes.set_xticks(range(len(cases)), [_KINDS[case] for case in cases])
    cpu.legend(frameon=False)
    return figure


def _latency(results: Results) -> Figure | None:
    cases = list(results.samples.get(rates.FIXED, {}))
    if not cases:
        return None
    figure, panels = _figure(1, len(cases), 5.5 * len(cases), 3.6)
    for axes, case in zip(panels, cases, strict=True):
        names = _names(results, rates.FIXED)
        for number, name in enumerate(names):
            samples = results.of(rates.FIXED, case, name)
            if not samples:
                continue
            at = [place + (number - (len(names) - 1) / 2) * 0.8 / len(names) for place in range(3)]
            in_seconds = [(taken.p50, taken.p99, taken.p999) for taken in samples]
            values = [[seconds * 1e3 for seconds in one] for one in zip(*in_seconds, strict=True)]
            _columns(axes, at, values, 0.8 / len(names), name)
        axes.set_xticks(range(3), ["p50", "p99", "p99.9"])
        _logarithmic(axes)
        axes.set_title(f"latency in ms, INSERTs at {case}")
    panels[0].legend(frameon=False)
    return figure


def _variants(results: Results) -> Figure | None:
    names = _names(results, closed_loop.VARIANTS)
    if not names:
        return None
    figure, (axes,) = _figure(1, 1, 8, 0.45 * len(names) + 1)
    for place, name in enumerate(reversed(names)):
        costs = [taken.cpu_per_request * 1e6 for taken in results.of(closed_loop.VARIANTS, "insert", name)]
        axes.barh(place, median(costs), color=_colour(name, 0), height=0.65)
        axes.hlines(place, min(costs), max(costs), color="#333333", linewidth=1)
        axes.text(max(costs), place, f"  {median(costs):.2f}", va="center", fontsize=9)
    axes.set_xlim(right=1.15 * axes.get_xlim()[1])
    axes.set_yticks(range(len(names)), [_shown(name) for name in reversed(names)])
    axes.set_title("CPU of the proxy per prepared INSERT, us")
    return figure


def _growth(results: Results) -> Figure | None:
    axes_drawn = [axis for axis in growth.AXES if results.samples.get(axis)]
    if not axes_drawn:
        return None
    rows = (len(axes_drawn) + 1) // 2
    figure, panels = _figure(rows, 2, 10, 3.3 * rows)
    for axes in panels[len(axes_drawn) :]:
        axes.set_visible(False)
    for axes, axis in zip(panels, axes_drawn, strict=False):
        sizes = [size for size in growth.AXES[axis][1] if results.of(axis, str(size), ours.OURS)]
        for name in _names(results, axis):
            costs = [
                [taken.cpu_per_request * 1e6 for taken in results.of(axis, str(size), name)] for size in sizes
            ]
            if not all(costs):
                continue
            colour = _colour(name, 0)
            axes.plot(sizes, [median(one) for one in costs], "o-", color=colour, label=_shown(name))
            spread = [min(one) for one in costs], [max(one) for one in costs]
            axes.fill_between(sizes, *spread, color=colour, alpha=0.15)
            if name == ours.OURS:
                line = [median(costs[0]) * size / sizes[0] for size in sizes]
                axes.plot(sizes, line, ":", color="#9aa0a6", label="linear growth")
                highest = max(map(max, costs))
        axes.set_xscale("log")
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axes.minorticks_off()
        _logarithmic(axes)
        axes.set_ylim(top=3 * highest)
        axes.set_xlabel(_AXES[axis])
        axes.set_title("CPU of the proxy per INSERT, us", fontsize=10)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    return figure


_AXES = {
    "payload": "bytes of payload",
    "columns": "columns",
    "tables": "tables written in turn",
    "statements": "prepared statements used in turn",
}


def _bars(
    axes: Axes, results: Results, part: str, cases: Sequence[str], names: Sequence[str], figure: _Figure
) -> None:
    width = 0.8 / len(names)
    for number, name in enumerate(names):
        found = [(at, samples) for at, case in enumerate(cases) if (samples := results.of(part, case, name))]
        places = [at + (number - (len(names) - 1) / 2) * width for at, _ in found]
        _columns(axes, places, [[figure(taken) for taken in samples] for _, samples in found], width, name)
    _logarithmic(axes)


def _logarithmic(axes: Axes) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.yaxis.set_minor_formatter("")


def _columns(
    axes: Axes, places: Sequence[float], values: Sequence[Sequence[float]], width: float, name: str
) -> None:
    """Medians as columns with their figures above, lowest and highest as a line."""
    colour = _colour(name, len(axes.containers))
    axes.bar(places, [median(one) for one in values], width * 0.92, color=colour, label=_shown(name))
    lowest, highest = [min(one) for one in values], [max(one) for one in values]
    axes.vlines(places, lowest, highest, color="#333333", linewidth=1)
    for place, one in zip(places, values, strict=True):
        axes.text(place, max(one), f"{_short(median(one))}", ha="center", va="bottom", fontsize=8)


def _short(value: float) -> str:
    return f"{value / 1000:.0f}k" if value >= 1000 else f"{value:.3g}"


def _names(results: Results, part: str) -> list[str]:
    """Who was measured in a part, in the order in which they came."""
    cases = results.samples.get(part, {}).values()
    return list(dict.fromkeys(taken.name for samples in cases for taken in samples))


def _shown(name: str) -> str:
    return {haproxy.NAME: "HAProxy (TCP relay)", ours.OURS: "cqlproxy", DIRECT: "no proxy"}.get(name, name)


def _colour(name: str, number: int) -> str:
    if name.startswith(ours.OURS):
        return _COLOURS[ours.OURS]
    return _COLOURS.get(name) or _OTHER[number % len(_OTHER)]
