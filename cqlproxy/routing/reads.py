"""Requests that read: the answers go back as they come, but for paging states and what tells of nodes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NamedTuple

from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.cluster.request import Failure
from cqlproxy.routing.exchange import ERROR, RESULT, Exchange, Steps, is_unprepared
from cqlproxy.routing.paging import marked_page
from cqlproxy.routing.peer import ClientPeer
from cqlproxy.routing.use_warning import without_use_warning
from cqlproxy.statements import Statement
from frame_codec import ErrorCode, ErrorResponse, FrameFlag, ReadTimeout, response_start

log = logging.getLogger(__name__)

_WARNING = int(FrameFlag.WARNING)
_NOT_RUN = frozenset(
    int(code).to_bytes(4, "big") for code in (ErrorCode.OVERLOADED, ErrorCode.IS_BOOTSTRAPPING)
)


class Read(Exchange):
    """A statement that changes nothing."""

    __slots__ = ()

    repeatable = True

    def answered(self, flags: int, opcode: int, body: bytes) -> None:
        # Hot path.
        if opcode == ERROR:
            if self._asks_another(flags, body):
                return
            self.count_error(flags, body)
        self.give_answer(flags, opcode, body)

    def _asks_another(self, flags: int, body: bytes) -> bool:
        """Whether a node that starts, stops or has too much to do has not run it, and another is asked.

        Drivers do so, where they see more than one.
        """
        if self.leaves(flags, body):
            return True
        at = response_start(body, flags) if flags else 0
        not_run = body[at : at + 4] in _NOT_RUN and len(self.route.backend.nodes) > 1
        return not_run and self.goes_elsewhere()

    def give_answer(self, flags: int, opcode: int, body: bytes) -> None:
        # Hot path.
        route = self.route
        if route.marks_pages and opcode == RESULT:
            body = marked_page(flags, body, route.side)
        self.client.reply(self.stream, flags, opcode, body)
        self.steps.read_answered(self.started, opcode)

    def refuse(self, error: ErrorResponse) -> None:
        super().refuse(error)
        self.steps.read_answered(self.started, ERROR)

    def error_of(self, failure: Failure) -> ErrorResponse:
        return ReadTimeout(
            f"The cluster did not answer this read ({failure.value})",
            consistency=self.steps.consistency_of(self),
            received=0,
            block_for=1,
            data_present=False,
        )


class PreparedRead(Read):
    """EXECUTE of a statement that changes nothing."""

    __slots__ = ("prepared",)

    prepared: PreparedStatement

    def statements(self) -> tuple[PreparedStatement, ...]:
        return (self.prepared,)

    def answered(self, flags: int, opcode: int, body: bytes) -> None:
        # Hot path.
        if opcode == ERROR:
            if is_unprepared(flags, body):
                self.steps.prepare_again(self, flags, body)
                return
            if self._asks_another(flags, body):
                return
            self.count_error(flags, body)
        if flags & _WARNING and self.client.keyspace == self.prepared.keyspace:
            flags, body = without_use_warning(flags, body)
        self.give_answer(flags, opcode, body)

    @staticmethod
    def answered_together(answered: list[tuple[PreparedRead, bytes]], now: float) -> None:
        # Hot path.
        for read, body in answered:
            try:
                route = read.route
                if route.marks_pages:
                    body = marked_page(0, body, route.side)
                read.client.reply(read.stream, 0, RESULT, body)
            except Exception:
                log.exception("a bug of the proxy: an answer could not be handled")
        answered[0][0].steps.reads_answered([now - read.started for read, _ in answered])


PreparedRead.told_together = PreparedRead


class Reads(NamedTuple):
    """What makes the reads of the application's tables, called as the classes are."""

    text: Callable[[Steps, ClientPeer, int, int, int, bytes, float], Read] = Read
    prepared: Callable[[Steps, ClientPeer, int, int, int, bytes, float], PreparedRead] = PreparedRead


PLAIN_READS = Reads()


class SystemRead(Read):
    """A read of ``system.local`` or ``system.peers``, whose answer shows the proxy as the only node."""

    __slots__ = ("statement",)

    statement: Statement

    def give_answer(self, flags: int, opcode: int, body: bytes) -> None:
        if opcode == RESULT:
            body = self.client.one_node_view(self.statement, body, response_start(body, flags))
        super().give_answer(flags, opcode, body)


class PreparedSystemRead(PreparedRead):
    """EXECUTE of such a read."""

    __slots__ = ()

    def give_answer(self, flags: int, opcode: int, body: bytes) -> None:
        if opcode == RESULT:
            body = self.client.one_node_view(self.prepared.statement, body, response_start(body, flags))
        super().give_answer(flags, opcode, body)
