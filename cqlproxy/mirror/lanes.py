"""Order among the copies of a table, for as long as one of them depends on it.

Most copies may overtake each other: the write time decides. A copy *in turn* (a conditional write, a
change of a list) starts when all that was taken before it for its table is settled, and what comes after
it for this table waits until it is settled itself. A table has a lane only while it needs one, so that all
other traffic pays for no more than a look at an empty dict.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from cqlproxy.mirror.mutation import Mutation
from cqlproxy.statements import TableName


class _Lane:
    __slots__ = ("in_turn_under_way", "under_way", "waiting")

    def __init__(self, under_way: int) -> None:
        self.waiting: deque[Mutation] = deque()
        self.under_way = under_way
        """Copies of the table that have started and are not settled."""
        self.in_turn_under_way = False


class Lanes:
    """The lanes by table. Copies in a lane are of one table; one of several tables is never in a lane."""

    def __init__(self) -> None:
        self.by_table: dict[TableName, _Lane] = {}
        """Empty most of the time: looked at for every copy."""

    def __bool__(self) -> bool:
        return bool(self.by_table)

    def __iter__(self) -> Iterator[Mutation]:
        """All copies that wait."""
        for lane in self.by_table.values():
            yield from lane.waiting

    def concern(self, mutation: Mutation) -> bool:
        """Whether a copy has to wait behind another."""
        return any(table in self.by_table for table in mutation.tables)

    def enter(self, mutation: Mutation, under_way: Callable[[TableName], int]) -> None:
        """Let a copy wait. ``under_way(table)``: how many of the table have started and are not settled."""
        table = mutation.tables[0]
        lane = self.by_table.get(table)
        if lane is None:
            lane = self.by_table[table] = _Lane(under_way(table))
        lane.waiting.append(mutation)

    def advance(self, start: Callable[[Mutation], bool]) -> None:
        """Start what may start. ``start`` returns False when nothing can be started at the moment."""
        for table, lane in list(self.by_table.items()):
            while lane.waiting and not lane.in_turn_under_way:
                mutation = lane.waiting[0]
                if mutation.in_turn and lane.under_way:
                    break
                # Before it starts: it may be settled before ``start`` returns.
                lane.waiting.popleft()
                lane.under_way += 1
                lane.in_turn_under_way = mutation.in_turn
                if not start(mutation):
                    lane.waiting.appendleft(mutation)
                    lane.under_way -= 1
                    lane.in_turn_under_way = False
                    return
            if not lane.waiting and not lane.in_turn_under_way:
                del self.by_table[table]

    def settled(self, mutation: Mutation) -> None:
        """A copy that had started is delivered or given up."""
        for table in mutation.tables:
            lane = self.by_table.get(table)
            if lane is not None:
                lane.under_way -= 1
                if mutation.in_turn:
                    lane.in_turn_under_way = False

    def clear(self) -> list[Mutation]:
        """Empty the lanes; returns what waited."""
        waiting = list(self)
        self.by_table.clear()
        return waiting
