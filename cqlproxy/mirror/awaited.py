"""What a client is told when its write reached the cluster that answers, and not the other one.

Not an error after which drivers send a write once more by themselves (UNAVAILABLE, OVERLOADED): the cluster
that answers has applied it. What says that the statement is at fault is passed on as it is.
"""

from __future__ import annotations

from cqlproxy.mirror.mutation import Mutation
from frame_codec import ConsistencyLevel, ErrorResponse, WriteTimeout, WriteType, consistency_offset


def failure(mutation: Mutation, target: str, error: str, answer: ErrorResponse | None) -> ErrorResponse:
    """The client's error. ``target`` is the cluster's name, ``answer`` its refusal of the statement."""
    if answer is not None:
        return answer
    at = consistency_offset(mutation.body, mutation.opcode)
    return WriteTimeout(
        f"The write was applied, but not known to be by the {target} cluster too ({error});"
        " it is kept as a dead letter",
        consistency=ConsistencyLevel(int.from_bytes(mutation.body[at : at + 2], "big")),
        received=0,
        block_for=1,
        write_type=WriteType.SIMPLE,
    )
