"""A statement is prepared on the target: its id there, or why there is none."""

from __future__ import annotations

from cqlproxy.cluster.backend import Backend
from cqlproxy.cluster.driver import RawConnection
from cqlproxy.cluster.keyspaces import KeyspaceUnavailableError
from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.cluster.request import NoAnswerError
from cqlproxy.cluster.side import Side
from cqlproxy.mirror.verdict import Outcome, outcome_of_error
from frame_codec import PROTOCOL_V4, ErrorResponse, Opcode, ResultKind, decode_prepared_id


class RefusedError(Exception):
    """The target refuses the statement itself, for a table that it lacks for instance."""


class NotNowError(Exception):
    """The target could not be asked, or cannot answer at the moment."""


async def prepare_on_target(
    target: Backend, side: Side, prepared: PreparedStatement, near: RawConnection | None
) -> None:
    """Set the statement's id on ``side``. ``near``: a connection to the node that is to prepare it.

    Raises ``RefusedError`` or ``NotNowError``.
    """
    try:
        opcode, body = await target.prepare(prepared.text, prepared.stands_in, near)
    except NoAnswerError as error:
        raise NotNowError(str(error)) from error
    except KeyspaceUnavailableError as error:
        raise (NotNowError if error.answer is None else RefusedError)(str(error)) from error
    if opcode == Opcode.RESULT and int.from_bytes(body[:4], "big") == ResultKind.PREPARED:
        prepared.named_on(side, decode_prepared_id(body))
        return
    answer = ErrorResponse.decode(body, PROTOCOL_V4)
    refused = outcome_of_error(answer.code, schema=False) is Outcome.REFUSED
    raise (RefusedError if refused else NotNowError)(answer.message)
