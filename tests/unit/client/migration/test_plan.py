"""Plans: what is read, what is refused, and that every problem names its line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from cqlproxy.client.migration import durations
from cqlproxy.client.migration.plan import Conditions, PlanError, load_plan
from cqlproxy.modes import Mode

ROOT = Path(__file__).parents[4]
LEAST = "steps: [{to: DualAsync}]\n"

BAD: list[tuple[str, str, str, int | None]] = [
    ("nothing", "", "steps: is required", 1),
    ("no steps", "steps: []\n", "steps: must not be empty", 1),
    ("a step without a phase", "steps:\n  - when: {stayed: 1}\n", "steps[0].to: is required", 2),
    ("no phase", "steps:\n  - to: all\n", "steps[0].to: 'all' is not a mode (one of primary_only", 2),
    ("a number", "steps:\n  - to: 3\n", "steps[0].to: must be the name of a phase", 2),
    ("steps that leave out one", "steps:\n  - to: TargetOnly\n", "steps: must lead through dual_write_a", 1),
    ("steps backwards", "steps: [{to: DualSync}, {to: DualAsync}]\n", "steps: must lead through dual_wri", 1),
    (
        "an unknown key",
        LEAST + "look_evry: 5\n",
        "look_evry: is not a known key, did you mean look_every?",
        2,
    ),
    ("no time", LEAST + "look_every: soon\n", "look_every: must be a time such as 500ms, 30s, 10m or 2h", 2),
    ("no time at all", LEAST + "look_every: 0\n", "look_every: input should be greater than 0", 2),
    ("no address", LEAST + "proxies: [db1:8080]\n", "proxies: 'db1:8080' is not the address of an admin", 2),
    ("a proxy twice", LEAST + "proxies: ['http://a', 'http://a/']\n", "proxies: name a proxy twice", 2),
    ("no proxy", LEAST + "proxies: []\n", "proxies: must name a proxy at least", 2),
    ("no flag", "steps:\n- to: DualAsync\n  when:\n    no_dead_letters: 1\n", "letters: must be true", 4),
    ("no count", "steps: [{to: DualAsync, when: {journal_at_most: a}}]", "at_most: must be a whole", 1),
    ("half a pair", LEAST + "cert_file: a.crt\n", "cert_file and key_file belong together", None),
    ("not YAML", "steps: [\n", "not valid YAML", None),
    ("a key twice", LEAST + LEAST, "steps: is given twice, on lines 1 and 2", None),
]
IDS = [case[0] for case in BAD]


@pytest.mark.parametrize(
    ("text", "problem", "line"), [case[1:] for case in BAD], ids=[case[0] for case in BAD]
)
def test_a_bad_plan_names_line_and_key(tmp_path: Path, text: str, problem: str, line: int | None) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    with pytest.raises(PlanError) as error:
        load_plan(path)
    (said,) = error.value.problems
    assert problem in said
    assert said.startswith(f"{path}: " if line is None else f"{path}: line {line}: ")


def test_every_problem_has_a_line(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text("timeout: never\nsteps:\n  - {to: nowhere}\n  - {when: {confirm: 1}}\n")
    with pytest.raises(PlanError) as error:
        load_plan(path)
    assert [problem.split(": ")[1:3] for problem in error.value.problems] == [
        ["line 1", "timeout"],
        ["line 3", "steps[0].to"],
        ["line 4", "steps[1].to"],
        ["line 4", "steps[1].when.confirm"],
    ]


def test_the_least_plan_and_where_its_files_are(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(LEAST + "token_file: token\nca_file: /etc/ca.crt\n")
    plan = load_plan(path)
    assert plan.proxies == ("http://127.0.0.1:8080",)
    assert (plan.journal, plan.token_file) == (tmp_path / "migration.journal", tmp_path / "token")
    assert plan.ca_file == Path("/etc/ca.crt")
    assert plan.steps[0].when == Conditions()
    with pytest.raises(PlanError, match=r"token_file: .*token: No such file"):
        plan.addresses("a test")
    (tmp_path / "token").write_text("a-token-of-16-and-more\n")
    assert plan.addresses("a test")[0].token == "a-token-of-16-and-more"


def test_files_that_cannot_be_used_for_tls(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(LEAST + "proxies: ['https://a:8080']\nca_file: none.crt\n")
    with pytest.raises(PlanError, match="ca_file, cert_file, key_file: cannot be used: No such file"):
        load_plan(path).addresses("a test")


def test_the_sample_has_every_key_and_leads_through_every_phase() -> None:
    path = ROOT / "config" / "migration.yaml"
    plan = load_plan(path)
    assert [step.to for step in plan.steps] == [mode for mode in Mode if mode is not Mode.PRIMARY_ONLY]
    text = path.read_text()
    for key in (*type(plan).model_fields, *Conditions.model_fields):
        assert f"{key}: " in text or f"{key}:\n" in text, key


def test_steps_after_and_phases_before() -> None:
    plan = load_plan(ROOT / "config" / "migration.yaml")
    whole = list(Mode)
    assert [getattr(plan.step_after(mode), "to", None) for mode in whole] == [*whole[1:], None]
    assert [plan.phase_before(mode) for mode in whole] == [None, *whole[:-1]]


@pytest.mark.parametrize(
    ("written", "span"),
    [("500ms", 0.5), ("2", 2.0), (2, 2.0), (0.25, 0.25), ("1.5h", 5400.0), ("30m", 1800.0), ("3d", 259200.0)],
)
def test_spans_of_time(written: object, span: float) -> None:
    assert durations.seconds(written) == span


@pytest.mark.parametrize("written", ["", "s", "-1s", "1w", "1h30m", True, None, -1, float("nan"), [1]])
def test_what_is_no_span_of_time(written: object) -> None:
    with pytest.raises(ValueError, match="must be a time such as"):
        durations.seconds(written)


@pytest.mark.parametrize(
    ("span", "shown"),
    [(0, "0 s"), (0.25, "0.25 s"), (9.999, "10 s"), (12.4, "12 s"), (200, "3 m 20 s"), (7500, "2 h 5 m")],
)
def test_spans_are_shown(span: float, shown: str) -> None:
    assert durations.shown(span) == shown
