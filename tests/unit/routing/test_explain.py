"""What an operator is told of a statement, and that it is what would become of its copy."""

from __future__ import annotations

import pytest

from cqlproxy.routing.explain import explain
from cqlproxy.statements import TableName
from filters import Governor, Rules, TablePatterns, Tenants, table_pattern

GOVERNOR = Governor(
    Rules(
        tenants=Tenants(["acme"]),
        tables=TablePatterns([table_pattern("*.migrations")]),
        whitelist=TablePatterns(map(table_pattern, ["ks.*", "*.migrations"])),
        tenant_columns=frozenset(["tenant"]),
    )
)


@pytest.mark.parametrize(
    ("text", "keyspace", "table", "copied", "why"),
    [
        ("INSERT INTO ks.t (tenant) VALUES ('x')", None, "ks.t", True, "copied: no rule holds it back"),
        (
            " INSERT INTO t (tenant) VALUES ('acme')",
            "ks",
            "ks.t",
            False,
            "held back: its tenant is in tenant_blacklist: acme",
        ),
        (
            "DELETE FROM ks.migrations WHERE k = 1",
            None,
            "ks.migrations",
            False,
            "held back: the table is named by table_blacklist: *.migrations",
        ),
        (
            "INSERT INTO other.t (k) VALUES (1)",
            None,
            "other.t",
            False,
            "held back: table_whitelist does not name the table other.t",
        ),
        (
            "INSERT INTO t (k) VALUES (1)",
            None,
            "None.t",
            False,
            "held back: its keyspace is not known, and it depends on that whether ks.* names the table",
        ),
        (
            "INSERT INTO ks.t (tenant) VALUES (uuid())",
            None,
            "ks.t",
            False,
            "held back: its tenant cannot be known from the request: tenant",
        ),
        (
            "UPDATE ks.t SET v = ? WHERE tenant IN (?, ?)",
            None,
            "ks.t",
            None,
            "it depends on the values bound: marker 2, marker 3",
        ),
        ("TRUNCATE ks.t", None, "ks.t", True, "copied: no rule holds it back"),
        (
            "CREATE MATERIALIZED VIEW ks.v AS SELECT k FROM ks.migrations WHERE k > 0 PRIMARY KEY (k)",
            None,
            "ks.migrations",
            False,
            "held back: the table is named by table_blacklist: *.migrations",
        ),
        (
            "CREATE KEYSPACE k WITH replication = {}",
            None,
            None,
            True,
            "copied: it names no table that a rule could hold back",
        ),
        ("SELECT * FROM ks.t", None, "ks.t", None, "a read writes nothing, so there is nothing to copy"),
        ("GRANT SELECT ON ks.t TO r", None, None, None, "roles and permissions are not copied"),
        (
            "INSRT INTO ks.t",
            None,
            None,
            None,
            "not understood as CQL: the primary gets it as it is, and it is never copied",
        ),
        (
            "UPDATE system.local SET x = 1 WHERE key = 'local'",
            None,
            "system.local",
            False,
            "held back: the keyspace system is the cluster's own and is never copied",
        ),
    ],
)
def test_one_statement(
    text: str, keyspace: str | None, table: str | None, copied: bool | None, why: str
) -> None:
    (explanation,) = explain(GOVERNOR, text, keyspace)

    assert explanation.statement == text.strip()
    named = explanation.table
    assert (None if named is None else f"{named.keyspace}.{named.table}") == table
    assert (None if explanation.verdict is None else explanation.verdict.copy) == copied
    assert explanation.why == why


def test_each_statement_of_a_batch() -> None:
    text = "BEGIN BATCH INSERT INTO t (tenant) VALUES ('acme'); DELETE FROM u WHERE tenant = 'x'; APPLY BATCH"

    found = explain(GOVERNOR, text, "ks")

    assert [one.statement for one in found] == [
        "INSERT INTO t (tenant) VALUES ('acme')",
        "DELETE FROM u WHERE tenant = 'x'",
    ]
    assert [one.table for one in found] == [TableName("ks", "t"), TableName("ks", "u")]
    assert [one.verdict is not None and one.verdict.copy for one in found] == [False, True]


def test_a_trial_says_what_would_be() -> None:
    governor = Governor(Rules(tables=TablePatterns([table_pattern("ks.t")]), enforce=False))

    (explanation,) = explain(governor, "DELETE FROM ks.t WHERE k = 1")

    assert explanation.verdict is not None
    assert (explanation.verdict.copy, explanation.verdict.would_hold) == (True, True)
    assert explanation.why == (
        "copied, since the rules are not enforced (enforce: false); else held back: the table is named by"
        " table_blacklist: ks.t"
    )
