"""The families as text, as Prometheus' text format or OpenMetrics 1.0.0 has it.

prometheus-client renders the same, but it makes an object of each figure: with a thousand tables it would
stand in the way of clients for tens of milliseconds. Here the labels of a row, which hardly ever change, are
written once, and between families whoever waits may go first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from itertools import accumulate
from time import perf_counter
from typing import Final

from cqlproxy.exposition.families import SECTIONS
from cqlproxy.exposition.family import Family, Histogram, Kind, Labels, Row
from cqlproxy.exposition.host import HOST_FAMILIES, host_rows
from cqlproxy.metrics import LATENCY_BOUNDS, Metrics

TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

SLICE_SECONDS: Final = 0.001
"""For about so long at a time the event loop renders and does nothing else."""

_SPARE_LABELS: Final = 1_000
"""How many more labels are remembered than there are rows, before they are written anew."""

_ESCAPED: Final = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_BOUNDS: Final = (*map(str, LATENCY_BOUNDS), "+Inf")


class Exposition:
    """The text of everything in ``metrics``. For the event loop."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._ours = [
            Shown(family) for _, families in SECTIONS if families is not HOST_FAMILIES for family in families
        ]
        self._hosts = list(map(Shown, HOST_FAMILIES))

    async def render(self, accept: str = "") -> tuple[bytes, str]:
        """The text as of now, and its media type: by ``accept``, the header of the request."""
        is_open = "application/openmetrics-text" in accept
        # Before ours, so that a scrape which finds a busy loop does not show what was long ago.
        of_host = await asyncio.to_thread(host_rows)
        parts = []
        began = perf_counter()
        for shown in self._ours:
            parts.append(shown.text(shown.family.rows(self._metrics), is_open=is_open))
            if perf_counter() - began > SLICE_SECONDS:
                await asyncio.sleep(0)
                began = perf_counter()
        for shown in self._hosts:
            parts.append(shown.text(of_host.get(shown.family.name, ()), is_open=is_open))
        if is_open:
            parts.append("# EOF\n")
        return "".join(parts).encode(), OPEN_METRICS if is_open else TEXT


class Shown:
    """One family, with the labels of its rows as they were written the last time."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self._heads = head(family, is_open=False), head(family, is_open=True)
        self._names: dict[Labels, str] = {}

    @property
    def remembered(self) -> int:
        """How many rows' labels are remembered."""
        return len(self._names)

    def text(self, rows: Iterable[Row], *, is_open: bool) -> str:
        """Its lines, with the head of the one format or the other."""
        # Its rows are looked at in one go: whoever counts is let in between families.
        lines = [self._heads[is_open]]
        names = self._names
        count = 0
        for labels, value in rows:
            count += 1
            if isinstance(value, Histogram):
                lines.extend(self._histogram(labels, value))
                continue
            name = names.get(labels)
            if name is None:
                name = names[labels] = _named(self.family.name, self.family.labels, labels)
            lines.append(f"{name}{value}\n")
        if len(names) > count + _SPARE_LABELS:
            names.clear()
        return "".join(lines)

    def _histogram(self, labels: Labels, histogram: Histogram) -> Iterator[str]:
        name, label_names = self.family.name, (*self.family.labels, "le")
        names = self._names
        total = 0
        for bound, total in zip(_BOUNDS, accumulate(histogram.counts), strict=True):
            key = (*labels, bound)
            line = names.get(key)
            if line is None:
                line = names[key] = _named(f"{name}_bucket", label_names, key)
            yield f"{line}{total}\n"
        yield f"{_named(f'{name}_sum', self.family.labels, labels)}{histogram.total}\n"
        yield f"{_named(f'{name}_count', self.family.labels, labels)}{total}\n"


def head(family: Family, *, is_open: bool) -> str:
    """What stands above the rows of a family. In OpenMetrics a counter's name is that without ``_total``."""
    name = family.name.removesuffix("_total") if is_open and family.kind is Kind.COUNTER else family.name
    return f"# HELP {name} {family.meaning}\n# TYPE {name} {family.kind}\n"


def _named(name: str, labels: tuple[str, ...], values: Labels) -> str:
    if not values:
        return f"{name} "
    pairs = [f'{label}="{_escaped(value)}"' for label, value in zip(labels, values, strict=True)]
    return f"{name}{{{','.join(pairs)}}} "


def _escaped(value: str | None) -> str:
    return "" if value is None else value.translate(_ESCAPED)
