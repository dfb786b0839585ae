"""What a proxy says of itself, typed. Keys that an older or newer proxy lacks are 0, empty or None."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cqlproxy.modes import Mode, parse_mode

Body = Mapping[str, object]


@dataclass(frozen=True)
class ModeState:
    """The write mode of a proxy, and where it comes from."""

    mode: Mode
    since: float
    """When it was set, in seconds since the epoch: tells a mode that was set again from one that stayed."""
    by: str
    answered_by: str
    """The cluster that answers: ``primary`` or ``shadow``; empty when the proxy does not say."""
    previous: Mode | None = None
    """After a switch: the mode of before, which may be the same."""

    @property
    def set_at(self) -> datetime:
        """``since`` as a time in UTC."""
        return datetime.fromtimestamp(self.since, UTC)

    @classmethod
    def of(cls, body: Body) -> ModeState:
        """From the answer of ``/config/mode``."""
        previous = body.get("previous")
        return cls(
            mode=parse_mode(text(body, "mode")),
            since=number(body, "since"),
            by=text(body, "by"),
            answered_by=text(body, "answered_by"),
            previous=None if previous is None else parse_mode(str(previous)),
        )


@dataclass(frozen=True)
class Health:
    """Whether the process is alive, and whether clients can be served."""

    alive: bool
    ready: bool
    reasons: tuple[str, ...]
    """Why it is not ready."""


@dataclass(frozen=True)
class Stats:
    """The figures of ``/stats``, counted since the proxy started."""

    mode: Mode
    uptime_seconds: float
    total_writes: int
    successful_writes: int
    failed_writes: int
    filtered_writes: int
    mirrored_writes: int
    dropped_writes: int
    retried_writes: int
    dead_letters: int
    """Those that there are now."""
    queue_depth: int
    journal_depth: int
    mirror_lag_seconds: float
    failed_copies: int
    validated_reads: int
    consistency_mismatches: int
    last_run: str
    """How the run before this one ended: ``none``, ``clean`` or ``unclean``."""
    figures: Body = field(repr=False)
    """All that the proxy says."""

    @classmethod
    def of(cls, body: Body) -> Stats:
        """From the answer of ``/stats``."""
        return cls(
            mode=parse_mode(text(body, "mode")),
            uptime_seconds=number(body, "uptime_seconds"),
            **{name: int(number(body, name)) for name in _COUNTS},
            mirror_lag_seconds=number(body, "mirror_lag_seconds"),
            last_run=text(body, "last_run"),
            figures=body,
        )


_COUNTS = (
    *("total_writes", "successful_writes", "failed_writes", "filtered_writes", "mirrored_writes"),
    *("dropped_writes", "retried_writes", "dead_letters", "queue_depth", "journal_depth"),
    *("failed_copies", "validated_reads", "consistency_mismatches"),
)


@dataclass(frozen=True)
class Mirror:
    """The copies for one cluster."""

    target: str
    """``primary`` or ``shadow``."""
    paused: bool
    remaining: int
    """Copies that wait, in memory and in the journal, or are under way."""
    lag_seconds: float
    """Age of the oldest of them."""
    copies_per_second: float
    seconds_left: float | None
    """Until none is left, at the pace of the last seconds; None when it is not known."""
    circuit: str
    """``closed``: it takes copies; ``open``: it fails and is spared; ``half_open``: a few try it."""
    figures: Body = field(repr=False)
    """All that the proxy says."""

    @classmethod
    def of(cls, body: Body) -> Mirror:
        """From one of ``mirrors``."""
        return cls(
            target=text(body, "target"),
            paused=bool(body.get("paused")),
            remaining=int(number(body, "remaining")),
            lag_seconds=number(body, "lag_seconds"),
            copies_per_second=number(body, "copies_per_second"),
            seconds_left=optional_number(body, "seconds_left"),
            circuit=text(body, "circuit"),
            figures=body,
        )


def mirrors_of(body: Body) -> tuple[Mirror, ...]:
    """From an answer with ``mirrors``."""
    return tuple(map(Mirror.of, mappings(body, "mirrors")))


@dataclass(frozen=True)
class Drained:
    """What came of waiting for copies."""

    drained: bool
    """Whether all copies that were taken before have arrived or ended otherwise."""
    remaining: int
    copies_per_second: float
    seconds_left: float | None
    mirrors: tuple[Mirror, ...]

    @classmethod
    def of(cls, body: Body) -> Drained:
        """From the answer of ``/mirror/drain``."""
        return cls(
            drained=bool(body.get("drained")),
            remaining=int(number(body, "remaining")),
            copies_per_second=number(body, "copies_per_second"),
            seconds_left=optional_number(body, "seconds_left"),
            mirrors=mirrors_of(body),
        )


@dataclass(frozen=True)
class Cluster:
    """One side, as the proxy sees it."""

    name: str
    ready: bool
    nodes_up: int
    nodes: int


@dataclass(frozen=True)
class Status:
    """The figures of ``/status``: what people look at first."""

    version: str
    ready: bool
    reasons: tuple[str, ...]
    uptime_seconds: float
    mode: ModeState
    clusters: tuple[Cluster, ...]
    mirrors: tuple[Mirror, ...]
    dead_letters: int
    connections: int
    totals: Body
    figures: Body = field(repr=False)
    """All that the proxy says."""

    @classmethod
    def of(cls, body: Body) -> Status:
        """From the answer of ``/status``."""
        return cls(
            version=text(body, "version"),
            ready=bool(body.get("ready")),
            reasons=texts(body, "reasons"),
            uptime_seconds=number(body, "uptime_seconds"),
            mode=ModeState.of(mapping(body, "mode")),
            clusters=tuple(
                Cluster(
                    text(cluster, "name"),
                    bool(cluster.get("ready")),
                    sum(bool(node.get("up")) for node in mappings(cluster, "nodes")),
                    len(list(mappings(cluster, "nodes"))),
                )
                for cluster in mappings(body, "clusters")
            ),
            mirrors=mirrors_of(body),
            dead_letters=int(number(body, "dead_letters")),
            connections=int(number(mapping(body, "clients"), "connections")),
            totals=mapping(body, "totals"),
            figures=body,
        )


@dataclass(frozen=True)
class WriteError:
    """Why a write was not successful."""

    name: str
    """Of the CQL error, such as ``WRITE_TIMEOUT``; ``NOT_APPLIED`` for a condition that did not hold."""
    message: str
    code: int | None
    """Of the CQL error (native protocol v4, section 9)."""
    may_be_applied: bool
    """Whether the cluster may have done it all the same."""


@dataclass(frozen=True)
class WriteResult:
    """What became of a write."""

    success: bool
    request_id: str
    """Give it again, with the same write, to ask for no second one."""
    write_timestamp: int | None
    """Microseconds since the epoch; None where the cluster has given it."""
    latency_ms: float
    """Between the proxy and the cluster."""
    error: WriteError | None

    @classmethod
    def of(cls, body: Body) -> WriteResult:
        """From the answer of ``/write``."""
        error, timestamp = body.get("error"), body.get("write_timestamp")
        said = error if isinstance(error, dict) else None
        code = None if said is None else said.get("code")
        return cls(
            success=bool(body.get("success")),
            request_id=text(body, "request_id"),
            write_timestamp=timestamp if isinstance(timestamp, int) else None,
            latency_ms=number(body, "latency_ms"),
            error=None
            if said is None
            else WriteError(
                text(said, "name"),
                text(said, "message"),
                code if isinstance(code, int) else None,
                bool(said.get("may_be_applied")),
            ),
        )


def text(body: Body, key: str) -> str:
    """A text; empty when there is none."""
    value = body.get(key)
    return "" if value is None else str(value)


def texts(body: Body, key: str) -> tuple[str, ...]:
    """A list of texts."""
    value = body.get(key)
    return tuple(map(str, value)) if isinstance(value, list) else ()


def number(body: Body, key: str) -> float:
    """A number; 0 when there is none."""
    value = optional_number(body, key)
    return 0 if value is None else value


def optional_number(body: Body, key: str) -> float | None:
    """A number; None when there is none."""
    value = body.get(key)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def mapping(body: Body, key: str) -> Body:
    """An object; empty when there is none."""
    value = body.get(key)
    return value if isinstance(value, dict) else {}


def mappings(body: Body, key: str) -> Iterator[Body]:
    """The objects of a list."""
    value = body.get(key)
    yield from (item for item in (value if isinstance(value, list) else ()) if isinstance(item, dict))
