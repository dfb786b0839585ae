"""The paths below /filters, with real rules from a real file."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from cqlproxy.admin.request_body import MAX_BODY_BYTES
from filters import Governor, load_rules
from tests.unit.admin.asking import Answer, Ask, Proxy, with_server

TENANT = "550e8400-e29b-41d4-a716-446655440000"
GOOD = f"filters: {{tenant_columns: [owner], tenant_blacklist: [{TENANT}], table_blacklist: [ks.held]}}\n"
BAD = "filters:\n  table_blacklist: [held]\n  tenant_colums: [owner]\n"


def proxy_with(path: Path, text: str = GOOD) -> Proxy:
    path.write_text(text)
    return Proxy(governor=Governor(load_rules(path, loaded_at=1_000_000_000.5)))


def mapping(value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    return value


def is_stale(proxy: Proxy) -> bool:
    state = proxy.rules.state
    assert state is not None
    return state.stale


def statements(answer: Answer) -> list[dict[str, object]]:
    assert answer.status == 200
    found = mapping(answer.json)["statements"]
    assert isinstance(found, list)
    return found


def test_the_rules_in_force_are_shown(tmp_path: Path) -> None:
    proxy = proxy_with(tmp_path / "rules.yaml")
    proxy.metrics.count_filtered("tenant", "ks", "t")
    proxy.metrics.count_would_filter("table", "ks", "t")

    async def scenario(ask: Ask) -> None:
        answer = await ask("/filters")
        shown = mapping(answer.json)
        rules = mapping(shown.pop("rules"))
        assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
        assert shown == {
            "file": {"state": "in force", "problems": []},
            "copies_sent_under_earlier_rules": 0,
            "filtered_by_reason": {"tenant": 1},
            "would_filter_by_reason": {"table": 1},
        }
        assert (
            rules.items()
            >= {
                "path": str(tmp_path / "rules.yaml"),
                "content_hash": proxy.governor.rules.content_hash,
                "loaded_at": 1_000_000_000.5,
                "tenants": 1,
                "tenant_columns": ["owner"],
                "table_blacklist": ["ks.held"],
            }.items()
        )
        assert TENANT not in answer.body.decode()

    with_server(proxy, scenario)


def test_a_reload_puts_the_file_in_force(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    path = tmp_path / "rules.yaml"
    proxy = proxy_with(path)
    before = proxy.governor.rules

    async def scenario(ask: Ask) -> None:
        path.write_text("filters: {}\n")
        answer = await ask("/filters/reload", "POST")
        assert answer.status == 200
        assert proxy.governor.rules is not before
        rules = mapping(mapping(answer.json)["rules"])
        assert (rules["content_hash"], rules["tenants"]) == (proxy.governor.rules.content_hash, 0)
        state = proxy.rules.state
        assert state is not None
        assert (state.stale, state.content_hash) == (False, proxy.governor.rules.content_hash)

    with_server(proxy, scenario)
    asked = [record for record in caplog.records if record.getMessage().startswith("asked to read")]
    assert [vars(record)["client"].rpartition(":")[0] for record in asked] == ["127.0.0.1"]


def test_a_bad_file_leaves_the_rules_in_force_and_is_told_until_it_is_repaired(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "rules.yaml"
    proxy = proxy_with(path)
    before = proxy.governor.rules
    problems = [
        f"{path}:2: filters.table_blacklist[0]: ",
        f"{path}:3: filters.tenant_colums: unknown key",
    ]

    async def scenario(ask: Ask) -> None:
        path.write_text(BAD)
        answer = await ask("/filters/reload", "POST")
        body = mapping(answer.json)
        assert answer.status == 409
        assert body["error"] == "the rules file cannot be used; the rules of before stay in force"
        told = body["problems"]
        assert isinstance(told, list)
        assert [problem[: len(start)] for problem, start in zip(told, problems, strict=True)] == problems
        assert mapping(body["rules"])["content_hash"] == before.content_hash
        assert proxy.governor.rules is before
        for problem in told:
            assert f"the rules of before stay in force: {problem}" in caplog.text
        assert mapping((await ask("/filters")).json)["file"] == {"state": "refused", "problems": told}
        assert proxy.metrics.rules_reload_failures == 1
        assert is_stale(proxy)

        path.unlink()
        gone = mapping((await ask("/filters/reload", "POST")).json)
        assert gone["problems"] == [f"{path}: there is no such rules file"]
        path.write_text(GOOD)
        assert (await ask("/filters/reload", "POST")).status == 200
        assert proxy.metrics.rules_reload_failures == 2
        assert not is_stale(proxy)
        assert mapping((await ask("/filters")).json)["file"] == {"state": "in force", "problems": []}

    with_server(proxy, scenario)


def test_without_a_rules_file_there_is_nothing_to_reload() -> None:
    async def scenario(ask: Ask) -> None:
        answer = await ask("/filters/reload", "POST")
        assert answer.status == 404
        error = mapping(answer.json)["error"]
        assert isinstance(error, str)
        assert error.startswith("no rules file is configured, so there is nothing to read again; ")
        shown = mapping((await ask("/filters")).json)
        assert shown["file"] == {"state": "none", "problems": []}
        assert mapping(shown["rules"])["path"] is None

    proxy = Proxy()
    with_server(proxy, scenario)
    assert proxy.rules.state is None


# Statement, keyspace, and what is said of it: copied, reason, names.
TESTED = [
    ("INSERT INTO ks.t (id) VALUES (1)", None, (True, "allowed", "ks", "t")),
    ("INSERT INTO held (id) VALUES (1)", "ks", (False, "table", "ks", "held")),
    ("INSERT INTO held (id) VALUES (1)", None, (False, "keyspace_unknown", None, "held")),
    (f"INSERT INTO ks.t (id, owner) VALUES (1, {TENANT})", None, (False, "tenant", "ks", "t")),
    ("INSERT INTO ks.t (id, owner) VALUES (1, ?)", None, (None, None, "ks", "t")),
    ("SELECT * FROM ks.t", None, (False, None, "ks", "t")),
    ("INSERT INTO ks.t", None, (False, None, None, None)),
    ("GRANT ALL ON ks.t TO someone", None, (False, None, None, None)),
]


@pytest.mark.parametrize(("text", "keyspace", "expected"), TESTED)
def test_a_statement_is_asked_about(
    tmp_path: Path, text: str, keyspace: str | None, expected: tuple[object, ...]
) -> None:
    async def scenario(ask: Ask) -> None:
        body = json.dumps({"statement": text, "keyspace": keyspace}).encode()
        (entry,) = statements(await ask("/filters/test", "POST", body))
        assert tuple(entry[key] for key in ("copied", "reason", "keyspace", "table")) == expected
        assert entry["statement"] == text
        assert entry["would_hold"] is False
        assert entry["why"]

    with_server(proxy_with(tmp_path / "rules.yaml"), scenario)


def test_each_statement_of_a_batch_is_asked_about_and_rules_may_be_on_trial(tmp_path: Path) -> None:
    text = "BEGIN BATCH INSERT INTO ks.held (id) VALUES (1); DELETE FROM ks.t WHERE id = 1; APPLY BATCH"

    async def scenario(ask: Ask) -> None:
        found = statements(await ask("/filters/test", "POST", json.dumps({"statement": text}).encode()))
        seen = [(entry["table"], entry["copied"], entry["would_hold"]) for entry in found]
        assert seen == [("held", True, True), ("t", True, False)]

    trial = GOOD.replace("filters: {", "filters: {enforce: false, ")
    with_server(proxy_with(tmp_path / "rules.yaml", trial), scenario)


BAD_BODIES = [
    (b"", 422, None, "this is no JSON"),
    (b"{", 422, None, "this is no JSON"),
    (b"\xff", 422, None, "this is no JSON"),
    (b"[" * 100_000, 422, None, "this is no JSON"),
    (b"[]", 422, None, "not an array"),
    (b"{}", 422, "statement", "is required"),
    (b'{"statement": null}', 422, "statement", "is required"),
    (b'{"statement": 5}', 422, "statement", "must be text, not a number"),
    (b'{"statement": " "}', 422, "statement", "must not be empty"),
    (b'{"statement": "x", "keyspace": ["ks"]}', 422, "keyspace", "must be text, not an array"),
    (b'{"statement": "x", "keyspace": ""}', 422, "keyspace", "must not be empty"),
    (b'{"statement": "x", "keyspce": "ks"}', 422, "keyspce", "accepted here: statement, keyspace"),
    (b'"' + b"x" * MAX_BODY_BYTES + b'"', 413, None, "longer than"),
]


@pytest.mark.parametrize(("body", "status", "field", "what"), BAD_BODIES, ids=range(len(BAD_BODIES)))
def test_a_bad_body_is_refused_with_the_field(body: bytes, status: int, field: str | None, what: str) -> None:
    async def scenario(ask: Ask) -> None:
        answer = await ask("/filters/test", "POST", body)
        assert answer.status == status
        said = mapping(answer.json)
        assert said["field"] == field
        assert what in str(said["error"])

    with_server(Proxy(), scenario)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/filters", {"GET", "HEAD"}),
        ("GET", "/filters/reload", {"POST"}),
        ("GET", "/filters/test", {"POST"}),
    ],
)
def test_what_changes_something_is_asked_for_by_post(method: str, path: str, allowed: set[str]) -> None:
    async def scenario(ask: Ask) -> None:
        answer = await ask(path, method)
        assert answer.status == 405
        assert set(answer.headers["allow"].split(", ")) == allowed

    with_server(Proxy(), scenario)
