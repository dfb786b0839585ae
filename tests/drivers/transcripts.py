"""What two runs of one client differ in, and what clients read otherwise than others."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.drivers.dialogue import Line
from tests.drivers.meant import MEANT, Meant


@dataclass(frozen=True)
class Difference:
    """One step that gave something else; None where it was not there."""

    feature: str
    step: str
    direct: Line | None
    other: Line | None

    def __str__(self) -> str:
        return (
            f"{self.feature}, {self.step}:\n  direct: {json.dumps(self.direct, ensure_ascii=False)}"
            f"\n  other:  {json.dumps(self.other, ensure_ascii=False)}"
        )

    def is_meant(self, meant: Meant) -> bool:
        """Whether this is what `meant` declares."""
        if (
            (self.feature, self.step) != (meant.feature, meant.step)
            or self.direct is None
            or self.other is None
        ):
            return False
        return meant.holds(self.direct, self.other)


def differences(direct: list[Line], other: list[Line]) -> list[Difference]:
    """All that is not equal, what is meant as well."""
    left, right = _by_step(direct), _by_step(other)
    return [
        Difference(feature, step, left.get((feature, step)), right.get((feature, step)))
        for feature, step in [*left, *(key for key in right if key not in left)]
        if left.get((feature, step)) != right.get((feature, step))
    ]


def unmeant(found: list[Difference]) -> list[Difference]:
    """Those that nobody has declared."""
    return [difference for difference in found if not any(difference.is_meant(meant) for meant in MEANT)]


def _by_step(lines: list[Line]) -> dict[tuple[str, str], Line]:
    steps: dict[tuple[str, str], Line] = {}
    for key, line in _keyed(lines):
        if key in steps:
            raise ValueError(f"written down twice: {line}")
        steps[key] = line
    return steps


def _keyed(lines: list[Line]) -> Iterator[tuple[tuple[str, str], Line]]:
    for line in lines:
        if "client" in line:
            yield ("client", str(line["client"])), line
        else:
            yield (str(line["feature"]), str(line.get("step", ""))), line


_VALUES = ("types", "collections", "udt", "tuple", "vector")


def disagreements(transcripts: Mapping[str, list[Line]]) -> list[str]:
    """What clients have read of the same literals and other clients have not: a line for each value.

    transcripts: by the client's name. Errors are left out: a driver may not know a value that others do. So
    is what was read again: some drivers write null for what is empty.
    """
    seen: dict[tuple[str, str, int], dict[str, list[str]]] = {}
    for name, lines in transcripts.items():
        for line in lines:
            answer = line.get("answer")
            if line.get("feature") not in _VALUES or not isinstance(answer, dict) or "read" not in answer:
                continue
            for index, value in enumerate(answer["read"]):
                if not isinstance(value, dict):
                    key = (str(line["feature"]), str(line["step"]), index)
                    text = json.dumps(value, ensure_ascii=False)
                    seen.setdefault(key, {}).setdefault(text, []).append(name)
    return [f"{key}: {by_value}" for key, by_value in seen.items() if len(by_value) > 1]
