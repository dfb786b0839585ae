"""Conditions against figures: when each holds, and what it says."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from cqlproxy.client.figures import Stats
from cqlproxy.client.migration.gates import Condition, Seen, judge
from cqlproxy.client.migration.looks import Baseline, Calm, Look
from cqlproxy.client.migration.plan import Conditions

URL = "http://a"
STARTED = 1_000.0


def look(
    figures: Mapping[str, object] | None = None,
    *,
    at: float = 2_000.0,
    started: float = STARTED,
    keeps_all: bool = False,
) -> Look:
    """A proxy with these figures."""
    body: dict[str, object] = {
        "mode": "dual_write_async",
        "uptime_seconds": at - started,
        "last_run": "clean",
    }
    body |= figures or {}
    return Look(URL, Stats.of(body), at, keeps_all)


def judged(
    conditions: Conditions,
    *looks: Look,
    calm: Calm | None = None,
    in_phase_seconds: float = 100.0,
    now: float = 0.0,
    confirmed: bool = False,
) -> dict[str, Condition]:
    """By name, where five writes had been dropped before the phase began."""
    baselines = {URL: Baseline(STARTED, 5)}
    seen = Seen(looks, baselines, calm or Calm(), in_phase_seconds, now, confirmed)
    return {found.name: found for found in judge(conditions, seen)}


@pytest.mark.parametrize(
    ("wanted", "figures", "met", "says"),
    [
        ({"lag_under": 2}, {"mirror_lag_seconds": 1.9}, True, "lag 1.9 s, wanted under 2 s"),
        ({"lag_under": 2}, {"mirror_lag_seconds": 2.0}, False, "lag 2 s, wanted under 2 s"),
        (
            {"lag_under": 2},
            {"mirror_lag_seconds": 0.5, "journal_depth": 3},
            False,
            "3 copies wait on disk, for longer than 0.5 s",
        ),
        (
            {"lag_under": 2, "journal_at_most": 3},
            {"mirror_lag_seconds": 0.5, "journal_depth": 3},
            True,
            "lag 0.5 s, wanted under 2 s",
        ),
        ({"journal_at_most": 2}, {"journal_depth": 3}, False, "3 on disk, wanted 2 at most"),
        ({"journal_at_most": 3}, {"journal_depth": 3}, True, "3 on disk, wanted 3 at most"),
        ({"no_dead_letters": True}, {"dead_letters": 2}, False, "2 dead letters"),
        ({"no_dead_letters": True}, {}, True, "0 dead letters"),
        ({"no_dropped_writes": True}, {"dropped_writes": 5}, True, "0 copies dropped in this phase"),
        ({"no_dropped_writes": True}, {"dropped_writes": 7}, False, "2 copies dropped in this phase"),
    ],
)
def test_conditions_on_figures(
    wanted: dict[str, object], figures: dict[str, object], met: bool, says: str
) -> None:
    name = next(iter(wanted))
    found = judged(Conditions.model_validate(wanted), look(figures))[name]
    assert (found.met, found.says) == (met, says)


def test_no_others_are_judged_than_those_of_the_plan() -> None:
    nothing = Conditions(no_dead_letters=False, no_dropped_writes=False)
    assert judged(nothing, look({"dead_letters": 9, "dropped_writes": 9})) == {}
    assert judged(Conditions(), look()).keys() == {"no_dead_letters", "no_dropped_writes"}


@pytest.mark.parametrize(
    ("last_run", "keeps_all", "met"),
    [("unclean", False, False), ("unclean", True, True), ("clean", False, True)],
)
def test_a_proxy_that_was_killed_in_the_phase(last_run: str, keeps_all: bool, met: bool) -> None:
    again = look({"last_run": last_run}, started=STARTED + 500, keeps_all=keeps_all)
    found = judged(Conditions(), again)["no_dropped_writes"]
    assert found.met is met
    if not met:
        assert found.says == f"killed in this phase, with copies in memory alone: {URL}"
    # Killed before the phase began, it is no matter of this one.
    before = look({"last_run": "unclean"}, started=STARTED + 1)
    assert judged(Conditions(), before)["no_dropped_writes"].met


def test_counters_of_a_proxy_that_was_restarted_begin_anew() -> None:
    again = look({"dropped_writes": 2}, started=STARTED + 500)
    assert judged(Conditions(), again)["no_dropped_writes"].says == "2 copies dropped in this phase"


def test_time_in_the_phase_and_a_yes() -> None:
    wanted = Conditions.model_validate({"stayed": "2m", "confirm": "Is it there?"})
    found = judged(wanted, look(), in_phase_seconds=119.0)
    assert (found["stayed"].met, found["stayed"].says) == (False, "1 m 59 s in the phase, of 2 m 0 s")
    assert (found["confirm"].met, found["confirm"].says) == (False, "Is it there?")
    found = judged(wanted, look(), in_phase_seconds=120.0, confirmed=True)
    assert (found["stayed"].met, found["confirm"].met) == (True, True)


def test_differences_begin_the_time_anew_and_restarts_do_not_hide_them() -> None:
    wanted = Conditions.model_validate({"no_mismatches_for": 60, "compared_at_least": 10})
    calm = Calm()

    def at(now: float, started: float = STARTED, **figures: int) -> Condition:
        seen = look(figures, at=2_000.0 + now, started=started)
        calm.add([seen], now)
        return judged(wanted, seen, calm=calm, now=now)["no_mismatches_for"]

    # What was compared before the first look does not count.
    first = at(0, validated_reads=500, consistency_mismatches=3)
    assert first.says == "0 reads compared and equal for 0 s of 1 m 0 s"
    assert at(59, validated_reads=520, consistency_mismatches=3).met is False
    assert at(60, validated_reads=520, consistency_mismatches=3).met is True
    assert at(61, validated_reads=530, consistency_mismatches=4).met is False
    assert at(121, validated_reads=535, consistency_mismatches=4).says == (
        "5 reads compared and equal for 1 m 0 s of 1 m 0 s, 10 wanted at least"
    )
    assert at(122, validated_reads=540, consistency_mismatches=4).met is True
    # Started anew, it has counted from 0.
    restarted = at(130, started=2_100.0, validated_reads=1, consistency_mismatches=1)
    assert restarted.met is False
    assert at(190, started=2_100.0, validated_reads=20, consistency_mismatches=1).met is True


def test_where_nothing_is_compared_it_says_what_to_look_at() -> None:
    wanted, calm = Conditions.model_validate({"no_mismatches_for": 60}), Calm()
    calm.add([look()], 0)
    calm.add([look()], 70)
    assert judged(wanted, look(), calm=calm, now=70)["no_mismatches_for"].says == (
        "0 reads compared and equal for 1 m 10 s of 1 m 0 s"
        " (are there reads, and is validation_percentage above 0?)"
    )
