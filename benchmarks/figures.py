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
    remark: str = ""
    """What a reader should know to judge it, such as its spread."""

    @property
    def holds(self) -> bool:
        """Whether it is within its bounds."""
        return (self.at_least is None or self.value >= self.at_least) and (
            self.at_most is None or self.value <= self.at_most
        )


def figures_table(figures: Sequence[Figure]) -> str:
    """A line for each: name, value, bound, whether it holds, remark; columns aligned."""
    rows = [("", "reached", "asked for", "", "")]
    for figure in figures:
        rows.append(
            (
                figure.name,
                _shown(figure.value, figure.unit),
                _bound(figure),
                "" if figure.at_least is None and figure.at_most is None else "ok" if figure.holds else "NO",
                figure.remark,
            )
        )
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if at == 1 else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
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
