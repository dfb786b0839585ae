"""What the rules hold back is left out: whole reads, or the rows of tenants."""

from __future__ import annotations

import pytest

from cqlproxy.cluster.tables import TableShape
from cqlproxy.validation.comparison import Page
from cqlproxy.validation.held_rows import HeldRows
from cqlproxy.validation.question import Question
from cqlproxy.validation.skipped import Skipped, SkippedError
from filters import Governor, OnUnknownTenant, Rules, TablePatterns, Tenants, table_pattern
from frame_codec import QueryParameters, Rows
from tests.unit.validation.scripted import SHAPE, asked, number, rows, statement

BY_OWNER = SHAPE._replace(partition_key=("owner",), clustering_key=("k", "c"))
VIEW = SHAPE._replace(view_of="base")
HELD, FREE = 7, 8


def governor(
    *tables: str,
    tenants: tuple[int, ...] = (),
    columns: tuple[str, ...] = ("owner",),
    unknown: OnUnknownTenant | None = None,
    enforce: bool = True,
) -> Governor:
    return Governor(
        Rules(
            tables=TablePatterns([table_pattern(table) for table in tables]),
            tenants=Tenants([str(tenant) for tenant in tenants]),
            tenant_columns=frozenset(columns),
            on_unknown_tenant=unknown,
            enforce=enforce,
        )
    )


TENANT = governor(tenants=(HELD,))
STRICT = governor(tenants=(HELD,), unknown=OnUnknownTenant.HOLD)
OTHER_COLUMN = governor(tenants=(HELD,), columns=("elsewhere",))


def page(result: Rows) -> Page:
    return Page(result.metadata.columns, result.rows, False)


OWNED = page(rows((1, 1, HELD), (1, 2, FREE), names=("k", "c", "owner")))


@pytest.mark.parametrize(
    ("rules", "text", "shape", "reason"),
    [
        (governor("ks.t"), "SELECT * FROM t", SHAPE, Skipped.HELD_BACK),
        (governor("ks.other"), "SELECT * FROM t", SHAPE, None),
        (governor("ks.t", enforce=False), "SELECT * FROM t", SHAPE, None),
        # A view, by itself and by the table that it shows.
        (governor("ks.t"), "SELECT * FROM t", VIEW, Skipped.HELD_BACK),
        (governor("ks.base"), "SELECT * FROM t", VIEW, Skipped.HELD_BACK),
        (governor("ks.other"), "SELECT * FROM t", VIEW, None),
        # A tenant that the read names.
        (TENANT, f"SELECT v FROM t WHERE owner = {HELD}", BY_OWNER, Skipped.HELD_BACK),
        (TENANT, f"SELECT v FROM t WHERE owner IN ({FREE}, {HELD})", BY_OWNER, Skipped.HELD_BACK),
        (TENANT, f"SELECT v FROM t WHERE owner = {FREE}", BY_OWNER, None),
        (governor(tenants=(HELD,), enforce=False), f"SELECT v FROM t WHERE owner = {HELD}", SHAPE, None),
        # A table without a tenant column: all its writes are copied, or none.
        (OTHER_COLUMN, "SELECT v FROM t", SHAPE, None),
        (governor(tenants=(HELD,), columns=("elsewhere",), unknown=OnUnknownTenant.HOLD),
         "SELECT v FROM t", SHAPE, Skipped.HELD_BACK),
        # Writes that do not name the tenant are held back: rows may differ, whosever they are.
        (STRICT, f"SELECT v FROM t WHERE owner = {FREE}", SHAPE, Skipped.TENANT_UNKNOWN),
        (STRICT, f"SELECT v FROM t WHERE owner = {FREE}", BY_OWNER, None),
    ],
)  # fmt: skip
def test_reads_that_are_left_out(
    rules: Governor, text: str, shape: TableShape, reason: Skipped | None
) -> None:
    question = asked(text, shape=shape)
    if reason is None:
        HeldRows(rules, question)
        return
    with pytest.raises(SkippedError) as skipped:
        HeldRows(rules, question)
    assert skipped.value.reason is reason


@pytest.mark.parametrize(("tenant", "held"), [(HELD, True), (FREE, False)])
def test_a_tenant_is_found_among_bound_values(tenant: int, held: bool) -> None:
    text = "SELECT v FROM t WHERE owner = ?"
    question = asked(text, QueryParameters(values=(number(tenant),)), prepared=statement(text, "owner"))
    if held:
        with pytest.raises(SkippedError):
            HeldRows(TENANT, question)
    else:
        assert HeldRows(TENANT, question).without_held(OWNED) == (OWNED, False)


def kept(question: Question, of: Page) -> tuple[list[object], bool]:
    left, some = HeldRows(TENANT, question).without_held(of)
    return list(left.rows), some


def test_rows_of_held_tenants_are_left_out_of_a_read_that_names_none() -> None:
    free = (number(1), number(2), number(FREE))
    assert kept(asked("SELECT * FROM t"), OWNED) == ([free], True)
    assert kept(asked("SELECT * FROM t WHERE owner > 0 ALLOW FILTERING"), OWNED) == ([free], True)
    assert kept(asked("SELECT k, c AS owner, owner AS x FROM t"), OWNED) == ([free], True)
    without = OWNED._replace(rows=OWNED.rows[1:])
    assert kept(asked("SELECT * FROM t"), without) == ([free], False)
    nobody = OWNED._replace(rows=[(number(1), number(1), None)])
    assert kept(asked("SELECT * FROM t"), nobody) == (list(nobody.rows), False)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT k, c, v FROM t",
        "SELECT JSON * FROM t",
        "SELECT owner, count(*), v FROM t",
        "SELECT owner, max(v), c FROM t",
        "SELECT k, c, cast(owner AS text) FROM t",
    ],
)
def test_rows_that_do_not_tell_their_tenant_cannot_be_judged(text: str) -> None:
    held = HeldRows(TENANT, asked(text))
    names = ("k", "c", "v")
    with pytest.raises(SkippedError) as skipped:
        held.without_held(page(rows((1, 2, 3), names=names)))
    assert skipped.value.reason is Skipped.TENANT_UNKNOWN
