"""A body with the target's prepared ids in place of those that its statements go by."""

from __future__ import annotations

from collections.abc import Sequence

from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.cluster.side import Side
from frame_codec import Opcode, batch, with_batch_ids, with_execute_id

_EXECUTE = int(Opcode.EXECUTE)


def with_target_ids(opcode: int, body: bytes, statements: Sequence[PreparedStatement], side: Side) -> bytes:
    """``body`` as it is sent. ``statements`` are those in it, in order, all of them prepared on ``side``.

    Both clusters derive an id from text and keyspace, so most often nothing has to be replaced.
    """
    if opcode == _EXECUTE:
        prepared = statements[0]
        target_id = prepared.ids[side]
        assert target_id is not None
        return body if target_id == prepared.id else with_execute_id(body, 0, target_id)
    known = ((prepared.id, prepared.ids[side]) for prepared in statements)
    ids = {key: target_id for key, target_id in known if target_id is not None and target_id != key}
    return with_batch_ids(body, 0, batch(body, 0), ids) if ids else body
