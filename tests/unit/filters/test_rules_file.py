"""The rules file: what it means, and what is said of one that is wrong."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import filters
from filters import OnUnknownTenant, Rules, RulesError, load_rules

SAMPLE = Path(__file__).parents[3] / "config" / "rules.yaml"


def load(folder: Path, text: str | bytes) -> Rules:
    path = folder / "rules.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load_rules(path, loaded_at=5.0)


def problems_of(folder: Path, text: str | bytes) -> tuple[str, ...]:
    try:
        load(folder, text)
    except RulesError as error:
        return error.problems
    return ()


def patterns(rules: Rules) -> list[str]:
    return [pattern.text for pattern in rules.tables.patterns]


def test_every_key(tmp_path: Path) -> None:
    text = """
filters:
  tenant_blacklist: [550E8400-e29b-41d4-a716-446655440000, acme, 42]
  table_blacklist: ["ks.table", "*.migrations", "ks.*", '"MyKs".t']
  table_whitelist: [shop.*, "*.users"]
  tenant_columns: [System_Domain_Id, '"Owner"']
  tenant_columns_by_table:
    Shop.Orders: [Customer, '"Owner"']
    shop.*: []
    "*.users":
  on_unknown_tenant: hold
  enforce: false
  reload_interval_secs: 1.5
