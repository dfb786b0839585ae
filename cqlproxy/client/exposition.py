"""The figures of `/metrics`, by name and labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple


class Sample(NamedTuple):
    """One line of Prometheus' text format."""

    name: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class Metrics:
    """A scrape: its text, and what stands in it."""

    text: str

    def samples(self, name: str, **labels: str) -> Iterator[Sample]:
        """Those of a metric that have such labels among theirs."""
        # Imported here, since only whoever looks into the text needs it.
        from prometheus_client.parser import text_string_to_metric_families

        for family in text_string_to_metric_families(self.text):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    yield Sample(sample.name, sample.labels, sample.value)

    def value(self, name: str, **labels: str) -> float:
        """The sum of them; 0 where there is none."""
        return sum(sample.value for sample in self.samples(name, **labels))
