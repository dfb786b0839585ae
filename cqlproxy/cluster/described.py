"""What a cluster says of a statement that the proxy has prepared there unseen by clients."""

from __future__ import annotations

import logging

from cqlproxy.cluster.request import Answer
from frame_codec import Opcode, Prepared, ProtocolError, decode_result

log = logging.getLogger(__name__)


def described(answer: Answer, version: int) -> Prepared | None:
    """The answer to a PREPARE in protocol ``version``; None when the statement was refused."""
    if answer.opcode != Opcode.RESULT:
        return None
    try:
        result = decode_result(answer.body, version)
    except ProtocolError as error:
        log.error("the answer to a PREPARE could not be read", extra={"error": error.message})
        return None
    return result if isinstance(result, Prepared) else None
