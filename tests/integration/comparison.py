"""What is on a cluster, cell by cell, and in what two clusters differ.

Values, write times and times of expiry are compared, of collections those of each element.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import cast

from tests.nodes import CassandraNode, DriverProgram

EXPIRY_SLACK = 4.0
"""Seconds: TTLs are of full seconds, and begin when the node gets the write; a copy that is late by less than
a second keeps its TTL."""
_MOST_SHOWN = 4
_PROGRAM = Path(__file__).parent / "programs" / "contents.py"

Cells = dict[str, list[object]]
"""By column: value as Python shows it, write time, Unix time of expiry. The last two are None where there are
none, and lists for collections."""
Table = dict[str, Cells]
"""By primary key."""
Tables = dict[str, Table]
"""By ``keyspace.table``."""


def contents(server: CassandraNode, *beginnings: str, root: Path) -> Tables:
    """All tables of the keyspaces whose names begin so."""
    return _Reading(server, *beginnings, root=root).result()


def contents_of_both(
    primary: CassandraNode, shadow: CassandraNode, *beginnings: str, root: Path
) -> tuple[Tables, Tables]:
    """`contents` of two clusters, read at the same time."""
    on_primary = _Reading(primary, *beginnings, root=root)
    on_shadow = _Reading(shadow, *beginnings, root=root)
    return on_primary.result(), on_shadow.result()


class _Reading:
    def __init__(self, server: CassandraNode, *beginnings: str, root: Path) -> None:
        self._program = DriverProgram(_PROGRAM, server.address, server.port, *beginnings, root=root)

    def result(self) -> Tables:
        return cast(Tables, self._program.result(120))


def differences(primary: Tables, shadow: Tables, *, by_value: Collection[str] = ()) -> list[str]:
    """A line for each cell that is not the same on both; of each table the first few, and how many more.

    by_value: tables whose write times are each cluster's own.
    """
    lines = []
    for table in sorted(primary.keys() | shadow.keys()):
        found = list(_of_table(table, primary, shadow, by_value=table in by_value))
        lines += found[:_MOST_SHOWN]
        if len(found) > _MOST_SHOWN:
            lines.append(f"{table}: and {len(found) - _MOST_SHOWN} more")
    return lines


def _of_table(table: str, primary: Tables, shadow: Tables, *, by_value: bool) -> Iterator[str]:
    if table not in primary or table not in shadow:
        yield f"{table} is on the {'shadow' if table in shadow else 'primary'} alone"
        return
    left, right = primary[table], shadow[table]
    for key in sorted(left.keys() | right.keys()):
        if key not in left or key not in right:
            side, row = ("shadow", right[key]) if key in right else ("primary", left[key])
            yield f"{table} {key} is on the {side} alone: {row}"
            continue
        for column in left[key].keys() | right[key].keys():
            ours, theirs = left[key].get(column), right[key].get(column)
            if ours is None or theirs is None or not _same(ours, theirs, by_value=by_value):
                yield f"{table} {key} {column}: primary {ours}, shadow {theirs}"


def _same(ours: list[object], theirs: list[object], *, by_value: bool) -> bool:
    value, time, expiry = zip(ours, theirs, strict=True)
    return (
        value[0] == value[1] and (by_value or time[0] == time[1]) and _expire_together(expiry[0], expiry[1])
    )


def _expire_together(ours: object, theirs: object) -> bool:
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(_expire_together, ours, theirs))
    if isinstance(ours, float) and isinstance(theirs, float):
        return abs(ours - theirs) <= EXPIRY_SLACK
    return ours is None and theirs is None


def expiring(table: Table) -> int:
    """How many cells, collections apart, have a time to live."""
    return sum(isinstance(cell[2], float) for row in table.values() for cell in row.values())
