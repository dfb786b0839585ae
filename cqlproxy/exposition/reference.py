"""docs/metrics.md, made of the declarations. Print it with ``python -m cqlproxy.exposition.reference``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cqlproxy.exposition import SECTIONS, Family
from cqlproxy.metrics import LATENCY_BOUNDS
from cqlproxy.table_counts import MAX_SERIES, OTHER

_HEAD: Final = f"""\
# Metrics

<!-- Made by `python -m cqlproxy.exposition.reference`. -->

`GET /metrics` on the admin port (8080) has all figures, for Prometheus: in its text format, or as
OpenMetrics for who asks for that. With a token (`admin.token`, `token_file`) it needs
`Authorization: Bearer ...`. The figures are read from plain counters when they are asked for, and between
the families the event loop serves clients.

- All families are there from the start, and so are the samples whose labels are constants, with 0. Counters
  begin at 0 with the process; only the journal and its dead letters outlive it.
- `target` and `cluster` are `primary` or `shadow`, whatever the mode; `target` is the cluster that a write is
  for.
- **Labels are bounded.** Reasons, errors, kinds and states are constants, nodes are those of the clusters.
  Names of tables come from clients: each family tells the first {MAX_SERIES:,} combinations apart, and counts
  the rest as `{OTHER}`.
- Histograms have {len(LATENCY_BOUNDS)} buckets, from {LATENCY_BOUNDS[0] * 1000:g} ms to
  {LATENCY_BOUNDS[-1]:g} s.
"""


def reference() -> str:
    """The page, in Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _HEAD
    for title, families in SECTIONS:
        yield f"## {title}\n"
        yield "| metric | type | labels | unit | what it is | what is unusual, and what to do |"
        yield "|---|---|---|---|---|---|"
        for family in families:
            yield _row(family)
        yield ""


def _row(family: Family) -> str:
    labels = ", ".join(f"`{label}`" for label in family.labels)
    cells = (f"`{family.name}`", str(family.kind), labels, family.unit, family.meaning, family.unusual)
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print(reference(), end="")
