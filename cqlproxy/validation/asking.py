"""A question is put to a cluster, which has to prepare its statement first where it never did."""

from __future__ import annotations

from time import monotonic
from typing import Final

from cqlproxy.cluster.backend import Backend
from cqlproxy.cluster.described import described
from cqlproxy.cluster.driver import RawConnection
from cqlproxy.cluster.keyspaces import KeyspaceUnavailableError
from cqlproxy.cluster.own_ids import with_own_ids
from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.cluster.request import Answer, NoAnswerError
from cqlproxy.cluster.side import Side
from cqlproxy.statements import depends_on_keyspace
from cqlproxy.validation.question import Question
from cqlproxy.validation.skipped import Skipped, SkippedError
from frame_codec import ErrorCode, Opcode, error_code_and_message

REFUSED_SECONDS: Final = 10.0
"""How long a cluster that refused to prepare a statement is not asked again."""

_ERROR: Final = int(Opcode.ERROR)
_OF_THE_STATEMENT: Final = int(ErrorCode.SYNTAX_ERROR)
"""Codes from here on say that the statement cannot be executed, whenever it is tried."""


async def ask(cluster: Backend, side: Side, question: Question) -> bytes:
    """The body of the RESULT. Raises ``SkippedError``, and ``ProtocolError`` when an answer is malformed."""
    try:
        if question.prepared is None:
            answer = await _ask_text(cluster, question)
        else:
            answer = await _execute(cluster, side, question, question.prepared)
    except NoAnswerError as error:
        raise SkippedError(Skipped.NO_ANSWER) from error
    except KeyspaceUnavailableError as error:
        reason = Skipped.NOT_CONNECTED if error.answer is None else Skipped.REFUSED
        raise SkippedError(reason) from error
    if answer.opcode == _ERROR:
        code, _ = error_code_and_message(answer.body)
        raise SkippedError(Skipped.REFUSED if code >= _OF_THE_STATEMENT else Skipped.FAILED)
    return answer.body


async def _ask_text(cluster: Backend, question: Question) -> Answer:
    if question.keyspace is not None and depends_on_keyspace(question.statement):
        connection: RawConnection | None = await cluster.keyspaces.open(question.keyspace)
    else:
        connection = cluster.pick()
    return await _send(cluster, connection, question.opcode, question.body)


async def _execute(cluster: Backend, side: Side, question: Question, prepared: PreparedStatement) -> Answer:
    if prepared.ids[side] is None:
        await _prepare(cluster, side, prepared, None)
    connection = cluster.pick_for(prepared, question.body, question.parameters_at)
    body = with_own_ids(question.opcode, question.body, (prepared,), side)
    answer = await _send(cluster, connection, question.opcode, body)
    if answer.opcode != _ERROR or error_code_and_message(answer.body)[0] != ErrorCode.UNPREPARED:
        return answer
    await _prepare(cluster, side, prepared, connection)
    body = with_own_ids(question.opcode, question.body, (prepared,), side)
    return await _send(cluster, connection, question.opcode, body)


async def _prepare(
    cluster: Backend, side: Side, prepared: PreparedStatement, near: RawConnection | None
) -> None:
    if prepared.refused_until[side] > monotonic():
        raise SkippedError(Skipped.REFUSED)
    found = described(await cluster.prepare(prepared.text, prepared.keyspace, near), cluster.protocol_version)
    if found is None:
        prepared.refused_until[side] = monotonic() + REFUSED_SECONDS
        raise SkippedError(Skipped.REFUSED)
    prepared.known_on(side, found)


async def _send(cluster: Backend, connection: RawConnection | None, opcode: int, body: bytes) -> Answer:
    if connection is None:
        raise SkippedError(Skipped.NOT_CONNECTED)
    return await connection.ask(opcode, body, cluster.request_timeout)
