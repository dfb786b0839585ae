"""The decision: scopes that know it from the text alone, and scopes that ask for bound values."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters import (
    ALLOWED,
    Governor,
    JsonSource,
    LiteralSource,
    MarkerSource,
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
    tables: Sequence[str] = (), tenants: Sequence[str] = (), columns: Sequence[str] = ("tenant",)
) -> Rules:
    return Rules(
        tenants=Tenants(tenants),
        tables=TablePatterns(map(table_pattern, tables)),
        tenant_columns=frozenset(columns),
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


values = st.sampled_from([b"acme", b"other", UUID_BYTES, OTHER, UUID.encode(), b"\x00\x00\x00\x2a"])
types = st.sampled_from(["uuid", "text", "int"])


@given(
    st.lists(
        st.tuples(st.sampled_from(["tenant", "Owner", "other"]), types, st.one_of(st.none(), values)),
        max_size=5,
    )
)
def test_as_a_naive_model_would_decide(columns: list[tuple[str, str, bytes | None]]) -> None:
    tenants = {
        "uuid": {UUID_BYTES},
        "text": {UUID.encode(), b"acme", b"42"},
        "int": {(42).to_bytes(4, "big")},
    }
    forbidden = any(
        column in ("tenant", "Owner") and value in tenants[cql_type] for column, cql_type, value in columns
    )
    sources = [
        MarkerSource(column, index, cql_type, False) for index, (column, cql_type, _) in enumerate(columns)
    ]

    verdict = GOVERNOR.scope("ks", "t", sources).decide(bound(*[value for _, _, value in columns]))

    assert verdict.copy == (not forbidden)
    assert verdict.reason == (Reason.TENANT if forbidden else Reason.ALLOWED)
