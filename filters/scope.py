"""What the rules say about one statement: known from its text, or for each request from its bound values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from filters.json_documents import column_values
from filters.rules import Rules
from filters.sources import JsonSource, LiteralSource, MarkerSource, TenantSource
from filters.tenants import Find
from filters.verdict import ALLOWED, Verdict

ValueOf = Callable[[int], bytes | None]
"""From a marker's index to the value bound to it; None for null, unset and absent ones."""

_COLLECTIONS: Final = ("list<", "set<")
_JSON: Final = "JSON"


class Scope:
    """What the rules say about one statement.

    ``rules`` is the rule set that it was made from: when the governor's is another, the scope is out of date.
    ``verdict`` is the answer when no bound value can change it, else None: then ``decide`` gives it.
    ``only`` is the marker and the look-up of the value that decides, if it is one: a value that is there
    and not found by the look-up is allowed, which spares most requests ``decide``.
    """

    __slots__ = ("_absent", "_checks", "_passed", "only", "rules", "verdict")

    def __init__(
        self,
        rules: Rules,
        verdict: Verdict | None,
        checks: tuple[tuple[int, Find], ...] = (),
        *,
        passed: Verdict = ALLOWED,
        absent: Verdict = ALLOWED,
    ) -> None:
        self.rules = rules
        self.verdict = verdict if verdict is None or rules.enforce else verdict.unenforced()
        self._checks = checks
        self._passed = passed
        self.only = checks[0] if len(checks) == 1 and passed is ALLOWED else None
        self._absent = absent if rules.enforce else absent.unenforced()

    @property
    def markers(self) -> tuple[int, ...]:
        """The markers whose values decide, by index; none when there is a ``verdict``."""
        return tuple(marker for marker, _ in self._checks)

    def decide(self, value_of: ValueOf) -> Verdict:
        """The answer for the values of one request. A write is held back if any of its tenants is."""
        # Hot path.
        if self.verdict is not None:
            return self.verdict
        answer: Verdict | None = None
        for marker, find in self._checks:
            value = value_of(marker)
            if value is not None:
                held = find(value)
                if held is None:
                    answer = answer or self._passed
                elif held.copy:
                    answer = held
                else:
                    return held if self.rules.enforce else held.unenforced()
        return answer or self._absent


def scope_of_tenants(rules: Rules, columns: frozenset[str], bound: Sequence[TenantSource]) -> Scope:
    """What the tenant rules say about a write to a table whose tenant columns are ``columns``."""
    checks: list[tuple[int, Find]] = []
    doubt: Verdict | None = None
    told = False
    for source in bound:
        if isinstance(source, JsonSource):
            # INSERT JSON gives all its columns in one document, so there is no other source.
            return _scope_of_document(rules, columns, source)
        if source.column not in columns:
            continue
        if isinstance(source, LiteralSource):
            held = rules.tenants.literal(source.kind, source.text)
            if held is not None:
                return Scope(rules, held)
            told = told or source.kind != "null"
        elif isinstance(source, MarkerSource):
            checks.append((source.marker, _marker_finder(rules, source)))
        else:
            doubt = rules.of_unreadable_tenant(source.column)
    if doubt is not None:
        if not doubt.copy:
            # Whatever the bound values are, the write would be held back.
            return Scope(rules, doubt)
        passed = absent = doubt
    else:
        passed = ALLOWED
        absent = ALLOWED if told else rules.of_absent_tenant(columns) or ALLOWED
    if not checks:
        return Scope(rules, absent)
    return Scope(rules, None, tuple(checks), passed=passed, absent=absent)


def _scope_of_document(rules: Rules, columns: frozenset[str], source: JsonSource) -> Scope:
    if source.document is not None:
        return Scope(rules, _of_document(rules, columns, source.document) or ALLOWED)
    if source.marker is None:
        return Scope(rules, rules.of_unreadable_tenant(_JSON))
    absent = rules.of_absent_tenant(columns) or ALLOWED
    return Scope(rules, None, ((source.marker, _document_finder(rules, columns)),), absent=absent)


def _marker_finder(rules: Rules, source: MarkerSource) -> Find:
    cql_type = source.cql_type
    if not source.many:
        return rules.tenants.finder(cql_type)
    if cql_type is not None:
        cql_type = cql_type.removeprefix("frozen<").rstrip(">")
        for opening in _COLLECTIONS:
            cql_type = cql_type.removeprefix(opening)
    return _list_finder(rules.tenants.finder(cql_type), rules.of_unreadable_tenant(source.column))


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


def _document_finder(rules: Rules, columns: frozenset[str]) -> Find:
    def find(document: bytes) -> Verdict | None:
        try:
            text = document.decode()
        except UnicodeDecodeError:
            return rules.of_unreadable_tenant(_JSON)
        return _of_document(rules, columns, text)

    return find


def _of_document(rules: Rules, columns: frozenset[str], document: str) -> Verdict | None:
    told = False
    try:
        for value in column_values(document, columns):
            told = True
            held = rules.tenants.literal(value.kind, value.text)
            if held is not None:
                return held
    except ValueError:
        # The server that applied it understood it, so what it wrote is not known here.
        return rules.of_unreadable_tenant(_JSON)
    return None if told else rules.of_absent_tenant(columns)
