"""Two answers to one read: what differs between them, row by row.

What is compared with what:

* Values, not bytes: see ``meaning``.
* Columns by their place where the statement lists them, which CQL promises, and by their names for ``*``.
* Rows in their order where all are of one partition, whose clustering order CQL promises. Rows of several
  partitions come as the partitioner or the coordinator has them: they are compared as a multiset.
* Of a result of one partition that has further pages, as far as both sides tell of the same rows.
* Whether there is a value at all, for what may differ between clusters that are equal: time to live, write
  time (a conditional write gets the server's own), sums of floating point numbers (their order decides).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import Final, NamedTuple

from cqlproxy.statements import Selected
from cqlproxy.validation.meaning import Meaning, json_meaning, meaning_of, presence
from frame_codec import ColumnSpec, ColumnType, NativeType, TypeId

Row = tuple[bytes | None, ...]

ONLY_PRESENCE: Final = frozenset({"ttl", "writetime", "maxwritetime"})
"""Functions of which it is only compared whether they give a value."""

_SUMS: Final = frozenset({"sum", "avg"})
_FLOATING: Final = (NativeType(TypeId.FLOAT), NativeType(TypeId.DOUBLE))
_JSON: Final = frozenset({"tojson", "to_json"})


class Page(NamedTuple):
    """One side's answer: ``more`` says that there are further pages."""

    columns: tuple[ColumnSpec, ...]
    rows: Sequence[Row]
    more: bool


class Asked(NamedTuple):
    """What the statement says of its result."""

    selection: tuple[Selected, ...] | None
    """None for ``*`` and for SELECT JSON."""
    json: bool
    ordered: bool
    """Whether its rows are of one partition."""
    key: frozenset[str]
    """The columns that tell one row of the result from the others."""


class Column(NamedTuple):
    """A result column, and where each side has it; ``ours`` is the cluster that answered the client."""

    name: str
    ours: int | None
    theirs: int | None
    type: ColumnType
    names_row: bool
    meaning_of_ours: Meaning | None
    meaning_of_theirs: Meaning | None


Shown = tuple[tuple[Column, bytes | None], ...]
"""Some values of a row, by their columns."""


class Cell(NamedTuple):
    """A value that differs, and the columns that name its row: none where the read names it."""

    key: Shown
    column: Column
    ours: bytes | None
    theirs: bytes | None


class LoneRow(NamedTuple):
    """A row that one side alone has."""

    row: Shown
    on_ours: bool


class LoneColumn(NamedTuple):
    """A column that one side alone has."""

    column: Column


class AnotherOrder(NamedTuple):
    """The same rows, but not in the same order."""


Difference = Cell | LoneRow | LoneColumn | AnotherOrder
Differences = dict[Hashable, Difference]
"""By what they are, so that it can be told whether a second comparison finds the same ones."""


class UnlikeColumnsError(Exception):
    """The columns of the two sides cannot be matched."""


def differences(ours: Page, theirs: Page, asked: Asked) -> Differences:
    """What differs; nothing when the sides are equal as far as they can be compared.

    A side with further pages is compared only where ``asked.ordered``. Raises ``UnlikeColumnsError``.
    """
    found: Differences = {}
    columns: list[Column] = []
    for column in columns_of(ours.columns, theirs.columns, asked):
        if column.ours is None or column.theirs is None:
            found["column", column.name] = LoneColumn(column)
        else:
            columns.append(column)
    left, right = _read(ours, columns, own=True), _read(theirs, columns, own=False)
    limits = [len(page.rows) for page in (ours, theirs) if page.more]
    end = min(limits) if limits else None
    if left[:end] != right[:end] if asked.ordered else Counter(left) != Counter(right):
        found.update(_of_rows(ours, theirs, columns, left, right, asked))
    return found


def columns_of(ours: Sequence[ColumnSpec], theirs: Sequence[ColumnSpec], asked: Asked) -> list[Column]:
    """The result's columns with their places on both sides, in our order. Raises ``UnlikeColumnsError``."""
    if asked.selection is None and not asked.json:
        places = {column.name: place for place, column in enumerate(theirs)}
        pairs: list[tuple[int | None, int | None]] = [
            (place, places.pop(column.name, None)) for place, column in enumerate(ours)
        ]
        pairs += [(None, place) for place in places.values()]
        return [_column(ours, theirs, pair, None, asked) for pair in pairs]
    selection = asked.selection or (None,)
    if not len(ours) == len(theirs) == len(selection):
        raise UnlikeColumnsError
    return [
        _column(ours, theirs, (place, place), selected, asked) for place, selected in enumerate(selection)
    ]


def _column(
    ours: Sequence[ColumnSpec],
    theirs: Sequence[ColumnSpec],
    pair: tuple[int | None, int | None],
    selected: Selected | None,
    asked: Asked,
) -> Column:
    our_spec = None if pair[0] is None else ours[pair[0]]
    their_spec = None if pair[1] is None else theirs[pair[1]]
    spec = our_spec or their_spec
    assert spec is not None
    if selected is not None:
        names_row = selected.function is None and selected.column in asked.key
    else:
        names_row = spec.name in asked.key
    return Column(
        spec.name,
        *pair,
        spec.type,
        names_row,
        None if our_spec is None else _how_compared(our_spec.type, selected, asked),
        None if their_spec is None else _how_compared(their_spec.type, selected, asked),
    )


