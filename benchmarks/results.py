"""What a run has found so far, and its JSON. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from benchmarks.figures import Figure
from benchmarks.report import Sample


@dataclass(slots=True)
class Results:
    """Samples by part of the benchmark and case (a workload, say, or a size), and the figures from them."""

    machine: str
    began: str
    """Date and time."""
    command: str
    versions: list[str] = field(default_factory=list)
    """Of the programs that took part."""
    samples: dict[str, dict[str, list[Sample]]] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    """What a reader must know to take the figures for what they are."""
    wrong: list[str] = field(default_factory=list)
    """Why figures are missing or not to be used."""

    def add(self, part: str, case: str, samples: Mapping[str, Sequence[Sample]]) -> None:
        """Keep the samples of some contestants."""
        kept = self.samples.setdefault(part, {}).setdefault(case, [])
        for taken in samples.values():
            kept += taken

    def of(self, part: str, case: str, name: str) -> list[Sample]:
        """The samples of one contestant, in the order of the rounds."""
        return [taken for taken in self.samples.get(part, {}).get(case, ()) if taken.name == name]

    @property
    def hold(self) -> bool:
        """Whether nothing went wrong and all that must hold does."""
        return not self.wrong and all(figure.holds for figure in self.figures)


def results_json(results: Results) -> str:
    """All of it."""
    found = asdict(results)
    found["figures"] = [asdict(figure) | {"holds": figure.holds} for figure in results.figures]
    return json.dumps(found, indent=1)
