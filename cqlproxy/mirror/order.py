"""Order between memory and the journal, where it matters: what goes behind the backlog, and what before it.

Copies in memory are older than those that are spilled, and go first; but what is left in memory at the end
joins the journal, and the next process reads it in the journal's order. So before a copy is spilled whose
order with those in memory matters, they get their places in the journal. That is rare: from then on all that
comes and is concerned goes behind it, until it is settled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cqlproxy.mirror.backlog import Backlog
from cqlproxy.mirror.mutation import Mutation


class Order:
    """``in_memory`` lists all copies there; ``may_keep`` says which of them the journal may have."""

    def __init__(
        self,
        backlog: Backlog,
        in_memory: Callable[[], Iterable[Mutation]],
        may_keep: Callable[[Mutation], bool],
    ) -> None:
        self._backlog = backlog
        self._in_memory = in_memory
        self._may_keep = may_keep
        self._schema: set[Mutation] = set()
        """Schema changes in memory that came without a place in the journal."""
        self._all_kept = False
        """Whether all that is in memory has its place in the journal."""

    def comes_later(self, mutation: Mutation) -> bool:
        """Whether a copy has to go behind those in the journal."""
        return self._backlog.comes_before(mutation) or (bool(self._schema) and bool(self._backlog))

    def in_memory(self, mutation: Mutation) -> None:
        """A copy waits in memory, without a place in the journal."""
        if mutation.schema:
            self._schema.add(mutation)
            self._all_kept = False

    def settled(self, mutation: Mutation) -> None:
        """A copy is in memory no longer."""
        self._schema.discard(mutation)

    def before_spilling(self, mutation: Mutation) -> None:
        """A copy is about to be put at the backlog's end."""
        # Hot path while the target is away: most copies are of no concern.
        concerned: Iterable[Mutation]
        if mutation.schema or (self._schema and not self._all_kept):
            concerned = self._in_memory()
            self._all_kept = True
        elif mutation.in_turn and not self._backlog.has_in_turn(mutation.tables):
            tables = set(mutation.tables)
            concerned = [other for other in self._in_memory() if not tables.isdisjoint(other.tables)]
        else:
            return
        for other in sorted(concerned, key=when_offered):
            if other.entry is None and self._may_keep(other):
                self._backlog.protect(other, None)


def when_offered(mutation: Mutation) -> float:
    return mutation.offered
