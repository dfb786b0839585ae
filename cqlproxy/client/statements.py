"""The CQL of a write of one row, from names and values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cqlproxy.client.json_values import Value


class Statement(NamedTuple):
    """A text with ``?`` for each of ``values``."""

    query: str
    values: list[Value]


def insert(
    keyspace: str,
    table: str,
    values: Mapping[str, Value],
    *,
    ttl: int | None = None,
    if_not_exists: bool = False,
) -> Statement:
    """``INSERT``; a ValueError without values."""
    _some(values, "values")
    columns, markers = ", ".join(map(quoted, values)), ", ".join("?" * len(values))
    text = f"INSERT INTO {_table(keyspace, table)} ({columns}) VALUES ({markers})"
    given = list(values.values())
    if if_not_exists:
        text += " IF NOT EXISTS"
    if ttl is not None:
        text += " USING TTL ?"
        given.append(ttl)
    return Statement(text, given)


def update(
    keyspace: str,
    table: str,
    values: Mapping[str, Value],
    where: Mapping[str, Value],
    *,
    ttl: int | None = None,
    if_exists: bool = False,
) -> Statement:
    """``UPDATE`` of the row with the key ``where``; a ValueError without values or key."""
    _some(values, "values")
    _some(where, "where")
    text, given = f"UPDATE {_table(keyspace, table)}", list[Value]()
    if ttl is not None:
        text += " USING TTL ?"
        given.append(ttl)
    text += f" SET {', '.join(f'{quoted(name)} = ?' for name in values)}"
    text += _where(where)
    if if_exists:
        text += " IF EXISTS"
    return Statement(text, [*given, *values.values(), *where.values()])


def delete(
    keyspace: str,
    table: str,
    where: Mapping[str, Value],
    *,
    columns: Sequence[str] = (),
    if_exists: bool = False,
) -> Statement:
    """``DELETE`` of rows, or of ``columns`` in them; a ValueError without a key."""
    _some(where, "where")
    chosen = "".join(f"{name} " for name in (", ".join(map(quoted, columns)),) if name)
    text = f"DELETE {chosen}FROM {_table(keyspace, table)}{_where(where)}"
    return Statement(text + " IF EXISTS" if if_exists else text, list(where.values()))


def quoted(name: str) -> str:
    """A name as CQL writes it: in quotes, where letter case and reserved words are as they are."""
    return '"' + name.replace('"', '""') + '"'


def _table(keyspace: str, table: str) -> str:
    return f"{quoted(keyspace)}.{quoted(table)}"


def _where(where: Mapping[str, Value]) -> str:
    return f" WHERE {' AND '.join(f'{quoted(name)} = ?' for name in where)}"


def _some(mapping: Mapping[str, Value], name: str) -> None:
    if not mapping:
        raise ValueError(f"{name} must name a column at least")
