"""A body with a cluster's own prepared ids in place of those by which its statements go."""

from __future__ import annotations

from collections.abc import Sequence

from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.cluster.side import Side
from frame_codec import Opcode, batch, with_batch_ids, with_execute_id

_EXECUTE = int(Opcode.EXECUTE)


def with_own_ids(
    opcode: int, body: bytes, statements: Sequence[PreparedStatement], side: Side, at: int = 0
) -> bytes:
    """The request at ``at`` in ``body`` as the cluster on ``side`` is to get it.

    ``statements`` are the prepared ones in it, in order. Both clusters derive an id from text and keyspace,
    so most often nothing has to be replaced. An id that the cluster has not given yet is left as it is.
    """
    if not statements:
        return body
    if opcode == _EXECUTE:
        prepared = statements[0]
        own_id = prepared.ids[side]
        if own_id is None or own_id is prepared.id:
            return body
        return with_execute_id(body, at, own_id)
    known = ((prepared.id, prepared.ids[side]) for prepared in statements)
    ids = {body_id: own_id for body_id, own_id in known if own_id is not None and own_id is not body_id}
    return with_batch_ids(body, at, batch(body, at), ids) if ids else body
