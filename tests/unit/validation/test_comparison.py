"""Two answers to one read: what counts as a difference, and what does not."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.statements import analyse
from cqlproxy.validation.comparison import (
    AnotherOrder,
    Asked,
    Cell,
    Difference,
    LoneColumn,
    LoneRow,
    Page,
    Row,
    UnlikeColumnsError,
    differences,
)
from frame_codec import ColumnSpec, ColumnType, NativeType, TypeId

INT = NativeType(TypeId.INT)
BIGINT = NativeType(TypeId.BIGINT)
TEXT = NativeType(TypeId.TEXT)
DOUBLE = NativeType(TypeId.DOUBLE)
KEY = frozenset({"k", "c"})


def spec(name: str, column_type: ColumnType = INT) -> ColumnSpec:
    return ColumnSpec("ks", "t", name, column_type)


def number(value: int | None) -> bytes | None:
    return None if value is None else struct.pack(">i", value)


def page(names: str, *rows: Sequence[int | None], more: bool = False) -> Page:
    """Rows of ints."""
    columns = tuple(spec(name) for name in names.split())
    return Page(columns, [tuple(map(number, row)) for row in rows], more)


def asked(text: str, *, ordered: bool = False, key: frozenset[str] = KEY) -> Asked:
    statement = analyse(text)
    return Asked(statement.selection, statement.json, ordered, key)


ALL = asked("SELECT * FROM t")
PARTITION = asked("SELECT * FROM t WHERE k = 1", ordered=True, key=frozenset({"c"}))
WITHOUT_KEY = asked("SELECT v FROM t WHERE k = 1", ordered=True, key=frozenset({"c"}))
VALUES = asked("SELECT v FROM t")


def shown(found: Difference) -> object:
    """A difference in short, its values as ints."""

    def value(serialized: bytes | None) -> int | None:
        return None if serialized is None else int.from_bytes(serialized, "big", signed=True)

    match found:
        case Cell(key, column, ours, theirs):
            return (tuple(value(part) for _, part in key), column.name, value(ours), value(theirs))
        case LoneRow(row, on_ours):
            return ("ours" if on_ours else "theirs", tuple(value(part) for _, part in row))
        case LoneColumn(column):
            return ("column", column.name)
        case AnotherOrder():
            return "order"


@pytest.mark.parametrize(
    ("ours", "theirs", "how", "expected"),
    [
        (page("k c v"), page("k c v"), ALL, []),
        (page("k c v", (1, 1, 5)), page("k c v", (1, 1, 5)), ALL, []),
        # Rows of several partitions have no order, those of one do.
        (page("k c v", (1, 1, 5), (2, 1, 6)), page("k c v", (2, 1, 6), (1, 1, 5)), ALL, []),
        (page("k c v", (1, 1, 5), (1, 2, 6)), page("k c v", (1, 2, 6), (1, 1, 5)), PARTITION, ["order"]),
        # Columns of * by their names.
        (page("k c v w", (1, 2, 3, 4)), page("w v c k", (4, 3, 2, 1)), PARTITION, []),
        (page("k c v", (1, 2, 3)), page("k c v w", (1, 2, 3, 4)), PARTITION, [("column", "w")]),
        (page("k c v w", (1, 2, 3, 4)), page("k c w", (1, 2, 5)), PARTITION,
         [("column", "v"), ((2,), "w", 4, 5)]),
        # Rows with a key.
        (page("k c v", (1, 2, 3)), page("k c v", (1, 2, 4)), PARTITION, [((2,), "v", 3, 4)]),
        (page("k c v", (1, 2, 3)), page("k c v", (1, 2, None)), ALL, [((1, 2), "v", 3, None)]),
        (page("k c v", (1, 2, 3), (1, 3, 3)), page("k c v", (1, 3, 4)), PARTITION,
         [("ours", (2,)), ((3,), "v", 3, 4)]),
        (page("k c v", (1, 2, 3)), page("k c v", (9, 2, 3), (1, 2, 3)), ALL, [("theirs", (9, 2))]),
        (page("k c v", (1, None, 3)), page("k c v", (1, None, 4)), PARTITION, [((None,), "v", 3, 4)]),
        # Rows without one.
        (page("v", (1,), (2,)), page("v", (1,), (2,)), WITHOUT_KEY, []),
        (page("v", (1,), (2,)), page("v", (2,), (1,)), WITHOUT_KEY, ["order"]),
        (page("v", (1,), (2,), (2,)), page("v", (2,), (1,)), VALUES, [("ours", (2,))]),
        (page("v", (1,), (2,)), page("v", (2,), (3,)), VALUES, [("ours", (1,)), ("theirs", (3,))]),
        # Further pages: as far as both tell of the same rows.
        (page("k c v", (1, 1, 5), more=True), page("k c v", (1, 1, 5), (1, 2, 6)), PARTITION, []),
        (page("k c v", (1, 1, 5), (1, 2, 6)), page("k c v", (1, 1, 5), more=True), PARTITION, []),
        (page("k c v", (1, 1, 5), (1, 2, 6), more=True), page("k c v", (1, 1, 5)), PARTITION,
         [("ours", (2,))]),
        (page("k c v", (1, 1, 5), (1, 2, 6), (1, 3, 7), more=True),
         page("k c v", (1, 1, 5), (1, 3, 7), (1, 4, 8), more=True), PARTITION, [("ours", (2,))]),
        (page("k c v", (1, 1, 5), (1, 2, 6), more=True), page("k c v", (1, 3, 7), (1, 4, 8), more=True),
         PARTITION, [("ours", (1, 1, 5)), ("theirs", (1, 3, 7))]),
        (page("v", (1,), (2,), (3,), more=True), page("v", (1,), (3,), (4,), more=True), WITHOUT_KEY,
         [("ours", (2,)), ("theirs", (3,))]),
        # A key that is not one: the rows are told apart by all that they hold.
        (page("k c v", (1, 1, 5), (1, 1, 6)), page("k c v", (1, 1, 5), (1, 1, 7)), ALL,
         [("ours", (1, 1, 6)), ("theirs", (1, 1, 7))]),
    ],
)  # fmt: skip
def test_differences(ours: Page, theirs: Page, how: Asked, expected: list[object]) -> None:
    assert [shown(found) for found in differences(ours, theirs, how).values()] == expected


def test_listed_columns_are_matched_by_their_place_whatever_servers_call_them() -> None:
    how = asked("SELECT max(v), v AS a FROM t WHERE k = 1", ordered=True)
    ours = page("system.max(v) a", (1, 2))
    assert differences(ours, page("max(v) a", (1, 2)), how) == {}
    found = differences(ours, page("max(v) a", (1, 3)), how)
    assert [shown(one) for one in found.values()] == [("ours", (1, 2)), ("theirs", (1, 3))]
    with pytest.raises(UnlikeColumnsError):
        differences(ours, page("a", (2,)), how)


def test_a_key_is_found_under_another_name() -> None:
    how = asked("SELECT c AS place, v FROM t WHERE k = 1", ordered=True, key=frozenset({"c"}))
    found = differences(page("place v", (1, 2)), page("place v", (1, 3)), how)
    assert [shown(one) for one in found.values()] == [((1,), "v", 2, 3)]


@pytest.mark.parametrize("call", ["ttl(v)", "writetime(v)", "maxwritetime(v)"])
def test_of_times_only_their_presence_counts(call: str) -> None:
    how = asked(f"SELECT {call} FROM t WHERE k = 1", ordered=True, key=frozenset())
    assert differences(page("x", (100,)), page("x", (99,)), how) == {}
    assert len(differences(page("x", (100,)), page("x", (None,)), how)) == 1


def test_sums_of_floating_point_numbers_depend_on_the_order() -> None:
    how = asked("SELECT sum(v) FROM t")
    left, right = struct.pack(">d", 0.3), struct.pack(">d", 0.1 + 0.2)
    assert left != right
    floating, whole = (spec("s", DOUBLE),), (spec("s", BIGINT),)
    assert differences(Page(floating, [(left,)], False), Page(floating, [(right,)], False), how) == {}
    assert len(differences(Page(whole, [(left,)], False), Page(whole, [(right,)], False), how)) == 2


def test_json_is_compared_as_what_it_says() -> None:
    how = asked("SELECT JSON k, v FROM t")
    columns = (spec("[json]", TEXT),)
    ours = Page(columns, [(b'{"k": 1, "v": 2.0}',)], False)
    assert differences(ours, Page(columns, [(b'{"v":2,"k":1}',)], False), how) == {}
    assert len(differences(ours, Page(columns, [(b'{"v":3,"k":1}',)], False), how)) == 2


def test_a_wider_column_holds_the_same_number() -> None:
    ours = Page((spec("v", INT),), [(struct.pack(">i", -7),)], False)
    theirs = Page((spec("v", BIGINT),), [(struct.pack(">q", -7),)], False)
    assert differences(ours, theirs, ALL) == {}


@pytest.mark.parametrize(
    ("second", "lasting"),
    [
        (page("k c v", (1, 1, 6), (1, 2, 9)), 1),  # the cell as before
        (page("k c v", (1, 1, 7), (1, 2, 8)), 0),  # another value by now
        (page("k c v", (1, 2, 8)), 0),
    ],
)
def test_it_can_be_told_whether_a_difference_is_still_the_same(second: Page, lasting: int) -> None:
    ours = page("k c v", (1, 1, 5), (1, 2, 8))
    first = differences(ours, page("k c v", (1, 1, 6), (1, 2, 8)), PARTITION)
    again = differences(ours, second, PARTITION)
    assert len(first) == 1
    assert again
    assert len(first.keys() & again.keys()) == lasting


numbers = st.none() | st.integers(0, 3)


@st.composite
def tables(draw: st.DrawFn) -> Page:
    """Rows of k, c, v, w of which k and c are the key, in clustering order if all are of one partition."""
    keys = draw(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5)), max_size=8, unique=True))
    return page("k c v w", *[(*key, draw(numbers), draw(numbers)) for key in sorted(keys)])


def permuted(original: Page, rows: list[Row], order: Sequence[int]) -> Page:
    columns = tuple(original.columns[place] for place in order)
    return Page(columns, [tuple(row[place] for place in order) for row in rows], original.more)


orders = st.permutations(range(4))


@given(st.data(), tables(), orders)
def test_rows_and_columns_that_are_moved_are_equal(
    data: st.DataObject, table: Page, order: list[int]
) -> None:
    rows = data.draw(st.permutations(table.rows))
    assert differences(table, permuted(table, rows, order), ALL) == {}
    assert differences(table, permuted(table, list(table.rows), order), PARTITION) == {}


@given(st.data(), tables().filter(lambda table: len(table.rows) > 0), orders, st.booleans())
def test_a_changed_value_is_found_at_its_place(
    data: st.DataObject, table: Page, order: list[int], ordered: bool
) -> None:
    place = data.draw(st.integers(0, len(table.rows) - 1))
    column = data.draw(st.integers(2, 3))
    row = list(table.rows[place])
    row[column] = data.draw(numbers.map(number).filter(lambda value: value != table.rows[place][column]))
    changed = [tuple(row) if at == place else other for at, other in enumerate(table.rows)]
    how = ALL._replace(ordered=ordered)
    if not ordered:
        changed = data.draw(st.permutations(changed))
    (found,) = differences(table, permuted(table, changed, order), how).values()
    assert isinstance(found, Cell)
    assert [value for _, value in found.key] == list(table.rows[place][:2])
    assert found.column.name == ["k", "c", "v", "w"][column]
    assert (found.ours, found.theirs) == (table.rows[place][column], row[column])


@given(st.data(), tables().filter(lambda table: len(table.rows) > 0), orders, st.booleans(), st.booleans())
def test_a_missing_row_is_found(
    data: st.DataObject, table: Page, order: list[int], ordered: bool, ours: bool
) -> None:
    place = data.draw(st.integers(0, len(table.rows) - 1))
    fewer = permuted(table, [row for at, row in enumerate(table.rows) if at != place], order)
    how = ALL._replace(ordered=ordered)
    (found,) = (differences(table, fewer, how) if ours else differences(fewer, table, how)).values()
    assert isinstance(found, LoneRow)
    assert found.on_ours is ours
    assert {column.name: value for column, value in found.row} == dict(
        zip(("k", "c"), table.rows[place], strict=False)
    )


@given(st.data(), tables(), st.booleans(), st.booleans())
def test_pages_cut_at_any_place_are_equal(
    data: st.DataObject, table: Page, left_cut: bool, right_cut: bool
) -> None:
    def cut(whole: Page, is_cut: bool) -> Page:
        end = data.draw(st.integers(0, len(whole.rows))) if is_cut else len(whole.rows)
        return Page(whole.columns, whole.rows[:end], is_cut)

    assert differences(cut(table, left_cut), cut(table, right_cut), PARTITION) == {}


@given(tables(), tables(), st.booleans())
def test_tables_are_equal_exactly_when_their_rows_are(left: Page, right: Page, ordered: bool) -> None:
    same = sorted(map(repr, left.rows)) == sorted(map(repr, right.rows))
    how = ALL._replace(ordered=ordered)
    assert (differences(left, right, how) == {}) is same
    assert len(differences(left, right, how)) == len(differences(right, left, how))
