"""The decision: scopes that know it from the text alone, and scopes that ask for bound values."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence

import pytest

from filters import (
    ALLOWED,
    Governor,
    JsonSource,
    LiteralSource,
    MarkerSource,
    OnUnknownTenant,
    Reason,
    Rules,
    TablePatterns,
    Tenants,
    TenantSource,
    UnknownSource,
    Verdict,
    table_pattern,
)

UUID = "550e8400-e29b-41d4-a716-446655440000"
UUID_BYTES = uuid.UUID(UUID).bytes
OTHER = bytes(16)
HELD_UUID = Verdict(False, Reason.TENANT, UUID)
HELD_ACME = Verdict(False, Reason.TENANT, "acme")


def rules(
    tables: Sequence[str] = (),
    tenants: Sequence[str] = (),
    columns: Sequence[str] = ("tenant",),
    *,
    whitelist: Sequence[str] = (),
    by_table: Mapping[str, Sequence[str]] | None = None,
    unknown: OnUnknownTenant | None = None,
    enforce: bool = True,
) -> Rules:
    return Rules(
        tenants=Tenants(tenants),
        tables=TablePatterns(map(table_pattern, tables)),
        whitelist=TablePatterns(map(table_pattern, whitelist)) if whitelist else None,
        tenant_columns=frozenset(columns),
        tenant_columns_by_table=tuple(
            (table_pattern(text), frozenset(own)) for text, own in (by_table or {}).items()
        ),
        on_unknown_tenant=unknown,
        enforce=enforce,
    )


GOVERNOR = Governor(rules(["*.migrations", "audit.*"], [UUID, "acme", "42"], ["tenant", "Owner"]))


def nothing_bound(marker: int) -> bytes | None:
    raise AssertionError(f"the value of marker {marker} was asked for")


def bound(*values: bytes | None) -> Callable[[int], bytes | None]:
    return values.__getitem__


@pytest.mark.parametrize(
    ("keyspace", "table", "source", "verdict"),
    [
        ("ks", "t", [], ALLOWED),
        ("ks", "migrations", [], Verdict(False, Reason.TABLE, "*.migrations")),
        (None, "migrations", [], Verdict(False, Reason.TABLE, "*.migrations")),
        ("audit", "t", [], Verdict(False, Reason.TABLE, "audit.*")),
        (None, "t", [], Verdict(False, Reason.KEYSPACE_UNKNOWN, "audit.*")),
        ("audit", "t", [MarkerSource("tenant", 0, "uuid", False)], Verdict(False, Reason.TABLE, "audit.*")),
        ("ks", "t", [LiteralSource("tenant", "uuid", UUID)], HELD_UUID),
        ("ks", "t", [LiteralSource("tenant", "string", UUID.upper())], HELD_UUID),
        ("ks", "t", [LiteralSource("Owner", "string", "acme")], HELD_ACME),
        ("ks", "t", [LiteralSource("owner", "string", "acme")], ALLOWED),
        ("ks", "t", [LiteralSource("tenant", "string", "other")], ALLOWED),
        ("ks", "t", [LiteralSource("tenant", "null", "null")], ALLOWED),
        ("ks", "t", [LiteralSource("other", "uuid", UUID)], ALLOWED),
        (
            "ks",
            "t",
            [LiteralSource("tenant", "integer", "1"), LiteralSource("tenant", "string", "acme")],
            HELD_ACME,
        ),
        ("ks", "t", [MarkerSource("other", 0, "uuid", False)], ALLOWED),
        (
            "ks",
            "t",
            [MarkerSource("tenant", 0, "uuid", False), LiteralSource("tenant", "string", "acme")],
            HELD_ACME,
        ),
        ("ks", "t", [UnknownSource("tenant")], Verdict(False, Reason.TENANT_UNKNOWN, "tenant")),
        ("ks", "t", [UnknownSource("other")], ALLOWED),
        ("ks", "t", [UnknownSource("tenant"), LiteralSource("tenant", "string", "acme")], HELD_ACME),
        (
            "ks",
            "t",
            [UnknownSource("tenant"), MarkerSource("tenant", 0, "uuid", False)],
            Verdict(False, Reason.TENANT_UNKNOWN, "tenant"),
        ),
        ("ks", "t", [JsonSource('{"tenant": "acme"}', None)], HELD_ACME),
        ("ks", "t", [JsonSource('{"tenant": "other", "x": [{"tenant": "acme"}]}', None)], ALLOWED),
        ("ks", "t", [JsonSource("[]", None)], Verdict(False, Reason.TENANT_UNKNOWN, "JSON")),
        ("ks", "t", [JsonSource(None, None)], Verdict(False, Reason.TENANT_UNKNOWN, "JSON")),
    ],
)
def test_decided_by_the_text(
    keyspace: str | None, table: str, source: list[TenantSource], verdict: Verdict
) -> None:
    scope = GOVERNOR.scope(keyspace, table, source)

    assert scope.verdict == verdict
    assert scope.decide(nothing_bound) == verdict
    assert scope.rules is GOVERNOR.rules


@pytest.mark.parametrize(
    ("sources", "values", "verdict"),
    [
        ([MarkerSource("tenant", 0, "uuid", False)], [UUID_BYTES], HELD_UUID),
        ([MarkerSource("tenant", 0, "uuid", False)], [OTHER], ALLOWED),
        ([MarkerSource("tenant", 0, "uuid", False)], [None], ALLOWED),
        ([MarkerSource("tenant", 1, "text", False)], [b"acme", b"x"], ALLOWED),
        ([MarkerSource("tenant", 1, "text", False)], [b"x", b"acme"], HELD_ACME),
        ([MarkerSource("tenant", 0, None, False)], [UUID.upper().encode()], HELD_UUID),
        (
            [MarkerSource("tenant", 0, "uuid", False), MarkerSource("Owner", 1, "text", False)],
            [None, b"acme"],
            HELD_ACME,
        ),
        (
            [MarkerSource("tenant", 0, "uuid", False), MarkerSource("tenant", 1, "uuid", False)],
            [OTHER, UUID_BYTES],
            HELD_UUID,
        ),
        (
            [MarkerSource("tenant", 0, "uuid", False), LiteralSource("tenant", "string", "other")],
            [UUID_BYTES],
            HELD_UUID,
        ),
        ([JsonSource(None, 0)], [b'{"tenant": "acme"}'], HELD_ACME),
        ([JsonSource(None, 0)], [b'{"tenant": "other"}'], ALLOWED),
        ([JsonSource(None, 0)], [None], ALLOWED),
        ([JsonSource(None, 0)], [b'{"tenant": "\xff"}'], Verdict(False, Reason.TENANT_UNKNOWN, "JSON")),
    ],
)
def test_decided_by_bound_values(
    sources: list[TenantSource], values: list[bytes | None], verdict: Verdict
) -> None:
    scope = GOVERNOR.scope("ks", "t", sources)

    assert scope.verdict is None
    assert scope.decide(bound(*values)) == verdict


def serialized(*elements: bytes | None) -> bytes:
    parts = [len(elements).to_bytes(4, "big")]
    for element in elements:
        parts.append(b"\xff\xff\xff\xff" if element is None else len(element).to_bytes(4, "big") + element)
    return b"".join(parts)


UNKNOWN = Verdict(False, Reason.TENANT_UNKNOWN, "tenant")


@pytest.mark.parametrize("cql_type", ["list<uuid>", "frozen<list<uuid>>", "set<uuid>", None])
@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (serialized(OTHER, UUID_BYTES), HELD_UUID),
        (serialized(OTHER, None, OTHER), ALLOWED),
        (serialized(), ALLOWED),
        (None, ALLOWED),
        (serialized(OTHER)[:-1], UNKNOWN),
        (serialized(OTHER)[:6], UNKNOWN),
        (b"\x7f\xff\xff\xff", UNKNOWN),
    ],
)
def test_a_list_of_tenants(cql_type: str | None, value: bytes | None, verdict: Verdict) -> None:
    scope = GOVERNOR.scope("ks", "t", [MarkerSource("tenant", 0, cql_type, True)])

    assert scope.decide(bound(value)) == verdict


@pytest.mark.parametrize(
    ("document", "verdict"),
    [
        ({"tenant": UUID}, HELD_UUID),
        ({"TENANT": UUID.upper()}, HELD_UUID),
        ({'"tenant"': "acme"}, HELD_ACME),
        ({'"TENANT"': "acme"}, ALLOWED),
        ({'"Owner"': "acme"}, HELD_ACME),
        ({"Owner": "acme"}, ALLOWED),
        ({"tenant": 42}, Verdict(False, Reason.TENANT, "42")),
        ({"tenant": "42"}, Verdict(False, Reason.TENANT, "42")),
        ({"tenant": 42.5}, ALLOWED),
        ({"tenant": True}, ALLOWED),
        ({"tenant": None}, ALLOWED),
        ({"tenant": ["acme"]}, Verdict(False, Reason.TENANT_UNKNOWN, "JSON")),
        ({}, ALLOWED),
    ],
)
def test_the_tenant_in_a_document(document: dict[str, object], verdict: Verdict) -> None:
    assert GOVERNOR.scope("ks", "t", [JsonSource(json.dumps(document), None)]).verdict == verdict


@pytest.mark.parametrize(
    "document", ["", "{", "null", '"acme"', "[" * 100_000, '{"tenant": 1' + "0" * 5000 + "}"]
)
def test_a_document_that_is_none(document: str) -> None:
    verdict = GOVERNOR.scope("ks", "t", [JsonSource(document, None)]).verdict
    assert verdict == Verdict(False, Reason.TENANT_UNKNOWN, "JSON")


def test_a_key_that_comes_twice() -> None:
    document = '{"tenant": "acme", "tenant": "other"}'
    assert GOVERNOR.scope("ks", "t", [JsonSource(document, None)]).verdict == HELD_ACME


def test_without_rules_nothing_is_held_back() -> None:
    governor = Governor(Rules())
    sources: list[TenantSource] = [
        UnknownSource("tenant"),
        MarkerSource("tenant", 0, None, False),
        JsonSource(None, None),
    ]

    assert governor.scope("ks", "t", sources).verdict is ALLOWED
    assert governor.scope(None, "t", []).verdict is ALLOWED


def test_new_rules_are_asked_at_once() -> None:
    governor = Governor(rules(["ks.t"]))
    old = governor.scope("ks", "t", [])
    assert governor.scope("ks", "u", []).verdict is ALLOWED

    governor.rules = rules(["ks.u"])

    assert old.rules is not governor.rules
    assert governor.scope("ks", "t", []).verdict is ALLOWED
    assert governor.scope("ks", "u", []).verdict == Verdict(False, Reason.TABLE, "ks.u")
    assert governor.scope("ks", "u", []).rules is governor.rules


def test_more_tables_than_are_remembered() -> None:
    governor = Governor(rules(["ks.t7"]))
    for _ in range(2):
        held = [
            number
            for number in range(25_000)
            if governor.scope("ks", f"t{number}", []).verdict is not ALLOWED
        ]
        assert held == [7]


@pytest.mark.parametrize(
    ("keyspace", "table", "verdict"),
    [
        ("shop", "orders", ALLOWED),
        ("shop", "tmp_1", Verdict(False, Reason.TABLE, "shop.tmp_*")),
        ("other", "users", ALLOWED),
        ("other", "orders", Verdict(False, Reason.NOT_LISTED, "other.orders")),
        (None, "users", Verdict(False, Reason.KEYSPACE_UNKNOWN, "audit.*")),
        ("system_auth", "users", Verdict(False, Reason.SYSTEM, "system_auth")),
    ],
)
def test_only_what_the_whitelist_names_is_copied(keyspace: str, table: str, verdict: Verdict) -> None:
    governor = Governor(rules(["shop.tmp_*", "audit.*"], whitelist=["shop.*", "*.users"]))

    assert governor.scope(keyspace, table, []).verdict == verdict
    assert governor.table(keyspace, table).verdict == verdict


@pytest.mark.parametrize(
    ("table", "verdict"),
    [
        ("users", ALLOWED),
        ("orders", Verdict(False, Reason.KEYSPACE_UNKNOWN, "shop.orders")),
        ("others", Verdict(False, Reason.NOT_LISTED, "others")),
    ],
)
def test_a_whitelist_and_a_keyspace_that_is_not_known(table: str, verdict: Verdict) -> None:
    governor = Governor(rules(whitelist=["shop.orders", "*.users"]))

    assert governor.scope(None, table, []).verdict == verdict


@pytest.mark.parametrize(
    ("keyspace", "table", "columns"),
    [
        ("shop", "orders", {"customer"}),
        ("shop", "items", set()),
        ("crm", "orders", {"account"}),
        ("crm", "items", {"tenant"}),
        (None, "orders", {"customer", "account"}),
        (None, "items", {"tenant"}),
    ],
)
def test_the_first_pattern_that_means_a_table_gives_its_tenant_columns(
    keyspace: str | None, table: str, columns: set[str]
) -> None:
    by_table = {"shop.orders": ["customer"], "shop.*": [], "*.orders": ["account"]}

    assert Governor(rules(tenants=["a"], by_table=by_table)).table(keyspace, table).tenant_columns == columns


MIRROR, HOLD = OnUnknownTenant.MIRROR, OnUnknownTenant.HOLD
LITERAL = LiteralSource("tenant", "string", "other")
HELD_ABSENT = Verdict(False, Reason.TENANT_UNKNOWN, "Owner, tenant")
UNREADABLE = Verdict(True, Reason.TENANT_UNKNOWN, "tenant")
HELD_JSON = Verdict(False, Reason.TENANT_UNKNOWN, "JSON")


@pytest.mark.parametrize(
    ("source", "values", "by_default", "mirrored", "held"),
    [
        ([], [], ALLOWED, ALLOWED, HELD_ABSENT),
        ([LiteralSource("other", "string", "acme")], [], ALLOWED, ALLOWED, HELD_ABSENT),
        ([LiteralSource("tenant", "null", "null")], [], ALLOWED, ALLOWED, HELD_ABSENT),
        ([MarkerSource("tenant", 0, "text", False)], [None], ALLOWED, ALLOWED, HELD_ABSENT),
        ([MarkerSource("tenant", 0, "text", False)], [b"other"], ALLOWED, ALLOWED, ALLOWED),
        ([LITERAL], [], ALLOWED, ALLOWED, ALLOWED),
        ([LITERAL, MarkerSource("Owner", 0, "text", False)], [None], ALLOWED, ALLOWED, ALLOWED),
        (
            [MarkerSource("tenant", 0, "text", False), MarkerSource("Owner", 1, "text", False)],
            [None, b"other"],
            ALLOWED,
            ALLOWED,
            ALLOWED,
        ),
        ([JsonSource("{}", None)], [], ALLOWED, ALLOWED, HELD_ABSENT),
        ([JsonSource(None, 0)], [b"{}"], ALLOWED, ALLOWED, HELD_ABSENT),
        ([JsonSource(None, 0)], [None], ALLOWED, ALLOWED, HELD_ABSENT),
        ([JsonSource(None, 0)], [b'{"tenant": "other"}'], ALLOWED, ALLOWED, ALLOWED),
        ([UnknownSource("tenant")], [], UNKNOWN, UNREADABLE, UNKNOWN),
        (
            [UnknownSource("tenant"), MarkerSource("Owner", 0, "text", False)],
            [b"x"],
            UNKNOWN,
            UNREADABLE,
            UNKNOWN,
        ),
        ([JsonSource("[", None)], [], HELD_JSON, HELD_JSON._replace(copy=True), HELD_JSON),
        ([JsonSource(None, 0)], [b"["], HELD_JSON, HELD_JSON._replace(copy=True), HELD_JSON),
        ([MarkerSource("tenant", 0, "list<text>", True)], [b"x"], UNKNOWN, UNREADABLE, UNKNOWN),
        (
            [MarkerSource("tenant", 0, "list<text>", True), MarkerSource("Owner", 1, "text", False)],
            [b"x", b"other"],
            UNKNOWN,
            UNREADABLE,
            UNKNOWN,
        ),
    ],
)
def test_a_tenant_that_cannot_be_known(
    source: list[TenantSource],
    values: list[bytes | None],
    by_default: Verdict,
    mirrored: Verdict,
    held: Verdict,
) -> None:
    verdicts = [
        Governor(rules(tenants=["acme"], columns=["tenant", "Owner"], unknown=unknown))
        .scope("ks", "t", source)
        .decide(bound(*values))
        for unknown in (None, MIRROR, HOLD)
    ]

    assert verdicts == [by_default, mirrored, held]


@pytest.mark.parametrize("first", [True, False])
def test_a_doubt_that_is_let_pass_hides_no_tenant_of_the_blacklist(first: bool) -> None:
    governor = Governor(rules(tenants=["acme"], columns=["tenant", "Owner"], unknown=MIRROR))
    held = MarkerSource("Owner", 1, "text", False)
    for doubt in (UnknownSource("tenant"), MarkerSource("tenant", 0, "list<text>", True)):
        source: list[TenantSource] = [doubt, held] if first else [held, doubt]
        assert governor.scope("ks", "t", source).decide(bound(b"x", b"acme")) == HELD_ACME


def test_tables_without_tenant_columns_have_no_unknown_tenants() -> None:
    governor = Governor(rules(tenants=["acme"], by_table={"ks.ref": []}, unknown=HOLD))

    assert governor.scope("ks", "ref", []).verdict is ALLOWED
    assert governor.scope("ks", "t", []).verdict == UNKNOWN
    assert governor.table("ks", "t").verdict is ALLOWED
    assert Governor(rules(unknown=HOLD)).scope("ks", "t", []).verdict is ALLOWED


def test_rules_that_are_not_enforced_say_what_they_would_hold_back() -> None:
    governor = Governor(rules(["ks.t"], ["acme"], unknown=HOLD, enforce=False))

    def verdict(keyspace: str, table: str, *source: TenantSource, value: bytes | None = None) -> Verdict:
        return governor.scope(keyspace, table, source).decide(bound(value))

    marker = MarkerSource("tenant", 0, "text", False)
    assert verdict("ks", "t") == Verdict(True, Reason.TABLE, "ks.t", would_hold=True)
    assert verdict("ks", "u", LiteralSource("tenant", "string", "acme")) == HELD_ACME.unenforced()
    assert verdict("ks", "u", marker, value=b"acme") == Verdict(True, Reason.TENANT, "acme", would_hold=True)
    assert verdict("ks", "u", marker) == Verdict(True, Reason.TENANT_UNKNOWN, "tenant", would_hold=True)
    assert verdict("ks", "u", marker, value=b"other") is ALLOWED
    assert verdict("system", "local") == Verdict(False, Reason.SYSTEM, "system")