"""
    rules = load(tmp_path, text)

    assert rules.tenants.values == ("550E8400-e29b-41d4-a716-446655440000", "acme", "42")
    assert patterns(rules) == ["ks.table", "*.migrations", "ks.*", '"MyKs".t']
    assert rules.tenant_columns == {"system_domain_id", "Owner"}
    assert rules.whitelist is not None
    assert [pattern.text for pattern in rules.whitelist.patterns] == ["shop.*", "*.users"]
    by_table = [(pattern.text, columns) for pattern, columns in rules.tenant_columns_by_table]
    assert by_table == [
        ("Shop.Orders", {"customer", "Owner"}),
        ("shop.*", frozenset()),
        ("*.users", frozenset()),
    ]
    assert rules.on_unknown_tenant is OnUnknownTenant.HOLD
    assert rules.enforce is False
    assert rules.reload_interval_secs == 1.5
    assert rules.path == tmp_path / "rules.yaml"
    assert rules.content_hash == hashlib.sha256(text.encode()).hexdigest()
    assert rules.loaded_at == 5.0


@pytest.mark.parametrize(
    "text", ["filters: {}", "filters:\n  tenant_blacklist:\n  table_blacklist: # none\n"]
)
def test_no_rules(tmp_path: Path, text: str) -> None:
    rules = load(tmp_path, text)

    assert (rules.tenants.values, patterns(rules), rules.tenant_columns) == ((), [], frozenset())
    assert (rules.whitelist, rules.tenant_columns_by_table, rules.on_unknown_tenant) == (None, (), None)
    assert rules.enforce is True
    assert rules.reload_interval_secs == 60.0


def test_the_sample_is_right() -> None:
    rules = load_rules(SAMPLE)

    assert rules.tenant_columns == {"system_domain_id"}
    assert "*.migrations" in patterns(rules)


@pytest.mark.parametrize(
    "written", ["0123", "12:30:45", "no", "2024-01-01", "1_000", "0x1F", "1e3", '"quoted"']
)
def test_a_tenant_is_the_text_that_was_written(tmp_path: Path, written: str) -> None:
    rules = load(tmp_path, f"filters: {{tenant_blacklist: [{written}], tenant_columns: [t]}}")

    assert rules.tenants.values == (written.strip('"'),)


ACCEPTED = (
    "accepted here: tenant_blacklist, table_blacklist, table_whitelist, tenant_columns,"
    " tenant_columns_by_table, on_unknown_tenant, enforce, reload_interval_secs"
)


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", [": the file is empty; to hold nothing back, write `filters: {}`"]),
        ("# only a comment", [": the file is empty; to hold nothing back, write `filters: {}`"]),
        ("{}", [":1: filters: is required"]),
        ("filters:", [":1: filters: must be a mapping of keys, not empty"]),
        ("filters: x", [":1: filters: must be a mapping of keys, not 'x'"]),
        ("- filters", [":1: must be a mapping of keys"]),
        ("filters: {}\nfilter: {}", [":2: filter: unknown key (accepted here: filters)"]),
        ("filters:\n  table_blacklists: []", [f":2: filters.table_blacklists: unknown key ({ACCEPTED})"]),
        (
            "filters:\n  table_blacklist: ks.t",
            [":2: filters.table_blacklist: must be a list, such as [a, b], not 'ks.t'"],
        ),
        (
            "filters:\n  table_blacklist: {a: b}",
            [":2: filters.table_blacklist: must be a list, such as [a, b]"],
        ),
        (
            "filters:\n  table_blacklist:\n    - ks.t\n    - migrations\n    - a.b.c",
            [
                ":4: filters.table_blacklist[1]: 'migrations' is not of the form keyspace.table; for the"
                " table in any keyspace write '*.migrations', for all tables of a keyspace 'migrations.*'",
                ":5: filters.table_blacklist[2]: 'a.b.c' is not of the form keyspace.table: one dot between"
                " two names",
            ],
        ),
        (
            "filters:\n  tenant_columns: [t]\n  tenant_blacklist:\n  - [a]\n  - ''\n  -\n  - {a: b}",
            [
                ":4: filters.tenant_blacklist[0]: must be text",
                ":5: filters.tenant_blacklist[1]: a tenant's value must not be empty",
                ":6: filters.tenant_blacklist[2]: must be text, not empty",
                ":7: filters.tenant_blacklist[3]: must be text",
            ],
        ),
        (
            "filters:\n  tenant_blacklist: [a]",
            [
                ":2: filters.tenant_blacklist: holds nothing back unless filters.tenant_columns names the"
                " columns to look at"
            ],
        ),
        (
            "filters:\n  tenant_blacklist: [a]\n  tenant_columns_by_table: {ks.t: []}",
            [
                ":2: filters.tenant_blacklist: holds nothing back unless filters.tenant_columns names the"
                " columns to look at"
            ],
        ),
        (
            "filters:\n  table_whitelist: []",
            [
                ":2: filters.table_whitelist: is empty, which would hold every table back; name the tables"
                " to copy, or leave the key out"
            ],
        ),
        (
            "filters:\n  table_whitelist: # - ks.t",
            [":2: filters.table_whitelist: is empty, which would hold every table back"],
        ),
        (
            "filters:\n  table_whitelist:\n  - ks.t\n  - t",
            [":4: filters.table_whitelist[1]: 't' is not of the form keyspace.table"],
        ),
        (
            "filters:\n  tenant_columns_by_table: [ks.t]",
            [":2: filters.tenant_columns_by_table: must be a mapping, such as {ks.table: [column]}"],
        ),
        (
            "filters:\n  tenant_columns_by_table:\n    ks.t: []\n    t: [a]\n    ks.u: a\n    ks.v: [a, b.c]",
            [
                ":4: filters.tenant_columns_by_table.t: 't' is not of the form keyspace.table",
                ":5: filters.tenant_columns_by_table.ks.u: must be a list, such as [a, b], not 'a'",
                ":6: filters.tenant_columns_by_table.ks.v[1]: 'b.c' is not the name of a column",
            ],
        ),
        (
            "filters:\n  on_unknown_tenant: drop",
            [":2: filters.on_unknown_tenant: must be mirror or hold, not 'drop'"],
        ),
        ("filters:\n  enforce: maybe", [":2: filters.enforce: must be true or false, not 'maybe'"]),
        ("filters:\n  enforce:", [":2: filters.enforce: must be true or false, not empty"]),
        (
            "filters: {tenant_columns: [a.b]}",
            [":1: filters.tenant_columns[0]: 'a.b' is not the name of a column"],
        ),
        (
            "filters:\n\n  reload_interval_secs: soon",
            [":3: filters.reload_interval_secs: must be a number of seconds greater than 0, not 'soon'"],
        ),
        (
            "filters: {reload_interval_secs: 0}",
            [":1: filters.reload_interval_secs: must be a number of seconds greater than 0, not '0'"],
        ),
        (
            "filters: {reload_interval_secs: .inf}",
            [":1: filters.reload_interval_secs: must be a number of seconds greater than 0, not '.inf'"],
        ),
        (
            "filters:\n  table_blacklist: [a.b]\n  table_blacklist: [c.d]",
            [":3: filters.table_blacklist: is given twice, first on line 2"],
        ),
        ("filters:\n  ? [a]\n  : b", [":1: filters: a key on line 2 is not plain text"]),
        (
            "filters: !!python/none x",
            [":1: filters: the tag tag:yaml.org,2002:python/none has no meaning here"],
        ),
        ("filters: !x {}", [":1: filters: the tag !x has no meaning here"]),
        (
            "a: 1\nfilters: [\n",
            [":3: not valid YAML: while parsing a flow node, did not find expected node content"],
        ),
        ("filters: &x {tenant_blacklist: *x}", [":1: filters.tenant_blacklist: is nested too deeply"]),
        (b"a: b\nfilters: \xff", [":2: the file is not UTF-8 text"]),
        ("a: \x00", [": not valid YAML: unacceptable character"]),
        ("[" * 5000, [":1: [0][0]: is nested too deeply"]),
        ("filters:\n  enforce: *x", [":2: filters.enforce: *x stands for nothing above it"]),
        ("filters: {}\n---\nfilters: {}", [":2: a second document begins"]),
    ],
)
def test_a_file_that_is_wrong(tmp_path: Path, text: str | bytes, problems: list[str]) -> None:
    found = [problem.removeprefix(str(tmp_path / "rules.yaml")) for problem in problems_of(tmp_path, text)]
    assert len(found) == len(problems)
    for problem, expected in zip(found, problems, strict=True):
        assert problem.startswith(expected)
        assert "\n" not in problem


def test_what_an_operator_is_shown_of_the_rules(tmp_path: Path) -> None:
    text = "filters: {tenant_blacklist: [a, b], tenant_columns: [t], tenant_columns_by_table: {ks.t: [y, x]}}"
    rules = load(tmp_path, text)

    summary = rules.summary()

    assert json.loads(json.dumps(summary)) == summary
    assert summary == {
        "path": str(tmp_path / "rules.yaml"),
        "content_hash": hashlib.sha256(text.encode()).hexdigest(),
        "loaded_at": 5.0,
        "reload_interval_secs": 60.0,
        "enforce": True,
        "tenants": 2,
        "tenant_columns": ["t"],
        "tenant_columns_by_table": {"ks.t": ["x", "y"]},
        "on_unknown_tenant": None,
        "table_blacklist": [],
        "table_whitelist": None,
    }


def test_the_error_says_all_problems_when_it_is_shown() -> None:
    assert str(RulesError(["a", "b"])) == "a\nb"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RulesError) as caught:
        load_rules(tmp_path / "none.yaml")
    assert caught.value.problems == (f"{tmp_path}/none.yaml: there is no such rules file",)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(RulesError) as caught:
        load_rules(tmp_path)
    assert caught.value.problems == (f"{tmp_path}: the rules file cannot be read: Is a directory",)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(), st.text(alphabet="filters: {}[]-\n\"'&*!?#a.b,|>%@`~")))
def test_any_content_gives_rules_or_problems(tmp_path: Path, content: str | bytes) -> None:
    assert all(problem.startswith(str(tmp_path)) for problem in problems_of(tmp_path, content))


def test_filters_imports_nothing_of_the_proxy() -> None:
    for source in Path(filters.__file__).parent.glob("*.py"):
        assert "import cqlproxy" not in source.read_text()
        assert "from cqlproxy" not in source.read_text()
