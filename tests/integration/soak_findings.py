"""What a soak has left behind: requests without an answer, copies that are lost. Judged, and kept as JSON."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple, cast

from tests.integration.noted_load import Noted, Requests
from tests.integration.programs.noted_requests import counter_row, kind
from tests.nodes import CassandraNode, DriverProgram

_PROGRAM = Path(__file__).parent / "programs" / "landed.py"
_SHOWN = 5
_READING_SECONDS = 300.0

NOT_ANSWERED: Final = frozenset(
    {"OperationTimedOut", "ConnectionShutdown", "ConnectionException", "ConnectionBusy", "NoHostAvailable"}
)
"""What a driver says when its server has closed the connection or has not answered."""


@dataclass
class Findings:
    """Of one run."""

    wrong: list[str] = field(default_factory=list)
    figures: dict[str, int] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    """Requests that were answered with an error, by its kind."""
    switches: Counter[str] = field(default_factory=Counter)
    """By mode."""
    events: list[str] = field(default_factory=list)
    samples: list[tuple[float, int, int]] = field(default_factory=list)
    """Seconds since the beginning, bytes in memory, descriptors."""

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not asdict(): it makes a Counter of a Counter's items.
        path.write_text(json.dumps(vars(self), indent=1) + "\n")

    def in_words(self) -> str:
        lines = [f"{name}: {value}" for name, value in self.figures.items()]
        lines.append(f"errors: {dict(self.errors)}; switches: {dict(self.switches)}")
        return "; ".join(lines) + "\n" + ("\n".join(self.wrong) or "nothing was wrong")


class CopiedAt:
    """When writes were copied: by the switches of a run that begins in a mode that copies."""

    def __init__(self) -> None:
        self._switches: list[tuple[float, float, bool]] = [(0.0, 0.0, True)]

    def switched(self, copies: bool, begin: float, end: float) -> None:
        """To a mode that copies, or not; at some time between two Unix times."""
        self._switches.append((begin, end, copies))

    def surely(self, request: Noted) -> bool | None:
        """Whether a request was handled in a mode that copies; None where that cannot be told."""
        sent, answered = request.started, request.started + request.seconds
        state: bool | None = None
        for begin, end, copies in self._switches:
            if end <= sent:
                state = copies
            elif begin < answered and copies is not state:
                return None
        return state


class Landed(NamedTuple):
    """What one cluster has."""

    times: dict[int, int]
    """The write time of each row."""
    wrong: list[int]
    """Rows with another value than they were given."""
    counts: dict[int, int]


def landed_on_both(
    primary: CassandraNode, shadow: CassandraNode, keyspace: str, *, root: Path
) -> tuple[Landed, Landed]:
    def read(node: CassandraNode) -> Landed:
        said = DriverProgram(_PROGRAM, node.address, node.port, keyspace, root=root).result(_READING_SECONDS)
        rows, counts = (cast("list[tuple[int, int]]", said[name]) for name in ("rows", "counts"))
        return Landed(dict(rows), cast("list[int]", said["wrong"]), dict(counts))

    return read(primary), read(shadow)


def unanswered(requests: Requests) -> list[str]:
    """A line for each way in which requests were left without an answer."""
    lines = []
    if [request.number for request in requests.all] != list(range(len(requests.all))):
        lines.append("requests without an answer, or with two")
    by_kind = Counter(str(request.error).partition(":")[0] for request in requests.errors)
    lines += [
        f"{count} requests ended with {name}" for name, count in by_kind.items() if name in NOT_ANSWERED
    ]
    return lines


def lost_copies(
    requests: Requests,
    copied: CopiedAt,
    here: Landed,
    there: Landed,
    told: set[int],
    told_counts: Counter[int],
    figures: dict[str, int],
) -> list[str]:
    """A line for each way in which the shadow, ``there``, lacks what it must have, or has what it must not.

    ``told``: rows whose copies are dead letters; ``told_counts``: counters', by row.
    """
    inserted = [request for request in requests.all if kind(request.number) == "insert"]
    surely = {request.number for request in inserted if request.error is None}
    must = {request.number for request in inserted if request.error is None and copied.surely(request)}
    must_not = {request.number for request in inserted if copied.surely(request) is False}
    figures |= {
        "rows_acknowledged": len(surely),
        "rows_to_copy": len(must),
        "rows_not_to_copy": len(must_not),
    }
    lines: list[str] = []

    def report(what: str, numbers: set[int]) -> None:
        if numbers:
            lines.append(f"{len(numbers)} {what}: {sorted(numbers)[:_SHOWN]}")

    report("acknowledged rows are not on the primary", surely - here.times.keys())
    report("copies are lost", must - told - there.times.keys())
    report("rows were copied in primary_only", must_not & there.times.keys())
    both = must & here.times.keys() & there.times.keys()
    report("rows have another write time there", {n for n in both if here.times[n] != there.times[n]})
    report("rows have another value than was written", {*here.wrong, *there.wrong})
    return lines + _counters(requests, copied, here, there, told_counts)


def _counters(
    requests: Requests, copied: CopiedAt, here: Landed, there: Landed, told: Counter[int]
) -> list[str]:
    increments = [request for request in requests.all if kind(request.number) == "counter"]
    acknowledged = [request for request in increments if request.error is None]
    must = Counter(counter_row(request.number) for request in acknowledged if copied.surely(request))
    lines = []
    for row in must:
        count, most = there.counts.get(row, 0), here.counts.get(row, 0) + told[row]
        if not must[row] - told[row] <= count <= most:
            lines.append(
                f"counter {row} is {count} on the shadow; at least {must[row] - told[row]} and at most {most}"
                " are right"
            )
    return lines
