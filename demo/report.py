"""What the demo shows: a table that needs no explanation, and everything that is not as it must be."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

_HEADINGS = ("table", "writes sent", "rows on primary", "rows on shadow", "held back", "why")


class Comparison(TypedDict):
    """What compare.py says of one table, in its words."""

    primary: int
    shadow: int
    missing: dict[str, int]
    unexpected: int
    different: int
    differences: list[str]
    write_times: int


@dataclass(frozen=True, slots=True)
class TableOutcome:
    """One table after the program has run: what it sent, and what both clusters hold now."""

    name: str
    """Qualified with its keyspace."""
    writes: int
    """Statements that the program sent to it."""
    expected_rows: int
    """Rows that it must hold by what the program wrote."""
    found: Comparison

    @property
    def held_back(self) -> int:
        """Rows that only the primary has."""
        return sum(self.found["missing"].values())


@dataclass(frozen=True, slots=True)
class Rules:
    """What the proxy was told to hold back."""

    tables: frozenset[str]
    """Names without keyspace, each held back in every keyspace."""
    tenants: Mapping[str, str]
    """Tenant id to the name it is known by."""

    def reason(self, table: TableOutcome) -> str:
        """Why rows of `table` were held back; the empty text when none may be."""
        if _unqualified(table.name) in self.tables:
            return f"table_blacklist: *.{_unqualified(table.name)}"
        held = [
            f"tenant_blacklist: {self.tenants[tenant]}"
            for tenant in table.found["missing"]
            if tenant in self.tenants
        ]
        return ", ".join(held)


def outcome_table(outcomes: Sequence[TableOutcome], rules: Rules) -> str:
    """The outcomes as aligned text, numbers to the right."""
    lines: list[tuple[str, ...]] = [_HEADINGS]
    lines += [
        (
            table.name,
            *map(str, (table.writes, table.found["primary"], table.found["shadow"], table.held_back)),
            rules.reason(table),
        )
        for table in outcomes
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = tuple("-" * width for width in widths)
    last = len(widths) - 1
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at in (0, last) else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in (lines[0], rule, *lines[1:])
    )


def problems(outcomes: Sequence[TableOutcome], rules: Rules, stats: Mapping[str, object]) -> list[str]:
    """What is not as it must be, a sentence each; empty when the demo has shown what it is to show."""
    found = [f"{table.name}: {problem}" for table in outcomes for problem in _table_problems(table, rules)]
    held = {tenant for table in outcomes for tenant in table.found["missing"]}
    found += [
        f"tenant {name}: none of its rows was held back"
        for tenant, name in rules.tenants.items()
        if tenant not in held
    ]
    found += [
        f"/stats counts {stats[name]} {name} where there must be none"
        for name in ("failed_writes", "failed_copies", "dropped_writes")
        if stats[name] != 0
    ]
    if stats["filtered_writes"] == 0:
        found.append("/stats counts no filtered_writes")
    return found


def _table_problems(table: TableOutcome, rules: Rules) -> Iterator[str]:
    rows = table.found
    if rows["primary"] != table.expected_rows:
        yield f"{rows['primary']} rows on the primary; {table.expected_rows} were written"
    if rows["unexpected"]:
        yield f"{rows['unexpected']} rows are on the shadow only"
    if rows["different"]:
        yield f"{rows['different']} rows differ, such as {'; '.join(rows['differences'])}"
    if _unqualified(table.name) in rules.tables:
        if rows["shadow"]:
            yield f"{rows['shadow']} rows are on the shadow; the table is to be held back"
        return
    lost = sum(count for tenant, count in rows["missing"].items() if tenant not in rules.tenants)
    if lost:
        yield f"{lost} rows that no rule holds back are missing on the shadow"
    if not rows["shadow"]:
        yield "nothing was copied to the shadow"


def _unqualified(table: str) -> str:
    return table.rpartition(".")[2]
