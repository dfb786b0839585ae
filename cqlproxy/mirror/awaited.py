"""Copies that a client waits for: what it is told, and when, should the copy not arrive.

Its error is not one after which drivers send a write once more by themselves (UNAVAILABLE, OVERLOADED): the
cluster that answers has applied it. What says that the statement is at fault is passed on as it is.
"""

from __future__ import annotations

from functools import partial

from cqlproxy.mirror.backlog import Backlog
from cqlproxy.mirror.mutation import Mutation, Settled
from frame_codec import ConsistencyLevel, ErrorResponse, WriteTimeout, WriteType, consistency_offset


class Awaited:
    """Tells the clients of awaited copies, once each.

    ``fails``: a client is told of a failure; otherwise its copy goes on as if it had been offered, and the
    client sees no error. ``target`` is the cluster's name. ``keeps`` is the journal if it takes every copy.
    """

    def __init__(self, target: str, *, fails: bool, keeps: Backlog | None) -> None:
        self.fails = fails
        self._target = target
        self._keeps = keeps
        self._not_kept: dict[Mutation, Settled | None] = {}
        """Copies that the journal is about to have, and whom to tell when it does."""

    def take(self, mutation: Mutation, settled: Settled) -> None:
        """A client waits for this copy from now on."""
        mutation.awaited = settled
        if self._keeps is not None and not self.fails:
            # At its place among the others, should it go on as one of them.
            self._not_kept[mutation] = None
            self._keeps.protect(mutation, partial(self._is_kept, mutation))

    def tell(self, mutation: Mutation, error: ErrorResponse | None) -> None:
        """The client that waits for a copy, if one does, may have its answer."""
        settled = mutation.awaited
        if settled is not None:
            mutation.awaited = None
            settled(error)

    def goes_on(self, mutation: Mutation) -> None:
        """A copy is as if it had been offered: the client is told as soon as a kill does not lose it."""
        settled = mutation.awaited
        assert settled is not None
        mutation.awaited = None
        if mutation in self._not_kept:
            self._not_kept[mutation] = settled
        else:
            settled(None)

    def _is_kept(self, mutation: Mutation) -> None:
        settled = self._not_kept.pop(mutation)
        if settled is not None:
            settled(None)

    def error(self, mutation: Mutation, error: str, answer: ErrorResponse | None) -> ErrorResponse | None:
        """What the client is to be told of a copy that failed. ``answer``: the target's, to the statement."""
        if not self.fails or answer is not None:
            return answer if self.fails else None
        at = consistency_offset(mutation.body, mutation.opcode)
        return WriteTimeout(
            f"The write was applied, but not known to be by the {self._target} cluster too ({error});"
            " it is kept as a dead letter",
            consistency=ConsistencyLevel(int.from_bytes(mutation.body[at : at + 2], "big")),
            received=0,
            block_for=1,
            write_type=WriteType.SIMPLE,
        )
