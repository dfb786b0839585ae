"""Reads are chosen, put to the other cluster and compared; nothing of it is felt by clients."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import cast

import pytest

from cqlproxy.cluster.backend import Backend
from cqlproxy.cluster.keyspaces import KeyspaceUnavailableError
from cqlproxy.cluster.prepared import PreparedStatement, PreparedStatements
from cqlproxy.cluster.request import NoAnswerError
from cqlproxy.cluster.side import Side
from cqlproxy.mirror.worker import Mirror
from cqlproxy.routing.exchange import Steps
from cqlproxy.routing.peer import ClientPeer
from cqlproxy.routing.reads import PreparedRead, Read
from cqlproxy.routing.route import Manner, Route
from cqlproxy.statements import StatementCache
from cqlproxy.validation.asking import REFUSED_SECONDS
from cqlproxy.validation.counts import ValidationCounts
from cqlproxy.validation.skipped import Skipped
from cqlproxy.validation.validator import LARGEST_ANSWER, LONGEST_STATEMENT, MOST_UNDER_WAY, Validator
from filters import Governor, Rules, TablePatterns, Tenants, table_pattern
from frame_codec import (
    ColumnSpec,
    ConsistencyLevel,
    CustomType,
    ErrorCode,
    Execute,
    FrameFlag,
    NativeType,
    Opcode,
    PlainError,
    Query,
    QueryParameters,
    Request,
    Rows,
    RowsMetadata,
    TypeId,
    Unavailable,
    Unprepared,
    Void,
    execute_id,
)
from tests.unit.validation.scripted import Cluster, as_clusters, number, rows, statement, until

SELECT = "SELECT * FROM ks.t WHERE k = 1"
ONE = rows((1, 1, 5))
OTHER = rows((1, 1, 6))


class Deliverer:
    """What is asked of the mirror."""

    def __init__(self) -> None:
        self.backlog = 0
        self.lag = 0.0


class Client:
    """A client, and the router, as far as a read has to do with them."""

    version = 4
    keyspace: str | None = "ks"

    def __init__(self, route: Route) -> None:
        self.route = route
        self.replies: list[tuple[int, int, bytes]] = []

    def reply(self, stream: int, flags: int, opcode: int, body: bytes) -> None:
        self.replies.append((flags, opcode, body))

    def error_given(self, source: str, code: int) -> None:
        pass

    def read_answered(self, started: float, opcode: int) -> None:
        pass


class Setting:
    """A validator of all reads between two scripted clusters that hold the same."""

    def __init__(
        self, *, share: float = 1.0, recheck_after: float = 0.01, rules: Rules | None = None, version: int = 4
    ) -> None:
        self.primary, self.shadow = Cluster(Side.PRIMARY), Cluster(Side.SHADOW)
        self.counts = ValidationCounts()
        self.chances: list[float] = []
        self.validator = Validator(
            share=share,
            recheck_after=recheck_after,
            clusters=as_clusters(self.primary, self.shadow),
            governor=Governor(rules or Rules()),
            statements=StatementCache(10),
            counts=self.counts,
            chance=lambda: self.chances.pop(0) if self.chances else 0.0,
        )
        self.mirror = Deliverer()
        answering = Cluster(Side.PRIMARY)
        answering.protocol_version = version
        self.route = Route(
            Side.PRIMARY,
            cast(Backend, answering),
            PreparedStatements(10),
            manner=Manner.AFTERWARDS,
            mirror=cast(Mirror, self.mirror),
        )
        self.client = Client(self.route)

    def read(
        self, request: Request | str = SELECT, prepared: PreparedStatement | None = None, payload: bytes = b""
    ) -> Read:
        """A read as the router makes it."""
        if isinstance(request, str):
            request = Query(request, QueryParameters())
        flags = FrameFlag.CUSTOM_PAYLOAD if payload else 0
        body = payload + request.encode(4)
        router, client = cast(Steps, self.client), cast(ClientPeer, self.client)
        if prepared is None:
            return self.validator.reads.text(router, client, 1, flags, request.opcode, body, 0.0)
        read = self.validator.reads.prepared(router, client, 1, flags, request.opcode, body, 0.0)
        read.prepared = prepared
        return read

    async def answered(self, read: Read, answer: Rows | bytes = ONE, flags: int = 0) -> None:
        """The read is answered, and what follows from it is over."""
        body = answer if isinstance(answer, bytes) else answer.encode(4)
        replies = len(self.client.replies)
        read.answered(flags, Opcode.RESULT, body)
        assert self.client.replies[replies:] == [(flags, Opcode.RESULT, body)]
        await self.settled()

    async def settled(self) -> None:
        await until(lambda: not self.counts.under_way)

    def results(self) -> tuple[int, int, dict[str, int]]:
        """Validated, mismatches, skipped."""
        return self.counts.validated, sum(self.counts.mismatches.values()), self.counts.skipped


def on_loop(test: Callable[[], Coroutine[object, object, None]]) -> Callable[[], None]:
    def run() -> None:
        asyncio.run(test())

    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    return run


@on_loop
async def test_equal_answers_are_counted_and_the_read_is_put_as_the_client_put_it() -> None:
    setting = Setting()
    request = Query(SELECT, QueryParameters(ConsistencyLevel.QUORUM, page_size=50))
    await setting.answered(setting.read(request))
    assert setting.results() == (1, 0, {})
    assert setting.counts.rechecks == 0
    assert setting.shadow.asked == [(Opcode.QUERY, request.encode(4))]
    assert setting.primary.asked == []


@on_loop
async def test_a_custom_payload_and_what_comes_with_an_answer_are_no_part_of_it() -> None:
    setting = Setting()
    payload = b"\x00\x01\x00\x01a\x00\x00\x00\x01b"
    tracing_id = bytes(16)
    read = setting.read(payload=payload)
    await setting.answered(read, tracing_id + ONE.encode(4), flags=FrameFlag.TRACING)
    assert setting.results() == (1, 0, {})
    assert setting.shadow.asked == [(Opcode.QUERY, Query(SELECT, QueryParameters()).encode(4))]


@on_loop
async def test_a_share_of_the_reads_is_chosen_when_they_come() -> None:
    setting = Setting(share=0.25)
    setting.chances = [0.0, 0.24, 0.25, 0.9]
    kinds = [type(setting.read()) is Read for _ in range(4)]
    assert kinds == [False, False, True, True]
    setting.chances = [0.0, 0.24, 0.25, 0.9]
    prepared = statement(SELECT)
    execute = Execute(prepared.id, QueryParameters())
    assert [type(setting.read(execute, prepared)) is PreparedRead for _ in range(4)] == kinds


@on_loop
async def test_an_error_and_a_read_of_the_system_are_nothing_to_compare() -> None:
    setting = Setting()
    error = PlainError("no", ErrorCode.INVALID)
    setting.read().answered(0, Opcode.ERROR, error.encode(4))
    await setting.answered(setting.read("SELECT * FROM system_schema.tables"))
    await setting.answered(setting.read("PRUNE MATERIALIZED VIEW ks.t WHERE k = 1"))
    assert setting.results() == (0, 0, {})
    assert setting.shadow.asked == []


# --- differences ------------------------------------------------------------------------------


@on_loop
async def test_a_difference_that_lasts_is_a_mismatch() -> None:
    setting = Setting()
    setting.shadow.answers = [OTHER]
    await setting.answered(setting.read())
    assert setting.results() == (1, 1, {})
    assert setting.counts.mismatches == {("ks", "t"): 1}
    assert setting.counts.rechecks == 1
    assert (len(setting.primary.asked), len(setting.shadow.asked)) == (1, 2)


@pytest.mark.parametrize(
    ("primary", "shadow", "expected"),
    [
        ([ONE], [OTHER, ONE], (1, 0, {})),
        ([OTHER], [OTHER, OTHER], (1, 0, {})),
        # Written between the two reads: each time another difference.
        ([rows((1, 1, 7))], [OTHER, OTHER], (0, 0, {"changing": 1})),
        ([ONE], [OTHER, rows((1, 1, 7))], (0, 0, {"changing": 1})),
        ([rows((1, 1, 5), (1, 2, 5))], [OTHER, rows((1, 1, 5))], (0, 0, {"changing": 1})),
        ([rows((1, 1, 5), (1, 2, 5))], [OTHER, OTHER], (1, 1, {})),
        ([NoAnswerError("lost")], [OTHER], (0, 0, {"no_answer": 1})),
        ([ONE], [OTHER, NoAnswerError("lost")], (0, 0, {"no_answer": 1})),
    ],
)
def test_what_a_second_look_tells(
    primary: list[Rows | Exception],
    shadow: list[Rows | Exception],
    expected: tuple[int, int, dict[str, int]],
) -> None:
    async def test() -> None:
        setting = Setting()
        setting.primary.answers = [*primary]
        setting.shadow.answers = [*shadow]
        await setting.answered(setting.read())
        assert setting.results() == expected

    asyncio.run(test())


@on_loop
async def test_no_difference_counts_while_copies_from_before_the_read_wait() -> None:
    setting = Setting()
    setting.shadow.answers = [OTHER]
    setting.mirror.backlog = 1
    await setting.answered(setting.read())
    setting.mirror.backlog, setting.mirror.lag = 0, 60.0
    await setting.answered(setting.read())
    assert setting.results() == (0, 0, {"copies_waiting": 2})
    setting.mirror.lag = 0.001  # taken after the read
    await setting.answered(setting.read())
    assert setting.results() == (1, 1, {"copies_waiting": 2})


def test_each_mismatch_is_logged_once_with_its_key(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        setting = Setting()
        setting.shadow.answers = [OTHER]
        for key in (1, 1, 2):
            await setting.answered(setting.read(f"SELECT * FROM t WHERE k = {key}"))
        assert setting.results() == (3, 3, {})

    with caplog.at_level(logging.WARNING, "cqlproxy.validation.validator"):
        asyncio.run(test())
    assert [record.getMessage() for record in caplog.records] == [
        f"the clusters differ: ks.t k={key}: (c=1) v is 5 on the primary and 6 on the shadow"
        for key in (1, 2)
    ]


# --- prepared statements ----------------------------------------------------------------------


def execute(value: int, *, skip_metadata: bool = False) -> Execute:
    return Execute(b"client id", QueryParameters(values=(number(value),), skip_metadata=skip_metadata))


@on_loop
async def test_a_statement_is_prepared_on_the_other_cluster_once() -> None:
    setting = Setting()
    prepared = statement("SELECT * FROM t WHERE k = ?", "k")
    for _ in range(2):
        await setting.answered(setting.read(execute(1), prepared))
    assert setting.results() == (2, 0, {})
    assert setting.shadow.prepared == [(b"SELECT * FROM t WHERE k = ?", "ks")]
    assert [execute_id(body, 0) for _, body in setting.shadow.asked] == [b"id on the shadow"] * 2
    assert prepared.ids == [None, b"id on the shadow"]
    # A client that skips metadata could not read what the other cluster would answer.
    assert prepared.metadata_changed == [False, True]


@on_loop
async def test_a_statement_that_was_forgotten_is_prepared_again() -> None:
    setting = Setting()
    prepared = statement("SELECT * FROM t WHERE k = ?", "k")
    prepared.ids[Side.SHADOW] = b"forgotten"
    setting.shadow.answers = [Unprepared("?", b"forgotten"), ONE]
    await setting.answered(setting.read(execute(1), prepared))
    assert setting.results() == (1, 0, {})
    assert [execute_id(body, 0) for _, body in setting.shadow.asked] == [b"forgotten", b"id on the shadow"]
    setting.shadow.answers = [Unprepared("?", b"id on the shadow")]
    await setting.answered(setting.read(execute(1), prepared))
    assert setting.results() == (1, 0, {"refused": 1})


@on_loop
async def test_a_cluster_that_refuses_a_statement_is_not_asked_again_at_once() -> None:
    setting = Setting()
    prepared = statement("SELECT * FROM t WHERE k = ?", "k")
    setting.shadow.prepare_answer = PlainError("unconfigured table", ErrorCode.INVALID)
    for _ in range(3):
        await setting.answered(setting.read(execute(1), prepared))
    assert setting.results() == (0, 0, {"refused": 3})
    assert len(setting.shadow.prepared) == 1
    assert REFUSED_SECONDS > 1


@on_loop
async def test_columns_that_the_client_left_out_are_those_that_it_was_told() -> None:
    setting = Setting()
    prepared = statement("SELECT * FROM t WHERE k = ?", "k")
    bare = Rows(RowsMetadata((), 3), ONE.rows)
    setting.shadow.answers = [OTHER]
    await setting.answered(setting.read(execute(1, skip_metadata=True), prepared), bare)
    assert setting.results() == (1, 1, {})
    wider = Rows(RowsMetadata((), 4), [(*ONE.rows[0], None)])
    await setting.answered(setting.read(execute(1, skip_metadata=True), prepared), wider)
    assert setting.results() == (1, 1, {"not_understood": 1})


@on_loop
async def test_an_answer_in_v3_is_read_with_the_types_of_v4() -> None:
    """It names the types that v4 brought by their classes, so that nothing is known of their values."""

    def of(column_type: NativeType | CustomType, value: bytes) -> Rows:
        return Rows(RowsMetadata.of((ColumnSpec("ks", "t", "v", column_type),)), [(value,)])

    setting = Setting(version=3)
    setting.shadow.answers = [of(NativeType(TypeId.SMALLINT), b"\0\5")]
    answer = of(CustomType("org.apache.cassandra.db.marshal.ShortType"), b"\0\5")
    await setting.answered(setting.read("SELECT v FROM t WHERE k = 1"), answer)
    assert (setting.results(), setting.counts.rechecks) == ((1, 0, {}), 0)


# --- what is not compared ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([PlainError("no such table", ErrorCode.INVALID)], Skipped.REFUSED),
        ([PlainError("who are you", ErrorCode.UNAUTHORIZED)], Skipped.REFUSED),
        ([PlainError("busy", ErrorCode.OVERLOADED)], Skipped.FAILED),
        ([Unavailable("too few", ConsistencyLevel.QUORUM, 2, 1)], Skipped.FAILED),
        ([NoAnswerError("timeout")], Skipped.NO_ANSWER),
        ([Void().encode(4)], Skipped.NOT_UNDERSTOOD),
        ([b"\0\0\0\2\0"], Skipped.NOT_UNDERSTOOD),
        ([ONE.encode(4)[:-1]], Skipped.NOT_UNDERSTOOD),
        ([bytes(LARGEST_ANSWER + 1)], Skipped.TOO_LARGE),
    ],
)
def test_failures_of_the_other_cluster_are_skipped(
    answers: Sequence[Rows | PlainError | Exception | bytes], reason: Skipped
) -> None:
    async def test() -> None:
        setting = Setting()
        setting.shadow.answers = [*answers]
        await setting.answered(setting.read())
        assert setting.results() == (0, 0, {reason: 1})

    asyncio.run(test())


@on_loop
async def test_a_cluster_that_cannot_be_asked() -> None:
    setting = Setting()
    setting.shadow.open_error = KeyspaceUnavailableError("ks", "refused", b"no")
    await setting.answered(setting.read("SELECT * FROM t WHERE k = 1"))
    setting.shadow.open_error = KeyspaceUnavailableError("ks", "away")
    await setting.answered(setting.read("SELECT * FROM t WHERE k = 1"))
    setting.shadow.ready = False
    await setting.answered(setting.read())
    assert setting.results() == (0, 0, {"refused": 1, "not_connected": 2})


@on_loop
async def test_a_table_that_one_schema_does_not_have() -> None:
    for cluster in ("primary", "shadow"):
        setting = Setting()
        getattr(setting, cluster).shapes.clear()
        await setting.answered(setting.read())
        assert setting.results() == (0, 0, {"table_unknown": 1})
        assert setting.shadow.asked == []


@on_loop
async def test_a_mode_that_copies_nothing() -> None:
    setting = Setting()
    setting.route.mirror = None
    await setting.answered(setting.read())
    assert setting.results() == (0, 0, {"not_copied": 1})


@on_loop
async def test_what_is_too_large_is_not_kept() -> None:
    setting = Setting()
    await setting.answered(setting.read(f"SELECT * FROM t WHERE v = '{'x' * LONGEST_STATEMENT}'"))
    await setting.answered(setting.read(), bytes(LARGEST_ANSWER + 1))
    assert setting.results() == (0, 0, {"too_large": 2})


@on_loop
async def test_only_so_many_are_compared_at_a_time() -> None:
    setting = Setting()
    setting.shadow.hold.clear()
    for _ in range(MOST_UNDER_WAY + 3):
        setting.read().answered(0, Opcode.RESULT, ONE.encode(4))
    assert setting.results() == (0, 0, {"too_many": 3})
    setting.shadow.hold.set()
    await setting.settled()
    assert setting.results() == (MOST_UNDER_WAY, 0, {"too_many": 3})
    await setting.answered(setting.read())
    assert setting.results() == (MOST_UNDER_WAY + 1, 0, {"too_many": 3})


@on_loop
async def test_pages_of_several_partitions_are_not_compared_and_those_of_one_as_far_as_they_go() -> None:
    setting = Setting()
    cut, longer = rows((1, 1, 5), more=True), rows((1, 1, 5), (1, 2, 6))
    setting.shadow.answers = [longer]
    await setting.answered(setting.read("SELECT * FROM t WHERE k IN (1, 2)"), cut)
    assert setting.results() == (0, 0, {"more_pages": 1})
    await setting.answered(setting.read(), cut)
    assert setting.results() == (1, 0, {"more_pages": 1})
    await setting.answered(setting.read(), rows(more=True))
    assert setting.results() == (1, 0, {"more_pages": 2})
    setting.shadow.answers = [rows((1, 2, 6), more=True)]
    await setting.answered(setting.read(), cut)
    assert setting.counts.rechecks == 1


@on_loop
async def test_held_tables_and_tenants_do_not_count() -> None:
    held = Setting(rules=Rules(tables=TablePatterns([table_pattern("ks.t")])))
    held.shadow.answers = [rows()]
    await held.answered(held.read())
    assert held.results() == (0, 0, {"held_back": 1})
    assert held.shadow.asked == []

    setting = Setting(rules=Rules(tenants=Tenants(["7"]), tenant_columns=frozenset({"owner"})))
    names = ("k", "c", "owner")
    both = rows((1, 1, 7), (1, 2, 8), names=names)
    setting.shadow.answers = [rows((1, 2, 8), names=names)]
    await setting.answered(setting.read(), both)
    assert setting.results() == (1, 0, {})
    setting.shadow.answers = [rows(names=names)]
    await setting.answered(setting.read(), rows((1, 1, 7), names=names))
    assert setting.results() == (1, 0, {"held_back": 1})


@on_loop
async def test_rows_that_take_the_place_of_held_ones_do_not_count() -> None:
    setting = Setting(rules=Rules(tenants=Tenants(["7"]), tenant_columns=frozenset({"owner"})))
    names = ("k", "c", "owner")
    limited = rows((1, 1, 7), (1, 2, 8), names=names)
    setting.shadow.answers = [rows((1, 2, 8), (1, 3, 8), names=names)]
    await setting.answered(setting.read(f"{SELECT} LIMIT 2"), limited)
    assert setting.results() == (1, 0, {})
    await setting.answered(setting.read("SELECT * FROM t LIMIT 2"), limited)
    assert setting.results() == (1, 0, {"held_back": 1})


@on_loop
async def test_it_stops_with_comparisons_under_way() -> None:
    setting = Setting(recheck_after=60.0)
    setting.shadow.answers = [OTHER]
    setting.read().answered(0, Opcode.RESULT, ONE.encode(4))
    await until(lambda: setting.counts.rechecks == 1)
    await setting.validator.stop()
    assert setting.counts.under_way == 0
    assert setting.results() == (0, 0, {})
