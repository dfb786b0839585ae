"""The governor: may this write be copied?

It is asked in two steps. A scope is made once per statement and rule set: it knows what the table's name and
the text alone decide. Where a bound value decides, the scope is asked per request: one look-up per tenant
column, and no allocation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from filters.json_documents import column_values
from filters.rules import Rules
from filters.sources import JsonSource, LiteralSource, MarkerSource, TenantSource, UnknownSource
from filters.tenants import Find, Tenants
from filters.verdict import ALLOWED, Reason, Verdict

ValueOf = Callable[[int], bytes | None]
"""From a marker's index to the value bound to it; None for null, unset and absent ones."""

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
_COLLECTIONS: Final = ("list<", "set<")
_DOCUMENT_UNKNOWN: Final = Verdict(False, Reason.TENANT_UNKNOWN, "JSON")


class Scope:
    """What the rules say about one statement.

    ``rules`` is the rule set that it was made from: when the governor's is another, the scope is out of date.
    ``verdict`` is the answer when no bound value can change it, else None: then ``decide`` gives it.
    """

    __slots__ = ("_checks", "rules", "verdict")

    def __init__(
        self, rules: Rules, verdict: Verdict | None, checks: tuple[tuple[int, Find], ...] = ()
    ) -> None:
        self.rules = rules
        self.verdict = verdict
        self._checks = checks

    def decide(self, value_of: ValueOf) -> Verdict:
        """The answer for the values of one request. A write is held back if any of its tenants is."""
        # Hot path.
        if self.verdict is not None:
            return self.verdict
        for marker, find in self._checks:
            value = value_of(marker)
            if value is not None:
                held = find(value)
                if held is not None:
                    return held
        return ALLOWED


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
        self._allowed = Scope(rules, ALLOWED)
        # Plain statements make a scope each, and hundreds of patterns are not asked for each of those.
        self._tables: dict[tuple[str | None, str], Scope] = {}

    def scope(self, keyspace: str | None, table: str, bound: Sequence[TenantSource]) -> Scope:
        """What the rules say about a write to a table.

        Names are as CQL reads them (lower case unless quoted in the text); ``keyspace`` is None when it is
        not known. ``bound`` is what columns get or are compared with; columns that are no tenant columns may
        be among them.
        """
        of_table = self._tables.get((keyspace, table))
        if of_table is None:
            of_table = self._scope_of_table(keyspace, table)
        rules = self._rules
        if of_table is not self._allowed or not rules.tenants or not rules.tenant_columns:
            return of_table
        return self._scope_of_tenants(rules, bound)

    def _scope_of_table(self, keyspace: str | None, table: str) -> Scope:
        held = _SYSTEM.get(keyspace or "") or self._rules.tables.find(keyspace, table)
        scope = self._allowed if held is None else Scope(self._rules, held)
        if len(self._tables) >= _MOST_TABLES:
            self._tables.clear()
        self._tables[keyspace, table] = scope
        return scope

    def _scope_of_tenants(self, rules: Rules, bound: Sequence[TenantSource]) -> Scope:
        checks: list[tuple[int, Find]] = []
        unknown: Verdict | None = None
        columns = rules.tenant_columns
        for source in bound:
            held: Verdict | None = None
            if isinstance(source, JsonSource):
                if source.marker is not None:
                    checks.append((source.marker, _json_finder(rules)))
                elif source.document is not None:
                    held = _held_in_document(rules, source.document)
                else:
                    unknown = _DOCUMENT_UNKNOWN
            elif source.column not in columns:
                continue
            elif isinstance(source, LiteralSource):
                held = rules.tenants.literal(source.kind, source.text)
            elif isinstance(source, MarkerSource):
                checks.append((source.marker, _marker_finder(rules.tenants, source)))
            else:
                unknown = _unknown(source)
            if held is not None:
                return Scope(rules, held)
        if unknown is not None:
            # Whatever the bound values are, the write would be held back.
            return Scope(rules, unknown)
        return Scope(rules, None, tuple(checks)) if checks else self._allowed


def _unknown(source: UnknownSource | MarkerSource) -> Verdict:
    return Verdict(False, Reason.TENANT_UNKNOWN, source.column)


def _marker_finder(tenants: Tenants, source: MarkerSource) -> Find:
    cql_type = source.cql_type
    if not source.many:
        return tenants.finder(cql_type)
    if cql_type is not None:
        cql_type = cql_type.removeprefix("frozen<").rstrip(">")
        for opening in _COLLECTIONS:
            cql_type = cql_type.removeprefix(opening)
    return _list_finder(tenants.finder(cql_type), _unknown(source))


def _list_finder(find: Find, malformed: Verdict) -> Find:
    """Looks up each element of a serialized list (CQL native protocol v4, section 6.10)."""

    def find_any(value: bytes) -> Verdict | None:
        elements = int.from_bytes(value[:4], "big", signed=True)
        position = 4
        for _ in range(elements):
            length = int.from_bytes(value[position : position + 4], "big", signed=True)
            position += 4
            if position + max(length, 0) > len(value):
                return malformed
            if length >= 0:
                held = find(value[position : position + length])
                if held is not None:
                    return held
                position += length
        return None

    return find_any


def _json_finder(rules: Rules) -> Find:
    def find(document: bytes) -> Verdict | None:
        try:
            text = document.decode()
        except UnicodeDecodeError:
            return _DOCUMENT_UNKNOWN
        return _held_in_document(rules, text)

    return find


def _held_in_document(rules: Rules, document: str) -> Verdict | None:
    try:
        for value in column_values(document, rules.tenant_columns):
            held = rules.tenants.literal(value.kind, value.text)
            if held is not None:
                return held
    except ValueError:
        # The server that applied it understood it, so what it wrote is not known here.
        return _DOCUMENT_UNKNOWN
    return None