def _how_compared(column_type: ColumnType, selected: Selected | None, asked: Asked) -> Meaning | None:
    if asked.json:
        return json_meaning
    if selected is not None and selected.function is not None:
        function = selected.function.removeprefix("system.")
        if function in ONLY_PRESENCE or (function in _SUMS and column_type in _FLOATING):
            return presence
        if function in _JSON:
            return json_meaning
    return meaning_of(column_type)


Meant = tuple[Hashable, ...]
"""A row as what its values stand for, by the columns that both sides have."""


def _read(page: Page, columns: Sequence[Column], *, own: bool) -> list[Meant]:
    readers: list[tuple[int, Meaning | None]] = []
    for column in columns:
        place = column.ours if own else column.theirs
        assert place is not None
        readers.append((place, column.meaning_of_ours if own else column.meaning_of_theirs))
    return [tuple([_meant(row[place], read) for place, read in readers]) for row in page.rows]


def _meant(value: bytes | None, read: Meaning | None) -> Hashable:
    return value if value is None or read is None else read(value)


def _of_rows(
    ours: Page,
    theirs: Page,
    columns: Sequence[Column],
    left: list[Meant],
    right: list[Meant],
    asked: Asked,
) -> Differences:
    """The differences of rows that are not the same."""
    naming = [place for place, column in enumerate(columns) if column.names_row]
    found: Differences = {}
    if len(naming) == len(asked.key):
        left_keys = [tuple(row[place] for place in naming) for row in left]
        right_keys = [tuple(row[place] for place in naming) for row in right]
        if len(set(left_keys)) == len(left) and len(set(right_keys)) == len(right):
            found = _by_key(ours, theirs, columns, (left, left_keys), (right, right_keys))
            if found:
                return found
    if ours.more or theirs.more:
        return _first_place(ours, theirs, columns, left, right)
    found = _by_content(ours, theirs, columns, left, right)
    return found or {"order": AnotherOrder()}


Keyed = tuple[list[Meant], list[Meant]]
"""Rows, and the key of each."""


def _by_key(
    ours: Page, theirs: Page, columns: Sequence[Column], left_rows: Keyed, right_rows: Keyed
) -> Differences:
    left, left_keys = left_rows
    right, right_keys = right_rows
    right_places = {key: place for place, key in enumerate(right_keys)}
    left_places = {key: place for place, key in enumerate(left_keys)}
    found: Differences = {}
    for place, key in enumerate(left_keys[: _comparable(left_keys, right_places, cut=theirs.more)]):
        other = right_places.get(key)
        if other is None:
            found["row", True, key] = LoneRow(_shown(ours, columns, place, own=True, key=True), True)
            continue
        for index, column in enumerate(columns):
            if left[place][index] != right[other][index]:
                found["cell", key, index, left[place][index], right[other][index]] = Cell(
                    _shown(ours, columns, place, own=True, key=True),
                    column,
                    _value(ours, column, place, own=True),
                    _value(theirs, column, other, own=False),
                )
    for place, key in enumerate(right_keys[: _comparable(right_keys, left_places, cut=ours.more)]):
        if key not in left_places:
            found["row", False, key] = LoneRow(_shown(theirs, columns, place, own=False, key=True), False)
    return found


def _comparable(keys: list[Meant], others: dict[Meant, int], *, cut: bool) -> int:
    """How many rows there are to compare with a side that may be ``cut``.

    Rows after the last one that both sides have may stand on that side's further pages.
    """
    if not cut:
        return len(keys)
    return next((place + 1 for place in reversed(range(len(keys))) if keys[place] in others), 0)


def _by_content(
    ours: Page, theirs: Page, columns: Sequence[Column], left: list[Meant], right: list[Meant]
) -> Differences:
    """Rows that nothing names: those that one side has more often than the other."""
    found: Differences = {}
    for page, own, surplus in (
        (ours, True, Counter(left) - Counter(right)),
        (theirs, False, Counter(right) - Counter(left)),
    ):
        places = {row: place for place, row in enumerate(left if own else right)}
        for row, count in surplus.items():
            found["row", own, row, count] = LoneRow(_shown(page, columns, places[row], own=own), own)
    return found


def _first_place(
    ours: Page, theirs: Page, columns: Sequence[Column], left: list[Meant], right: list[Meant]
) -> Differences:
    """Where rows without names begin to differ; what comes after it may only have moved."""
    same = next(
        (place for place, pair in enumerate(zip(left, right, strict=False)) if pair[0] != pair[1]),
        min(len(left), len(right)),
    )
    found: Differences = {}
    for page, own, rows in ((ours, True, left), (theirs, False, right)):
        if same < len(rows):
            found["row", own, same, rows[same]] = LoneRow(_shown(page, columns, same, own=own), own)
    return found


def _shown(page: Page, columns: Iterable[Column], place: int, *, own: bool, key: bool = False) -> Shown:
    return tuple(
        (column, _value(page, column, place, own=own)) for column in columns if column.names_row or not key
    )


def _value(page: Page, column: Column, place: int, *, own: bool) -> bytes | None:
    at = column.ours if own else column.theirs
    assert at is not None
    return page.rows[place][at]
