"""What the governor would say about a statement that an operator asks about, and why, in words."""

from __future__ import annotations

from typing import Final, NamedTuple

from cqlproxy.routing.scopes import of_schema_change, qualified, scope_of
from cqlproxy.statements import Kind, Statement, TableName, analyse
from filters import ALLOWED, Governor, Reason, Verdict

_COPIED: Final = frozenset([Kind.SCHEMA, Kind.TRUNCATE])
_NEVER_COPIED: Final = {
    Kind.READ: "a read writes nothing, so there is nothing to copy",
    Kind.ROLE: "roles and permissions are not copied",
    Kind.USE: "USE is answered by the proxy, and there is nothing to copy",
    Kind.DESCRIBE: "DESCRIBE writes nothing, so there is nothing to copy",
    Kind.LIST: "LIST writes nothing, so there is nothing to copy",
    Kind.UNKNOWN: "not understood as CQL: the primary gets it as it is, and it is never copied",
}
_BECAUSE: Final = {
    Reason.ALLOWED: "no rule holds it back",
    Reason.TABLE: "the table is named by table_blacklist: {}",
    Reason.NOT_LISTED: "table_whitelist does not name the table {}",
    Reason.TENANT: "its tenant is in tenant_blacklist: {}",
    Reason.SYSTEM: "the keyspace {} is the cluster's own and is never copied",
    Reason.KEYSPACE_UNKNOWN: "its keyspace is not known, and it depends on that whether {} names the table",
    Reason.TENANT_UNKNOWN: "its tenant cannot be known from the request: {}",
}


class Explanation(NamedTuple):
    """The verdict about one statement, or about one of a text batch.

    ``verdict`` is None when it depends on bound values, which a text alone does not have, and when the
    statement is none that could be copied. ``table`` is None when it names none.
    """

    statement: str
    table: TableName | None
    verdict: Verdict | None
    why: str


def explain(governor: Governor, text: str, keyspace: str | None = None) -> list[Explanation]:
    """What the rules in force say about the statement in ``text``, or about each of a text batch.

    ``keyspace`` is the one in use, for names without one. Other settings than the rules (the write mode,
    ``mirror.schema_changes``) are not asked.
    """
    statement = analyse(text)
    if statement.kind is Kind.BATCH:
        return [_of_mutation(governor, text, inner, keyspace) for inner in statement.statements]
    if statement.kind is Kind.MUTATION:
        return [_of_mutation(governor, text, statement, keyspace)]
    if statement.kind in _COPIED:
        return [_of_schema_change(governor, text, statement, keyspace)]
    table = qualified(statement.tables[0], keyspace) if statement.tables else None
    return [Explanation(text.strip(), table, None, _NEVER_COPIED[statement.kind])]


def _of_mutation(governor: Governor, text: str, statement: Statement, keyspace: str | None) -> Explanation:
    table = qualified(statement.tables[0], keyspace)
    scope = scope_of(governor, statement, table)
    shown = text[statement.span.start : statement.span.end].strip()
    if scope.verdict is None:
        markers = ", ".join(f"marker {marker + 1}" for marker in scope.markers)
        return Explanation(shown, table, None, f"it depends on the values bound: {markers}")
    return Explanation(shown, table, scope.verdict, because(scope.verdict))


def _of_schema_change(
    governor: Governor, text: str, statement: Statement, keyspace: str | None
) -> Explanation:
    tables = [qualified(table, keyspace) for table in statement.tables]
    if not tables:
        return Explanation(
            text.strip(), None, ALLOWED, "copied: it names no table that a rule could hold back"
        )
    verdict, table = of_schema_change(governor, tables)
    return Explanation(text.strip(), table, verdict, because(verdict))


def because(verdict: Verdict) -> str:
    """A verdict in words."""
    outcome = "copied" if verdict.copy else "held back"
    why = _BECAUSE[verdict.reason].format(verdict.detail)
    if verdict.would_hold:
        return f"copied, since the rules are not enforced (enforce: false); else held back: {why}"
    return f"{outcome}: {why}"
