"""What is remembered of tenants that stand in texts is what the rules say about each."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.routing.scopes import scope_of
from cqlproxy.statements import PlainValues, Statement, analyse
from filters import Governor, OnUnknownTenant, Rules, TablePatterns, Tenants, table_pattern

BAD = "123e4567-e89b-12d3-a456-426614174000"
COLUMNS = ["tenant", "owner", "k"]
VALUES = ["'bad'", "'good'", BAD, BAD.upper(), f"'{BAD}'", "1", "-1", "01", "null", "0x00", "'1'", "'it''s'"]


def rules(tenants: frozenset[str], enforce: bool, unknown: OnUnknownTenant | None) -> Rules:
    return Rules(
        tenants=Tenants(sorted(tenants)),
        tables=TablePatterns([table_pattern("ks.held")]),
        tenant_columns=frozenset({"tenant", "owner"}),
        on_unknown_tenant=unknown,
        enforce=enforce,
    )


def the_long_way(statement: Statement) -> Statement:
    """The same with its values in a tuple, of which nothing is remembered."""
    return statement._replace(bindings=tuple(statement.bindings))


inserts = st.builds(
    lambda table, columns, values: (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(values[: len(columns)])})"
    ),
    st.sampled_from(["ks.t", "ks.u", "ks.held", "t"]),
    st.lists(st.sampled_from(COLUMNS), min_size=1, unique=True),
    st.lists(st.sampled_from(VALUES), min_size=3, max_size=3),
)
rule_sets = st.builds(
    rules,
    st.frozensets(st.sampled_from(["bad", BAD, "1", "-1", "it's"])),
    st.booleans(),
    st.sampled_from([None, *OnUnknownTenant]),
)


@given(st.lists(inserts, min_size=1, max_size=8), st.lists(rule_sets, min_size=1, max_size=2))
def test_a_remembered_verdict_is_the_one_of_the_rules(texts: list[str], sets: list[Rules]) -> None:
    governor = Governor(sets[0])
    for in_force in sets:
        governor.rules = in_force
        for text in [*texts, *texts]:
            statement = analyse(text)
            table = statement.tables[0]
            short = scope_of(governor, statement, table)
            long = scope_of(governor, the_long_way(statement), table)
            assert short.verdict is not None
            assert (short.verdict, short.rules) == (long.verdict, in_force)


def test_it_is_remembered_as_long_as_it_is_short_and_they_are_few() -> None:
    governor = Governor(rules(frozenset({"bad"}), True, None))
    known = governor.table("ks", "t").known
    long = analyse(f"INSERT INTO ks.t (tenant) VALUES ('{'x' * 1000}')")
    assert isinstance(long.bindings, PlainValues)
    scope_of(governor, long, long.tables[0])
    assert known == {}
    most = 0
    for number in range(3000):
        statement = analyse(f"INSERT INTO ks.t (tenant, k) VALUES ('tenant {number}', 1)")
        scope_of(governor, statement, statement.tables[0])
        most = max(most, len(known))
    assert most == 1000
    assert (("tenant", "'tenant 2999'"),) in known
