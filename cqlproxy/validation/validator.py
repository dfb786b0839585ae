"""A share of the application's reads is also put to the other cluster, and the answers are compared.

It begins when the client has its answer, and nothing of it reaches a client. A difference counts when both
clusters are read once more after a while and it is still there: a copy on its way is none. Nor does it count
while copies from before the read wait to be delivered, or when it has become another difference: then the
rows are being written.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from time import monotonic
from typing import Final, NamedTuple

from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.cluster.side import Side
from cqlproxy.cluster.versions import VersionedCluster
from cqlproxy.logs import EVENT
from cqlproxy.mirror.worker import Mirror
from cqlproxy.routing.exchange import RESULT, Steps
from cqlproxy.routing.first_seen import FirstSeen
from cqlproxy.routing.peer import ClientPeer
from cqlproxy.routing.reads import PreparedRead, Read, Reads
from cqlproxy.routing.scopes import qualified
from cqlproxy.statements import Statement, StatementCache, TableName
from cqlproxy.supervision import Supervisor
from cqlproxy.validation.answer import Answer, answer
from cqlproxy.validation.asking import ask
from cqlproxy.validation.comparison import Differences, UnlikeColumnsError, differences
from cqlproxy.validation.counts import ValidationCounts
from cqlproxy.validation.held_rows import HeldRows
from cqlproxy.validation.question import Question, question
from cqlproxy.validation.skipped import Skipped, SkippedError
from cqlproxy.validation.wording import differences_in_words, key_in_words
from filters import Governor, Reason
from frame_codec import (
    PROTOCOL_V4,
    FrameFlag,
    ProtocolError,
    after_custom_payload,
    query_span,
    response_start,
)

log = logging.getLogger(__name__)

MOST_UNDER_WAY: Final = 64
"""Reads that are being compared at a time, those that wait to be read once more among them."""

LONGEST_STATEMENT: Final = 64 * 1024
"""Bytes of a request whose answers are compared."""

LARGEST_ANSWER: Final = 1024 * 1024
"""Bytes of an answer that is compared: more would hold up the clients while its rows are read."""

_CUSTOM_PAYLOAD: Final = int(FrameFlag.CUSTOM_PAYLOAD)


class _Answered(NamedTuple):
    """A read whose client has its answer."""

    opcode: int
    body: bytes
    keyspace: str | None
    prepared: PreparedStatement | None
    statement: Statement
    table: TableName
    side: Side
    version: int
    mirror: Mirror
    answer_flags: int
    answer_body: bytes
    at: float
    """``time.monotonic()`` of its answer."""


class Validator:
    """Chooses ``share`` (0 to 1) of the reads; ``recheck_after`` is in seconds, ``clusters`` are by ``Side``.

    ``reads`` is what the router makes reads with, so that nothing is paid for while it is not used.
    """

    def __init__(
        self,
        *,
        share: float,
        recheck_after: float,
        clusters: tuple[VersionedCluster, VersionedCluster],
        governor: Governor,
        statements: StatementCache,
        counts: ValidationCounts,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.reads = Reads(self._text_read, self._prepared_read)
        self._share = share
        self._recheck_after = recheck_after
        self._clusters = clusters
        self._governor = governor
        self._statements = statements
        self._counts = counts
        self._chance = chance
        self._supervisor = Supervisor()
        self._logged = FirstSeen()

    def use(self, share: float, recheck_after: float) -> None:
        """Choose another share, and wait for another time, from now on."""
        self._share, self._recheck_after = share, recheck_after

    async def stop(self) -> None:
        """Compare no more."""
        await self._supervisor.stop()

    # --- choosing -----------------------------------------------------------------------------

    def _text_read(
        self, router: Steps, client: ClientPeer, stream: int, flags: int, opcode: int, body: bytes, now: float
    ) -> Read:
        # Hot path.
        if self._chance() >= self._share:
            return Read(router, client, stream, flags, opcode, body, now)
        read = _ChosenRead(router, client, stream, flags, opcode, body, now)
        read.validator = self
        read.keyspace = client.keyspace
        return read

    def _prepared_read(
        self, router: Steps, client: ClientPeer, stream: int, flags: int, opcode: int, body: bytes, now: float
    ) -> PreparedRead:
        # Hot path.
        if self._chance() >= self._share:
            return PreparedRead(router, client, stream, flags, opcode, body, now)
        read = _ChosenPreparedRead(router, client, stream, flags, opcode, body, now)
        read.validator = self
        return read

    def answered(
        self, read: Read, keyspace: str | None, prepared: PreparedStatement | None, flags: int, body: bytes
    ) -> None:
        """A chosen read has been answered with this RESULT."""
        sent = read.body[after_custom_payload(read.body) :] if read.flags & _CUSTOM_PAYLOAD else read.body
        if prepared is not None:
            statement, table = prepared.statement, prepared.tables[0]
        else:
            start, end = query_span(sent, 0)
            statement = self._statements.analyse(sent[start:end])
            table = qualified(statement.tables[0], keyspace)
        verdict = self._governor.table(table.keyspace, table.table).verdict
        if statement.verb != "SELECT" or verdict.reason is Reason.SYSTEM:
            return
        mirror = read.route.mirror
        if mirror is None:
            self._skip(Skipped.NOT_COPIED)
        elif not verdict.copy:
            self._skip(Skipped.HELD_BACK)
        elif len(sent) > LONGEST_STATEMENT or len(body) > LARGEST_ANSWER:
            self._skip(Skipped.TOO_LARGE)
        elif self._counts.under_way >= MOST_UNDER_WAY:
            self._skip(Skipped.TOO_MANY)
        else:
            self._counts.under_way += 1
            answered = _Answered(
                read.opcode,
                sent,
                keyspace,
                prepared,
                statement,
                table,
                read.route.side,
                read.route.backend.protocol_version,
                mirror,
                flags,
                body,
                monotonic(),
            )
            self._supervisor.start(self._validate(answered), "validation of a read")

    def _skip(self, reason: Skipped) -> None:
        self._counts.skip(reason.value)

    # --- comparing ----------------------------------------------------------------------------

    async def _validate(self, read: _Answered) -> None:
        try:
            await self._compare(read)
        except SkippedError as skipped:
            self._skip(skipped.reason)
        except (ProtocolError, UnlikeColumnsError):
            self._skip(Skipped.NOT_UNDERSTOOD)
        else:
            self._counts.validated += 1
        finally:
            self._counts.under_way -= 1

    async def _compare(self, read: _Answered) -> None:
        asked = self._question(read)
        HeldRows(self._governor, asked)  # before the other cluster is troubled
        known = () if read.prepared is None else read.prepared.result_columns
        ours = answer(read.answer_body, response_start(read.answer_body, read.answer_flags), known)
        theirs = await self._ask(read.side.other, asked)
        if read.version != PROTOCOL_V4:
            ours = ours.with_types_of(theirs)
        first = self._differences(ours, theirs, asked)
        if not first:
            return
        self._counts.rechecks += 1
        await asyncio.sleep(self._recheck_after)
        mirror = read.mirror
        if mirror.backlog or mirror.lag >= monotonic() - read.at:
            raise SkippedError(Skipped.COPIES_WAITING)
        ours, theirs = await asyncio.gather(self._ask(read.side, asked), self._ask(read.side.other, asked))
        second = self._differences(ours, theirs, asked)
        if not second:
            return
        lasting = [second[what] for what in second.keys() & first.keys()]
        if not lasting:
            raise SkippedError(Skipped.CHANGING)
        self._counts.mismatches.add((read.table,))
        key = key_in_words(asked, ours.columns)
        told = differences_in_words(lasting, len(lasting), read.side)
        self._report(f"{read.table.keyspace}.{read.table.table}", f"{key}: {told}")

    def _question(self, read: _Answered) -> Question:
        keyspace, table = read.table
        shapes = [
            None if keyspace is None else cluster.main.table(keyspace, table) for cluster in self._clusters
        ]
        shape = shapes[read.side]
        if not self._clusters[read.side.other].main.ready:
            raise SkippedError(Skipped.NOT_CONNECTED)
        if shape is None or None in shapes:
            raise SkippedError(Skipped.TABLE_UNKNOWN)
        if read.prepared is not None:
            text = read.prepared.text
        else:
            start, end = query_span(read.body, 0)
            text = read.body[start:end]
        return question(
            read.opcode,
            read.body,
            read.keyspace,
            read.prepared,
            read.statement,
            read.table,
            shape,
            text.decode("utf-8", "replace"),
        )

    async def _ask(self, side: Side, asked: Question) -> Answer:
        body = await ask(self._clusters[side].main, side, asked)
        if len(body) > LARGEST_ANSWER:
            raise SkippedError(Skipped.TOO_LARGE)
        return answer(body, 0, ())

    def _differences(self, ours: Answer, theirs: Answer, asked: Question) -> Differences:
        """Raises ``SkippedError``, ``UnlikeColumnsError`` and ``ProtocolError``."""
        ordered = asked.asked.ordered
        if (ours.more or theirs.more) and not ordered:
            raise SkippedError(Skipped.MORE_PAGES)
        if ours.is_same(theirs):
            return {}
        held = HeldRows(self._governor, asked)
        left, some_left = held.without_held(ours.page())
        right, some_right = held.without_held(theirs.page())
        if some_left or some_right:
            if not left.rows and not right.rows:
                raise SkippedError(Skipped.HELD_BACK)
            if asked.clauses.limited:
                # What is left out made room for other rows on the side that does not have it.
                if not ordered:
                    raise SkippedError(Skipped.HELD_BACK)
                left, right = left._replace(more=True), right._replace(more=True)
        if (left.more and not left.rows) or (right.more and not right.rows):
            raise SkippedError(Skipped.MORE_PAGES)
        return differences(left, right, asked.asked)

    def _report(self, table: str, what: str) -> None:
        if self._logged.is_first(f"{table} {what}".encode("utf-8", "replace"), monotonic()):
            # In the message itself, so that one mismatch does not hide the next (see cqlproxy.logs).
            log.warning(
                f"the clusters differ: {table} {what}",
                extra={EVENT: f"the clusters differ in a row of {table}; the log says which, and how"},
            )


class _ChosenRead(Read):
    """A QUERY that is compared once it is answered; ``keyspace`` is the client's when it was sent."""

    __slots__ = ("keyspace", "validator")

    validator: Validator
    keyspace: str | None

    def give_answer(self, flags: int, opcode: int, body: bytes) -> None:
        super().give_answer(flags, opcode, body)
        if opcode == RESULT:
            self.validator.answered(self, self.keyspace, None, flags, body)


class _ChosenPreparedRead(PreparedRead):
    """An EXECUTE that is compared once it is answered."""

    __slots__ = ("validator",)

    validator: Validator

    def give_answer(self, flags: int, opcode: int, body: bytes) -> None:
        super().give_answer(flags, opcode, body)
        if opcode == RESULT:
            self.validator.answered(self, None, self.prepared, flags, body)
