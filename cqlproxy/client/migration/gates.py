"""Whether a step may be taken: each condition of the plan, against what is seen of the proxies. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from cqlproxy.client.migration.durations import shown
from cqlproxy.client.migration.looks import Baseline, Calm, Look
from cqlproxy.client.migration.plan import Conditions


class Condition(NamedTuple):
    """One condition, and how it stands."""

    name: str
    """Its key in the plan."""
    met: bool
    says: str
    """How it stands, for people."""


class Seen(NamedTuple):
    """What conditions are judged by."""

    looks: Sequence[Look]
    baselines: Mapping[str, Baseline]
    """By address of the proxy."""
    calm: Calm
    in_phase_seconds: float
    now: float
    """On the clock of ``calm``."""
    confirmed: bool


def judge(conditions: Conditions, seen: Seen) -> list[Condition]:
    """Each condition that the plan has, but for how long they hold."""
    return list(_judged(conditions, seen))


def _judged(wanted: Conditions, seen: Seen) -> Iterator[Condition]:
    looks = seen.looks
    on_disk = sum(look.stats.journal_depth for look in looks)
    if wanted.stayed:
        stayed = seen.in_phase_seconds
        says = f"{shown(stayed)} in the phase, of {shown(wanted.stayed)}"
        yield Condition("stayed", stayed >= wanted.stayed, says)
    if wanted.lag_under is not None:
        lag = max(look.stats.mirror_lag_seconds for look in looks)
        met, says = lag < wanted.lag_under, f"lag {shown(lag)}, wanted under {shown(wanted.lag_under)}"
        if on_disk and wanted.journal_at_most is None:
            # What waits on disk is older than all that is in memory, which is what the figure tells of.
            met, says = False, f"{on_disk} copies wait on disk, for longer than {shown(lag)}"
        yield Condition("lag_under", met, says)
    if wanted.journal_at_most is not None:
        met = on_disk <= wanted.journal_at_most
        yield Condition("journal_at_most", met, f"{on_disk} on disk, wanted {wanted.journal_at_most} at most")
    if wanted.no_dead_letters:
        letters = sum(look.stats.dead_letters for look in looks)
        yield Condition("no_dead_letters", not letters, f"{letters} dead letters")
    if wanted.no_dropped_writes:
        yield _nothing_dropped(seen)
    if wanted.no_mismatches_for is not None:
        yield _no_mismatches(wanted, wanted.no_mismatches_for, seen)
    if wanted.confirm is not None:
        yield Condition("confirm", seen.confirmed, "confirmed" if seen.confirmed else wanted.confirm)


def _nothing_dropped(seen: Seen) -> Condition:
    killed = [look.url for look in seen.looks if (base := seen.baselines.get(look.url)) and base.killed(look)]
    if killed:
        what = f"killed in this phase, with copies in memory alone: {', '.join(killed)}"
        return Condition("no_dropped_writes", False, what)
    dropped = sum(
        base.dropped(look) for look in seen.looks if (base := seen.baselines.get(look.url)) is not None
    )
    return Condition("no_dropped_writes", not dropped, f"{dropped} copies dropped in this phase")


def _no_mismatches(wanted: Conditions, span: float, seen: Seen) -> Condition:
    calm, compared = seen.calm.seconds(seen.now), seen.calm.compared
    says = f"{compared} reads compared and equal for {shown(calm)} of {shown(span)}"
    if 0 < compared < wanted.compared_at_least:
        says += f", {wanted.compared_at_least} wanted at least"
    elif not compared and calm >= span:
        says += " (are there reads, and is validation_percentage above 0?)"
    met = calm >= span and compared >= wanted.compared_at_least
    return Condition("no_mismatches_for", met, says)
