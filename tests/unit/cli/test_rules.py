"""`cqlproxy filters`, against a real admin server, and against a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cqlproxy.cli import main
from filters import Governor, load_rules
from tests.unit.admin.asking import Proxy
from tests.unit.cli.running import Running

TENANT = "550e8400-e29b-41d4-a716-446655440000"
RULES = f"""filters:
  tenant_columns: [owner]
  tenant_columns_by_table: {{"ks.orders": [customer]}}
  tenant_blacklist: [{TENANT}]
  table_blacklist: ["ks.held", "*.migrations"]
"""
BAD = "filters:\n  tenant_colums: [owner]\n"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return path


@pytest.fixture
def running(rules: Path) -> Iterator[Running]:
    server = Running(Proxy(governor=Governor(load_rules(rules, loaded_at=1_700_000_000.0))))
    yield server
    server.stop()


def run(*arguments: object, **environment: str) -> Result:
    return CliRunner().invoke(main, ["filters", *map(str, arguments)], env=environment)


def test_show_says_what_is_in_force(running: Running, rules: Path) -> None:
    running.proxy.metrics.count_filtered("tenant", "ks", "t")
    result = run("show", "--url", running.url)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        f"rules       {rules}",
        f"            SHA-256 {running.proxy.governor.rules.content_hash}",
        "            read 2023-11-14 22:13:20+00:00, looked at every 60.0 s",
        "enforced    yes",
        "tenants     1 held back, by owner; in ks.orders by customer",
        "unknown     tenants that cannot be known: copied without a tenant column,"
        " held back where only the server knows its value",
        "blacklist   ks.held, *.migrations",
        "whitelist   none",
        "held back   1 by tenant",
        "would hold  nothing so far",
    ]


def test_show_as_json_is_what_the_api_says_and_the_url_may_come_from_the_environment(
    running: Running,
) -> None:
    result = run("show", "--json", CQLPROXY_URL=running.url + "/")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == running.proxy.rules.shown()


def test_reload_says_that_the_rules_are_in_force(running: Running, rules: Path) -> None:
    rules.write_text("filters: {}\n")
    result = run("reload", "--url", running.url)
    now = running.proxy.governor.rules
    assert not now.tenants
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"The rules of {rules} are in force.\nSHA-256 {now.content_hash}\n"


def test_reload_of_a_bad_file_is_exit_1_with_the_problems_and_show_tells_of_it(
    running: Running, rules: Path
) -> None:
    before = running.proxy.governor.rules
    rules.write_text(BAD)
    result = run("reload", "--url", running.url)
    assert (result.exit_code, result.stdout) == (1, "")
    first, problem = result.stderr.splitlines()
    assert first == "cqlproxy: the rules file cannot be used; the rules of before stay in force"
    assert problem.startswith(f"  {rules}:2: filters.tenant_colums: unknown key")
    assert running.proxy.governor.rules is before
    shown = run("show", "--url", running.url).stdout.splitlines()
    assert shown[-2:] == ["The file cannot be used as it is now, so older rules are in force:", problem]
    as_json = run("reload", "--json", "--url", running.url)
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout)["problems"] == [problem.strip()]


def test_a_proxy_without_a_rules_file() -> None:
    server = Running(Proxy())
    try:
        shown = run("show", "--url", server.url)
        reloaded = run("reload", "--url", server.url)
    finally:
        server.stop()
    assert shown.stdout.startswith("No rules file is configured: nothing is held back")
    assert reloaded.exit_code == 1
    assert reloaded.stderr.startswith("cqlproxy: no rules file is configured, so there is nothing to read")


# Arguments, and what is said below the statement.
TESTED = [
    (["INSERT INTO ks.held (id) VALUES (1)"], "ks.held: held back: the table is named by table_blacklist: "),
    (["INSERT INTO t (id) VALUES (1)", "--keyspace", "ks"], "ks.t: copied: no rule holds it back"),
    ([f"UPDATE ks.t SET v = 1 WHERE owner = {TENANT}"], "ks.t: held back: its tenant is in tenant_blacklist"),
    (["DELETE FROM ks.t WHERE owner = ?"], "ks.t: it depends on the values bound: marker 1"),
    (["SELECT  *\nFROM ks.t"], "ks.t: a read writes nothing"),
    (["INSERT INTO"], "not understood as CQL"),
]


@pytest.mark.parametrize(("arguments", "said"), TESTED, ids=[case[0][0] for case in TESTED])
def test_a_statement_is_tested_by_a_running_proxy_as_by_its_file(
    running: Running, rules: Path, arguments: list[str], said: str
) -> None:
    asked = run("test", *arguments, "--url", running.url)
    alone = run("test", *arguments, "--rules", rules)
    assert (asked.exit_code, alone.exit_code) == (0, 0)
    assert asked.stdout == alone.stdout
    statement, verdict = alone.stdout.splitlines()
    assert statement == " ".join(arguments[0].split())
    assert verdict.startswith(f"  {said}")


def test_each_statement_of_a_batch_is_tested(rules: Path) -> None:
    text = "BEGIN BATCH INSERT INTO ks.held (id) VALUES (1); DELETE FROM ks.t WHERE id = 1; APPLY BATCH"
    assert len(run("test", text, "--rules", rules).stdout.splitlines()) == 4
    (held, free) = json.loads(run("test", text, "--rules", rules, "--json").stdout)["statements"]
    assert ((held["copied"], held["reason"]), (free["copied"], free["reason"])) == (
        (False, "table"),
        (True, "allowed"),
    )


def test_a_long_statement_is_shortened(rules: Path) -> None:
    shown = run("test", f"INSERT INTO ks.t (id) VALUES ('{'x' * 500}')", "--rules", rules).stdout
    assert len(shown.splitlines()[0]) == 100


def test_a_bad_rules_file_is_exit_2(rules: Path) -> None:
    rules.write_text(BAD)
    result = run("test", "SELECT", "--rules", rules)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"{rules}:2: filters.tenant_colums: unknown key")


@pytest.mark.parametrize("arguments", [[], [""], [" "], ["SELECT", "--keyspace", ""], ["a", "b"]])
def test_a_statement_must_be_given(arguments: list[str]) -> None:
    assert run("test", *arguments).exit_code == 2
