"""What `/status` says, as lines for a terminal. Keys of an older or newer proxy may lack."""

from __future__ import annotations

from collections.abc import Iterator

from cqlproxy.cli.instant import instant
from cqlproxy.client.figures import Body, Mirror, Status, mapping, mirrors_of, number, text
from cqlproxy.client.migration.durations import shown

_TOTALS = (
    ("writes", "total_writes"),
    ("failed", "failed_writes"),
    ("copied", "mirrored_writes"),
    ("held back", "filtered_writes"),
    ("dropped", "dropped_writes"),
    ("retried", "retried_writes"),
)


def status_in_words(body: Body) -> list[str]:
    """The lines of `cqlproxy status`."""
    return [f"{name:<12}{what}" for name, what in status_rows(body)]


def status_rows(body: Body) -> list[tuple[str, str]]:
    """The same in two columns; the first is empty where a row goes on."""
    return list(_rows(Status.of(body), body))


def mirrors_in_words(body: Body) -> list[str]:
    """The lines of `cqlproxy mirror show`."""
    return [f"to {mirror.target:<9}{_mirror(mirror)}" for mirror in mirrors_of(body)] or [
        "There are no copies: no shadow is configured."
    ]


def _rows(status: Status, body: Body) -> Iterator[tuple[str, str]]:
    mode = status.mode
    yield "proxy", f"version {status.version}, up for {shown(status.uptime_seconds)}"
    yield "ready", "yes" if status.ready else f"no: {'; '.join(status.reasons)}"
    yield "mode", f"{mode.mode} since {instant(mode.since)}, set by {mode.by}"
    for cluster in status.clusters:
        answers = ", answers" if cluster.name == mode.answered_by else ""
        yield cluster.name, f"{cluster.nodes_up} of {cluster.nodes} nodes are up{answers}"
    for mirror in status.mirrors:
        yield f"to {mirror.target}", _mirror(mirror)
    journal = body.get("journal")
    if isinstance(journal, dict):
        failing = ", and it cannot be written" if journal.get("failing") else ""
        yield "journal", f"{int(number(journal, 'bytes')):,} bytes{failing}"
    yield "letters", f"{status.dead_letters} dead letters"
    requests = int(number(mapping(body, "clients"), "requests_under_way"))
    yield "clients", f"{status.connections} connections, {requests} requests under way"
    yield "rules", _rules(mapping(body, "rules"))
    yield "counted", ", ".join(f"{int(number(status.totals, key)):,} {name}" for name, key in _TOTALS)


def _mirror(mirror: Mirror) -> str:
    if mirror.paused:
        return (
            f"{mirror.remaining:,} copies wait: PAUSED by {text(mirror.figures, 'paused_by') or 'somebody'}"
        )
    what = f"{mirror.remaining:,} copies wait, lag {shown(mirror.lag_seconds)}"
    what += f", {mirror.copies_per_second:,.0f} copies/s"
    if mirror.remaining and mirror.seconds_left is not None:
        what += f", {shown(mirror.seconds_left)} left"
    return what if mirror.circuit in ("", "closed") else f"{what}; it fails and is spared ({mirror.circuit})"


def _rules(rules: Body) -> str:
    match text(rules, "state"):
        case "in force":
            return "in force" if rules.get("enforce") else "in force, counting only"
        case "refused":
            return "older ones are in force: the file cannot be used"
        case _:
            return "none: nothing is held back"
