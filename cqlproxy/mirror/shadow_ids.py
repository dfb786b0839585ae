"""A mutation's body with the shadow's prepared ids in place of those that the client holds."""

from __future__ import annotations

from cqlproxy.cluster.side import Side
from cqlproxy.mirror.mutation import Mutation
from frame_codec import Opcode, batch, with_batch_ids, with_execute_id

_EXECUTE = int(Opcode.EXECUTE)


def with_shadow_ids(mutation: Mutation) -> bytes:
    """The body to send. Every statement in ``mutation.prepared`` has its shadow id.

    Both clusters derive an id from text and keyspace, so most often nothing has to be replaced.
    """
    body = mutation.body
    if mutation.opcode == _EXECUTE:
        prepared = mutation.prepared[0]
        shadow_id = prepared.ids[Side.SHADOW]
        assert shadow_id is not None
        return body if shadow_id == prepared.id else with_execute_id(body, 0, shadow_id)
    known = ((p.id, p.ids[Side.SHADOW]) for p in mutation.prepared)
    ids = {key: shadow_id for key, shadow_id in known if shadow_id is not None and shadow_id != key}
    return with_batch_ids(body, 0, batch(body, 0), ids) if ids else body
