"""What rules say of a CQL text, as JSON types: for the admin API and for the command line."""

from __future__ import annotations

from cqlproxy.routing.explain import Explanation, explain
from cqlproxy.statements import Kind, analyse
from filters import Governor, Rules

_DEPENDING = frozenset([Kind.MUTATION, Kind.BATCH])


def tested_statements(rules: Rules, text: str, keyspace: str | None) -> list[dict[str, object]]:
    """One entry for the statement in ``text``, or for each of a text batch.

    ``copied`` is null where it depends on bound values. ``reason`` is a label of the metrics, null where no
    rule was asked. ``why`` says it in words. Takes time linear in the text's length.
    """
    depending = analyse(text).kind in _DEPENDING
    return [_entry(found, depending) for found in explain(Governor(rules), text, keyspace)]


def _entry(found: Explanation, depending: bool) -> dict[str, object]:
    statement, table, verdict, why = found
    return {
        "statement": statement,
        "keyspace": None if table is None else table.keyspace,
        "table": None if table is None else table.table,
        "copied": (None if depending else False) if verdict is None else verdict.copy,
        "would_hold": verdict is not None and verdict.would_hold,
        "reason": None if verdict is None else verdict.reason.value,
        "why": why,
    }
