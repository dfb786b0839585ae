"""The figures of one run: samples, their medians and spread, and the table that is shown at the end. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.copies import Copies
from benchmarks.measure import Usage
from benchmarks.plan import Load

_CONTENDED = 0.2
_LIMIT = 0.9


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement. Times are in seconds."""

    name: str
    """Of what was measured: a contestant, or a kind of request."""
    requests_per_second: float
    cpu_per_request: float
    p50: float
    p99: float
    p999: float
    slowest: float
    resident_bytes: int
    """Of the contestant, at the end."""
    busy: float
    """Processor time of the contestant per second: 1.0 is a whole core."""
    waited: float
    """Time per second in which the contestant could have worked, and others had all cores."""
    backend_busy: float
    """Processor time per second of the busiest of the backends, where they were watched."""
    generator_busy: float
    """The same of the load generator, all its processes together."""
    copies_per_request: float | None
    """Copies that reached the shadow meanwhile; None where it was not asked."""
    copies_lost: int
    errors: int
    first_error: str


def sample(
    name: str,
    load: Load,
    before: Usage,
    after: Usage,
    copied: Copies | None,
    backends: Sequence[float] = (),
) -> Sample:
    """The figures of what happened between `before` and `after`. backends: seconds of CPU that each took."""
    seconds = after.at - before.at
    cpu_seconds = after.cpu_seconds - before.cpu_seconds
    latencies = sorted(load.latencies)
    requests = len(latencies)
    return Sample(
        name,
        requests_per_second=requests / seconds,
        cpu_per_request=cpu_seconds / requests,
        p50=percentile(latencies, 50),
        p99=percentile(latencies, 99),
        p999=percentile(latencies, 99.9),
        slowest=latencies[-1],
        resident_bytes=after.resident_bytes,
        busy=cpu_seconds / seconds,
        waited=(after.waited_seconds - before.waited_seconds) / seconds,
        backend_busy=max(backends, default=0.0) / seconds,
        generator_busy=load.cpu_seconds / seconds,
        copies_per_request=None if copied is None else copied.delivered / requests,
        copies_lost=0 if copied is None else copied.lost,
        errors=load.errors,
        first_error=load.first_error,
    )


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest of the values, given in order, that `percent` of them do not exceed (nearest rank).

    percent: with at most one decimal.
    """
    rank = -(-round(percent * 10) * len(ordered) // 1000)
    return ordered[max(rank, 1) - 1]


@dataclass(frozen=True, slots=True)
class _Column:
    heading: str
    value: Callable[[Sample], float]
    shown: str
    """Format specification of a number."""


_COLUMNS = (
    _Column("req/s", lambda s: s.requests_per_second, ",.0f"),
    _Column("CPU us/req", lambda s: s.cpu_per_request * 1e6, ".2f"),
    _Column("p50 ms", lambda s: s.p50 * 1e3, ".2f"),
    _Column("p99 ms", lambda s: s.p99 * 1e3, ".2f"),
    _Column("p99.9 ms", lambda s: s.p999 * 1e3, ".2f"),
    _Column("max ms", lambda s: s.slowest * 1e3, ".1f"),
    _Column("RSS MiB", lambda s: s.resident_bytes / 2**20, ".0f"),
    _Column("busy %", lambda s: s.busy * 100, ".0f"),
    _Column("waited %", lambda s: s.waited * 100, ".0f"),
    _Column("backend busy %", lambda s: s.backend_busy * 100, ".0f"),
    _Column("generator busy %", lambda s: s.generator_busy * 100, ".0f"),
)
_COPIES = _Column("copies/req", lambda s: s.copies_per_request or 0.0, ".2f")


def line(taken: Sample) -> str:
    """One measurement in one line."""
    return "  ".join(f"{column.heading} {column.value(taken):{column.shown}}" for column in _columns([taken]))


def table(samples: Sequence[Sample]) -> str:
    """By name the medians and, below each, lowest and highest; columns aligned."""
    columns = _columns(samples)
    lines = [["", *(column.heading for column in columns)]]
    for name in dict.fromkeys(taken.name for taken in samples):
        values = [[column.value(taken) for taken in samples if taken.name == name] for column in columns]
        lines.append([name, *(f"{median(v):{c.shown}}" for c, v in zip(columns, values, strict=True))])
        if len(values[0]) > 1:
            spread = (f"{min(v):{c.shown}}-{max(v):{c.shown}}" for c, v in zip(columns, values, strict=True))
            lines.append(["", *spread])
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()
        for cells in lines
    )


def remarks(samples: Sequence[Sample]) -> list[str]:
    """What a reader must know to take the figures for what they are, a sentence each."""
    said = []
    busy = max(taken.busy for taken in samples)
    if busy < 0.9:
        said.append(
            f"The proxy was busy for at most {busy:.0%} of one core: requests per second and most of "
            "the latency are set by the clusters and the machine. The figure of the proxy is CPU per request."
        )
    else:
        said.append(
            f"The proxy was busy for up to {busy:.0%} of one core: requests per second are its limit."
        )
    waited = median(taken.waited for taken in samples)
    if waited > _CONTENDED:
        said.append(
            f"It waited {waited:.0%} of the time for a core: the machine has other work, and only the "
            "ratios of CPU per request can be used."
        )
    return said + limits(samples)


def limits(samples: Sequence[Sample]) -> list[str]:
    """Who else was at its limit, so that requests per second and latencies are not the contestant's alone."""
    said = []
    if median(taken.generator_busy for taken in samples) > _LIMIT:
        said.append("The load generator was at its own limit: give it more --processes.")
    if median(taken.backend_busy for taken in samples) > _LIMIT:
        said.append("A backend was at its own limit: requests per second are not the contestant's.")
    return said


def problems(samples: Sequence[Sample]) -> list[str]:
    """Why the figures are not to be used, a sentence each; empty when they are."""
    found = []
    for name in dict.fromkeys(taken.name for taken in samples):
        errors = sum(taken.errors for taken in samples if taken.name == name)
        if errors:
            first = next(taken.first_error for taken in samples if taken.name == name and taken.errors)
            found.append(f"{errors} requests of {name} failed, the first with: {first}")
    lost = sum(taken.copies_lost for taken in samples)
    if lost:
        found.append(
            f"{lost} copies never reached the shadow, which did not keep up: CPU per request lacks their cost"
        )
    return found


def _columns(samples: Sequence[Sample]) -> Sequence[_Column]:
    asked = any(taken.copies_per_request is not None for taken in samples)
    return (*_COLUMNS, _COPIES) if asked else _COLUMNS
