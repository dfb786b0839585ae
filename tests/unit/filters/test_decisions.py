"""Any rules and any write: the governor decides as a naive reading of the rules does."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from filters import (
    Governor,
    LiteralSource,
    MarkerSource,
    OnUnknownTenant,
    Reason,
    Rules,
    TablePatterns,
    Tenants,
    TenantSource,
    UnknownSource,
    table_pattern,
)

COLUMNS = ["tenant", "owner", "other"]
VALUES = ["acme", "42", "other"]
BLACKLISTED = ["acme", "42"]


class Given(NamedTuple):
    """What a write gives one column: a value in the text, one bound, nothing (None), or a call."""

    column: str
    value: str | None
    how: str


class Filters(NamedTuple):
    """What a rules file says."""

    blacklist: list[str]
    whitelist: list[str]
    columns: list[str]
    by_table: dict[str, list[str]]
    unknown: OnUnknownTenant | None
    enforce: bool


parts = st.sampled_from(["a", "b", "*", "a*", "?", "[ab]", "ab"])
patterns = st.builds("{}.{}".format, parts, parts)
columns = st.lists(st.sampled_from(COLUMNS), max_size=2)
filters = st.builds(
    Filters,
    st.lists(patterns, max_size=2),
    st.lists(patterns, max_size=2),
    columns,
    st.dictionaries(patterns, columns, max_size=2),
    st.sampled_from([None, *OnUnknownTenant]),
    st.booleans(),
)
names = st.sampled_from(["a", "b", "ab", "c"])
writes = st.lists(
    st.builds(
        Given,
        st.sampled_from(COLUMNS),
        st.one_of(st.none(), st.sampled_from(VALUES)),
        st.sampled_from(["literal", "bound", "call"]),
    ),
    max_size=4,
)


def model(said: Filters, keyspace: str, table: str, write: Sequence[Given]) -> Reason | None:
    """Why the write is held back by rules in force; None when it is copied."""

    def means(pattern: str) -> bool:
        of_keyspace, of_table = pattern.split(".")
        return fnmatchcase(keyspace, of_keyspace) and fnmatchcase(table, of_table)

    if any(map(means, said.blacklist)):
        return Reason.TABLE
    if said.whitelist and not any(map(means, said.whitelist)):
        return Reason.NOT_LISTED
    own = [columns for pattern, columns in said.by_table.items() if means(pattern)]
    tenants = [one for one in write if one.column in (own[0] if own else said.columns)]
    held = {one.how for one in tenants if one.value in BLACKLISTED}
    if "literal" in held:
        return Reason.TENANT
    if any(one.how == "call" for one in tenants) and said.unknown is not OnUnknownTenant.MIRROR:
        return Reason.TENANT_UNKNOWN
    if "bound" in held:
        return Reason.TENANT
    absent = all(one.value is None for one in tenants if one.how != "call")
    if absent and (own[0] if own else said.columns) and said.unknown is OnUnknownTenant.HOLD:
        return Reason.TENANT_UNKNOWN
    return None


def rules_of(said: Filters) -> Rules:
    return Rules(
        tenants=Tenants(BLACKLISTED),
        tables=TablePatterns(map(table_pattern, said.blacklist)),
        whitelist=TablePatterns(map(table_pattern, said.whitelist)) if said.whitelist else None,
        tenant_columns=frozenset(said.columns),
        tenant_columns_by_table=tuple(
            (table_pattern(text), frozenset(own)) for text, own in said.by_table.items()
        ),
        on_unknown_tenant=said.unknown,
        enforce=said.enforce,
    )


def source_of(one: Given, index: int) -> TenantSource:
    if one.how == "call":
        return UnknownSource(one.column)
    if one.how == "bound":
        return MarkerSource(one.column, index, "text", False)
    return LiteralSource(one.column, "null" if one.value is None else "string", one.value or "null")


@given(filters, names, names, writes)
def test_as_the_rules_read(said: Filters, keyspace: str, table: str, write: list[Given]) -> None:
    expected = model(said, keyspace, table, write)
    sources = [source_of(one, index) for index, one in enumerate(write)]
    values = [None if one.value is None else one.value.encode() for one in write]

    governor = Governor(rules_of(said))
    verdict = governor.scope(keyspace, table, sources).decide(values.__getitem__)

    assert verdict == governor.scope(keyspace, table, sources).decide(values.__getitem__)
    assert verdict.copy == (expected is None or not said.enforce)
    assert verdict.would_hold == (expected is not None and not said.enforce)
    if expected is not None:
        assert verdict.reason is expected
    else:
        assert verdict.reason in (Reason.ALLOWED, Reason.TENANT_UNKNOWN)
