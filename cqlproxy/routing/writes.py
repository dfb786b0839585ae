"""Requests that write: their answers, and the copies that follow from them.

A copy is taken after the client's answer, or before it where the journal or the mode ask for that
(``route.Manner``). What the cluster refused is not copied. What it left unanswered may have been applied or
not: it is not copied either, but kept for an operator to decide.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from time import monotonic
from typing import Any, cast

from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.cluster.request import Failure
from cqlproxy.cork import CORK
from cqlproxy.mirror.mutation import Mutation
from cqlproxy.mirror.worker import Mirror
from cqlproxy.routing.exchange import ERROR, RESULT, Exchange, is_unprepared
from cqlproxy.routing.route import Manner
from cqlproxy.routing.use_warning import without_use_warning
from cqlproxy.statements import Statement
from frame_codec import (
    ErrorCode,
    ErrorResponse,
    FrameFlag,
    WriteTimeout,
    response_start,
    was_applied,
)

log = logging.getLogger(__name__)

_WARNING = int(FrameFlag.WARNING)
_BESIDE = Manner.BESIDE

_MAY_BE_APPLIED = tuple(
    int(code).to_bytes(4, "big") for code in (ErrorCode.WRITE_TIMEOUT, ErrorCode.WRITE_FAILURE)
)

_NEVER_REPEATED = frozenset(
    {
        ErrorCode.SYNTAX_ERROR,
        ErrorCode.UNAUTHORIZED,
        ErrorCode.INVALID,
        ErrorCode.CONFIG_ERROR,
        ErrorCode.ALREADY_EXISTS,
    }
)
"""Errors of the statement itself, for which no driver tries again."""


class Write(Exchange):
    """A mutation as text. ``keyspace`` is the client's at the time it was sent.

    ``together`` is set for a write that is sent to both clusters at the same time.
    """

    __slots__ = ("keyspace", "statement", "together")

    statement: Statement
    keyspace: str | None
    together: Together | None

    def give_answer(self, flags: int, opcode: int, body: bytes) -> None:
        # Hot path.
        route = self.route
        if opcode != RESULT:
            self._refused(flags, body)
        elif route.mirror is None:
            self.finish(flags, opcode, body)
        elif route.afterwards is None:
            self._finish_with_copy(route.mirror, flags, body)
        else:
            self.finish(flags, opcode, body)
            if self._is_applied(flags, body):
                CORK.afterwards(self._copy)

    def finish(self, flags: int, opcode: int, body: bytes) -> None:
        """The client has its answer, and it is counted."""
        self.client.reply(self.stream, flags, opcode, body)
        self.steps.write_answered(self.started, opcode, self.route.side)

    def _copy(self) -> None:
        # Hot path.
        mutation = self.mutation()
        if mutation is not None and self.route.mirror is not None:
            self.route.mirror.offer(mutation)

    def mutation(self) -> Mutation | None:
        """What is to be copied of it, were it applied; None when nothing is."""
        return self.steps.copies.text(self)

    def mutations(self, writes: Sequence[Write], now: float) -> list[Mutation | None]:
        """What ``mutation`` gives for each of these writes, of the same class and answered at ``now``."""
        return self.steps.copies.texts_together(writes, now)

    @staticmethod
    def answered_together(answered: list[tuple[Any, bytes]], now: float) -> None:
        # Hot path.
        special = [
            one
            for one in answered
            if (statement := one[0].statement).condition is not None
            or (statement.statements and statement.conditional)
        ]
        _answer_together(answered, special, now)

    def is_conditional(self) -> bool:
        return self.statement.conditional

    def goes_alone(self) -> bool:
        """Whether the other cluster must not have it before this one has decided about it."""
        return self.is_conditional()

    def _is_applied(self, flags: int, body: bytes) -> bool:
        return not self.is_conditional() or was_applied(body, response_start(body, flags))

    def _finish_with_copy(self, mirror: Mirror, flags: int, body: bytes) -> None:
        """Answer once the copy is safe, or delivered, or known not to be."""
        beside = self.route.manner is _BESIDE
        if beside and self.together is not None:
            self.together.answered(flags, body)
            return
        mutation = self.mutation() if self._is_applied(flags, body) else None
        if mutation is None:
            self.finish(flags, RESULT, body)
            return
        if beside:
            mirror.deliver(mutation, partial(self._finish_or_refuse, flags, body))
        else:
            mirror.offer_then(mutation, partial(self.finish, flags, RESULT, body))

    def _finish_or_refuse(self, flags: int, body: bytes, error: ErrorResponse | None) -> None:
        if error is None:
            self.finish(flags, RESULT, body)
        else:
            self.refuse_for_copy(error)

    def refuse_for_copy(self, error: ErrorResponse) -> None:
        """The write was applied, and its copy failed with ``error``.

        Drivers repeat a write after some errors, which would apply this one twice: those become an error
        after which none does.
        """
        if error.code in _NEVER_REPEATED:
            self.refuse(error)
            return
        other = self.route.side.other.label
        self.refuse(
            WriteTimeout(
                f"Applied, but not on the {other} cluster: {error.message}",
                consistency=self.steps.consistency_of(self),
                received=0,
                block_for=1,
                write_type="SIMPLE",
            )
        )

    def _refused(self, flags: int, body: bytes) -> None:
        """The cluster answered with an error; the client gets it as it is, if another node is not asked."""
        if self.leaves(flags, body):
            return
        self.count_error(flags, body)
        self.finish(flags, ERROR, body)
        self._tell_other()
        at = response_start(body, flags)
        if body[at : at + 4] in _MAY_BE_APPLIED:
            self._never_confirmed()

    def failed(self, failure: Failure) -> None:
        super().failed(failure)
        self._never_confirmed()

    def refuse(self, error: ErrorResponse) -> None:
        super().refuse(error)
        self.steps.write_answered(self.started, ERROR, self.route.side)
        self._tell_other()

    def _tell_other(self) -> None:
        """The client got an error: of a copy that was sent at the same time, nothing more will come of it."""
        if self.route.manner is _BESIDE and self.together is not None:
            self.together.refused()

    def _never_confirmed(self) -> None:
        """Nobody knows whether the write was applied. A copy that was sent at the same time is there."""
        route = self.route
        if route.mirror is None or (route.manner is _BESIDE and self.together is not None):
            return
        mutation = self.mutation()
        if mutation is not None:
            route.mirror.never_confirmed(mutation)

    def error_of(self, failure: Failure) -> ErrorResponse:
        # Its outcome is unknown, and so it must not look like an error after which a driver may repeat it.
        return WriteTimeout(
            f"The cluster did not answer this write ({failure.value}): it may have been applied",
            consistency=self.steps.consistency_of(self),
            received=0,
            block_for=1,
            write_type="SIMPLE",
        )


class PreparedWrite(Write):
    """EXECUTE of a mutation."""

    __slots__ = ("prepared",)

    prepared: PreparedStatement

    def statements(self) -> tuple[PreparedStatement, ...]:
        return (self.prepared,)

    def answered(self, flags: int, opcode: int, body: bytes) -> None:
        if opcode == ERROR and is_unprepared(flags, body):
            self.steps.prepare_again(self, flags, body)
            return
        if flags & _WARNING and self.client.keyspace == self.prepared.keyspace:
            flags, body = without_use_warning(flags, body)
        self.give_answer(flags, opcode, body)

    @staticmethod
    def answered_together(answered: list[tuple[Any, bytes]], now: float) -> None:
        # Hot path.
        _answer_together(answered, [one for one in answered if not one[0].prepared.plain_write], now)

    def is_conditional(self) -> bool:
        return self.prepared.conditional

    def goes_alone(self) -> bool:
        return not self.prepared.writes or self.prepared.conditional

    def mutation(self) -> Mutation | None:
        return self.steps.copies.prepared(self)

    def mutations(self, writes: Sequence[Write], now: float) -> list[Mutation | None]:
        return self.steps.copies.prepared_together(cast(Sequence[PreparedWrite], writes), now)


Write.told_together = Write
PreparedWrite.told_together = PreparedWrite


def _answer_together(
    answered: list[tuple[Write, bytes]], special: list[tuple[Write, bytes]], now: float
) -> None:
    """Answer writes of one class; each of those that are ``special`` among them by itself."""
    # Hot path.
    route = answered[0][0].route
    special += answered if route.manner is _BESIDE else [one for one in answered if one[0].route is not route]
    if special:
        alone = set(map(id, special))
        for one in answered:
            if id(one) in alone:
                _answer_alone(*one)
        answered = [one for one in answered if id(one) not in alone]
        if not answered:
            return
    mirror = route.mirror
    if mirror is None:
        _finish_together(answered)
    elif route.afterwards is None:
        _finish_when_taken(answered, mirror, now)
    else:
        _finish_together(answered)
        CORK.afterwards(partial(_copy_together, mirror, answered, now))


def _copy_together(mirror: Mirror, answered: list[tuple[Write, bytes]], now: float) -> None:
    # Hot path.
    copies = answered[0][0].mutations([write for write, _ in answered], now)
    mirror.offer_together([copy for copy in copies if copy is not None])


def _answer_alone(write: Write, body: bytes) -> None:
    try:
        write.give_answer(0, RESULT, body)
    except Exception:
        log.exception("a bug of the proxy: an answer could not be handled")


def _finish_together(answered: list[tuple[Write, bytes]]) -> None:
    """The clients have the answers of these writes, all of one route, and they are counted."""
    # Hot path.
    for write, body in answered:
        write.client.reply(write.stream, 0, RESULT, body)
    now = monotonic()
    first = answered[0][0]
    first.steps.writes_answered([now - write.started for write, _ in answered], first.route.side)


def _finish_when_taken(answered: list[tuple[Write, bytes]], mirror: Mirror, now: float) -> None:
    """Answer these writes, all of one route, once their copies are taken; at once where there is none."""
    # Hot path, when the journal takes every copy.
    copies = answered[0][0].mutations([write for write, _ in answered], now)
    alone = [one for one, copy in zip(answered, copies, strict=True) if copy is None]
    if alone:
        _finish_together(alone)
        answered = [one for one, copy in zip(answered, copies, strict=True) if copy is not None]
    taken = [copy for copy in copies if copy is not None]
    if taken and not mirror.offer_together_then(taken, partial(_finish_together, answered)):
        for (write, body), copy in zip(answered, taken, strict=True):
            mirror.offer_then(copy, partial(write.finish, 0, RESULT, body))


class BatchWrite(Write):
    """BATCH: texts and prepared statements. ``entries`` says what each of them does."""

    __slots__ = ("entries",)

    entries: list[PreparedStatement | Statement]

    def statements(self) -> tuple[PreparedStatement, ...]:
        return tuple(entry for entry in self.entries if isinstance(entry, PreparedStatement))

    def answered(self, flags: int, opcode: int, body: bytes) -> None:
        if opcode == ERROR and is_unprepared(flags, body):
            self.steps.prepare_again(self, flags, body)
        else:
            self.give_answer(flags, opcode, body)

    def is_conditional(self) -> bool:
        return any(entry.conditional for entry in self.entries)

    def mutation(self) -> Mutation | None:
        return self.steps.copies.batch(self)

    def error_of(self, failure: Failure) -> ErrorResponse:
        return WriteTimeout(
            f"The cluster did not answer this batch ({failure.value}): it may have been applied",
            consistency=self.steps.consistency_of(self),
            received=0,
            block_for=1,
            write_type="BATCH",
        )


class SchemaChange(Write):
    """A text that changes the schema, or TRUNCATE: copied in its order.

    The client has its answer when the nodes agree on the schema, since its next request may meet any of them.
    """

    __slots__ = ()

    def give_answer(self, flags: int, opcode: int, body: bytes) -> None:
        if opcode == RESULT and self.route.backend.may_disagree:
            self.steps.answer_when_agreed(self, flags, body)
        else:
            self.give_agreed_answer(flags, opcode, body)

    def give_agreed_answer(self, flags: int, opcode: int, body: bytes) -> None:
        super().give_answer(flags, opcode, body)

    def goes_alone(self) -> bool:
        return True

    def mutation(self) -> Mutation | None:
        return self.steps.copies.schema(self)


class Together:
    """A write that both clusters get at the same time: the client's answer when both have answered.

    The answering cluster's error is the client's, whatever became of the copy.
    """

    __slots__ = ("_answer", "_copied", "_done", "_error", "_write")

    def __init__(self, write: Write) -> None:
        self._write = write
        self._answer: tuple[int, bytes] | None = None
        self._copied = False
        self._error: ErrorResponse | None = None
        self._done = False

    def copied(self, error: ErrorResponse | None) -> None:
        """The copy arrived, or did not."""
        self._copied = True
        self._error = error
        self._settle()

    def answered(self, flags: int, body: bytes) -> None:
        """The answering cluster has applied the write."""
        self._answer = flags, body
        self._settle()

    def refused(self) -> None:
        """The answering cluster has not, or nobody knows: the client has been told. Safe to repeat."""
        if self._done:
            return
        self._done = True
        if not self._copied or self._error is None:
            self._write.steps.one_sided()

    def _settle(self) -> None:
        if self._done or self._answer is None or not self._copied:
            return
        self._done = True
        flags, body = self._answer
        if self._error is None:
            self._write.finish(flags, RESULT, body)
        else:
            self._write.refuse_for_copy(self._error)
