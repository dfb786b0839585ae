"""The alert rules, read from their file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

PROMETHEUS: Final = Path(__file__).parent / "prometheus"
ALERTS: Final = PROMETHEUS / "alerts.yaml"


@dataclass(frozen=True)
class Alert:
    """One rule. Several may have a name, with a severity each."""

    name: str
    expr: str
    severity: str
    annotations: dict[str, str]

    @property
    def runbook(self) -> str:
        """The path of its runbook in this repository."""
        return self.annotations["runbook_url"]


def alerts() -> Iterator[Alert]:
    """All of them, as they stand in the file."""
    for group in yaml.safe_load(ALERTS.read_text())["groups"]:
        for rule in group["rules"]:
            yield Alert(rule["alert"], rule["expr"], rule["labels"]["severity"], rule["annotations"])
