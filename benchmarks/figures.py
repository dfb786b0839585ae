"""Figures that a run must reach, shown beside what it reached. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. At least one of the bounds is given, or it is for information."""

    name: str
    value: float
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None
    hope: float | None = None
    """A bound of the same kind that would be better still."""
    remark: str = ""
    """What a reader should know to judge it, such as its spread."""

    @property
    def holds(self) -> bool:
        """Whether it is within its bounds."""
        return (self.at_least is None or self.value >= self.at_least) and (
            self.at_most is None or self.value <= self.at_most
        )

    @property
    def as_hoped(self) -> bool:
        """Whether it reaches what is hoped for, too; as `holds` when there is no such hope."""
        if self.hope is None:
            return self.holds
        return self.value >= self.hope if self.at_least is not None else self.value <= self.hope


_HEADINGS = ("", "reached", "must be", "", "hoped for", "", "")


def figure_rows(figures: Sequence[Figure]) -> list[tuple[str, ...]]:
    """For each: name, value, bound, whether it holds, what is hoped for, whether it is reached, remark."""
    return [
        (
            figure.name,
            _shown(figure.value, figure.unit),
            _bound(figure),
            "" if figure.at_least is None and figure.at_most is None else "ok" if figure.holds else "NO",
            "" if figure.hope is None else _shown(figure.hope, figure.unit),
            "" if figure.hope is None else "yes" if figure.as_hoped else "no",
            figure.remark,
        )
        for figure in figures
    ]


def figures_table(figures: Sequence[Figure]) -> str:
    """The `figure_rows` under headings, columns aligned; a column that says nothing is left out."""
    rows = figure_rows(figures)
    columns = [
        (heading, *cells)
        for heading, *cells in zip(_HEADINGS, *rows, strict=True)
        if any(cells) or heading == "reached"
    ]
    widths = [max(map(len, column)) for column in columns]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if at == 1 else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()
        for cells in zip(*columns, strict=True)
    )


def figures_json(figures: Sequence[Figure], machine: str) -> str:
    """The same in one line of JSON."""
    return json.dumps({"machine": machine, "figures": [asdict(f) | {"holds": f.holds} for f in figures]})


def _bound(figure: Figure) -> str:
    parts = []
    if figure.at_least is not None:
        parts.append(f">= {_shown(figure.at_least, figure.unit)}")
    if figure.at_most is not None:
        parts.append(f"<= {_shown(figure.at_most, figure.unit)}")
    return ", ".join(parts)


def _shown(value: float, unit: str) -> str:
    number = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{number} {unit}".rstrip()
