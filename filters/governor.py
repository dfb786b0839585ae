"""The governor: may this write be copied?

It is asked in steps, so that each thing is worked out once. What the rules say of a table is remembered by
its name; a scope is made once per statement and rule set, and knows what the text alone decides. Where a
bound value decides, the scope is asked per request: one look-up per tenant column, and no allocation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from filters.rules import Rules
from filters.scope import Scope, scope_of_tenants
from filters.sources import TenantSource
from filters.verdict import ALLOWED, Reason, Verdict

SYSTEM_KEYSPACES: Final = frozenset(
    {
        "system",
        "system_auth",
        "system_cluster_metadata",
        "system_distributed",
        "system_distributed_everywhere",
        "system_metrics",
        "system_replicated_keys",
        "system_schema",
        "system_traces",
        "system_views",
        "system_virtual_schema",
    }
)
"""Keyspaces of Cassandra and ScyllaDB themselves, never copied, whatever the rules say."""

_SYSTEM: Final = {name: Verdict(False, Reason.SYSTEM, name) for name in SYSTEM_KEYSPACES}
_MOST_TABLES: Final = 10_000
_MOST_KNOWN: Final = 1_000
_LONGEST_KNOWN: Final = 200


class TableScope:
    """What the rules say about writes to one table.

    ``settled`` is the answer when no tenant can change it, else None. ``tenant_columns`` are those whose
    values ``scope`` asks for; none when the answer is settled. ``known`` has scopes of writes that name their
    tenants in the text, by these columns and their values as they are written: see ``remember``.
    """

    __slots__ = ("known", "rules", "settled", "tenant_columns")

    def __init__(self, rules: Rules, settled: Scope | None, tenant_columns: frozenset[str]) -> None:
        self.rules = rules
        self.settled = settled
        self.tenant_columns = tenant_columns
        self.known: dict[tuple[tuple[str, str], ...], Scope] = {}

    @property
    def verdict(self) -> Verdict:
        """What the table's name alone decides: for changes of its schema, and for TRUNCATE."""
        settled = None if self.settled is None else self.settled.verdict
        return settled or ALLOWED

    def scope(self, bound: Sequence[TenantSource]) -> Scope:
        """What the rules say about one write to it.

        ``bound`` is what columns get or are compared with; columns that are no tenant columns may be among
        them.
        """
        return self.settled or scope_of_tenants(self.rules, self.tenant_columns, bound)

    def remember(self, words: tuple[tuple[str, str], ...], scope: Scope) -> None:
        """The same tenants come again and again: ``words`` decide the scope, and are short."""
        if sum([len(word) for _, word in words]) <= _LONGEST_KNOWN:
            if len(self.known) >= _MOST_KNOWN:
                self.known.clear()
            self.known[words] = scope


class Governor:
    """Asks the rules in force. They may be set at any time; later questions are asked of the new ones."""

    __slots__ = ("_allowed", "_rules", "_tables")

    def __init__(self, rules: Rules) -> None:
        self.rules = rules

    @property
    def rules(self) -> Rules:
        """The rules in force."""
        return self._rules

    @rules.setter
    def rules(self, rules: Rules) -> None:
        self._rules = rules
        self._allowed = TableScope(rules, Scope(rules, ALLOWED), frozenset())
        # Plain statements make a scope each, and hundreds of patterns are not asked for each of those.
        self._tables: dict[tuple[str | None, str], TableScope] = {}

    def table(self, keyspace: str | None, table: str) -> TableScope:
        """What the rules say about a table.

        Names are as CQL reads them (lower case unless quoted in the text); ``keyspace`` is None when it is
        not known.
        """
        scope = self._tables.get((keyspace, table))
        if scope is None:
            scope = self._table(keyspace, table)
            if len(self._tables) >= _MOST_TABLES:
                self._tables.clear()
            self._tables[keyspace, table] = scope
        return scope

    def scope(self, keyspace: str | None, table: str, bound: Sequence[TenantSource]) -> Scope:
        """What the rules say about a write to a table: ``table(...).scope(bound)``."""
        return self.table(keyspace, table).scope(bound)

    def _table(self, keyspace: str | None, table: str) -> TableScope:
        rules = self._rules
        held = _SYSTEM.get(keyspace or "") or rules.tables.find(keyspace, table)
        if held is None and rules.whitelist is not None:
            held = _not_listed(rules, keyspace, table)
        if held is not None:
            return TableScope(rules, Scope(rules, held), frozenset())
        columns = rules.tenant_columns_of(keyspace, table) if rules.tenants else frozenset()
        return TableScope(rules, None, columns) if columns else self._allowed


def _not_listed(rules: Rules, keyspace: str | None, table: str) -> Verdict | None:
    assert rules.whitelist is not None
    if rules.whitelist.sure(keyspace, table) is not None:
        return None
    possible = rules.whitelist.possible(table) if keyspace is None else None
    if possible is not None:
        return Verdict(False, Reason.KEYSPACE_UNKNOWN, possible.text)
    return Verdict(False, Reason.NOT_LISTED, table if keyspace is None else f"{keyspace}.{table}")
