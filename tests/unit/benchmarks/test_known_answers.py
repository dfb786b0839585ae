"""Which requests an instant backend takes for alike, and what it answers itself."""

import pytest

from benchmarks.instant.known_answers import HEAD_LENGTH, MOST_SHAPES, KnownAnswers
from frame_codec import (
    HEADER_LENGTH,
    PROTOCOL_V4,
    Batch,
    BatchQuery,
    BatchType,
    BindMetadata,
    ConsistencyLevel,
    Execute,
    Opcode,
    Prepare,
    Prepared,
    Query,
    QueryParameters,
    Request,
    RowsMetadata,
    Void,
    encode_frame,
)

_ID = b"0123456789abcdef"
_INSERT = "INSERT INTO bench.t (key, v) VALUES (?, ?)"
_VOID = Void().encode(PROTOCOL_V4)
_PREPARED = Prepared(_ID, BindMetadata(()), RowsMetadata((), 0)).encode(PROTOCOL_V4)


def _question(answers: KnownAnswers, request: Request) -> bytes | None:
    return answers.question(request.opcode, request.encode(PROTOCOL_V4))


@pytest.fixture
def answers() -> KnownAnswers:
    """One that has seen `_INSERT` being prepared."""
    made = KnownAnswers("bench")
    asked = _question(made, Prepare(_INSERT))
    assert asked is not None
    made.learn(asked, 0, Opcode.RESULT, _PREPARED)
    return made


def _text(text: str, *values: bytes) -> Query:
    return Query(text, QueryParameters(values=values))


def _execute(*values: bytes, consistency: ConsistencyLevel = ConsistencyLevel.ONE) -> Execute:
    return Execute(_ID, QueryParameters(consistency, values=values))


def _batch(*queries: BatchQuery) -> Batch:
    return Batch(BatchType.LOGGED, queries)


_OF_ID = BatchQuery(_ID, (b"k", b"v"))

_ALIKE: list[tuple[Request, Request]] = [
    (_execute(b"1", b"one"), _execute(b"22", b"two")),
    (
        _text("INSERT INTO bench.t (key, v) VALUES (1, 'one')"),
        _text("INSERT INTO bench.t (key, v) VALUES (-22, 'it''s')"),
    ),
    (
        _text("UPDATE bench.t SET v = 0xcafe WHERE key = 1.5e3"),
        _text("UPDATE bench.t SET v = 0x00 WHERE key = 17"),
    ),
    (
        _text("INSERT INTO bench.t (id) VALUES (f81d4fae-7dec-11d0-a765-00a0c91e6bf6)"),
        _text("INSERT INTO bench.t (id) VALUES (00000000-0000-0000-0000-000000000001)"),
    ),
    (_text(_INSERT, b"1", b"2"), _text(_INSERT, b"3", b"4")),
    (_batch(_OF_ID, _OF_ID), _batch(BatchQuery(_ID, (b"x", b"")), _OF_ID)),
    (
        _batch(BatchQuery("DELETE FROM bench.t WHERE key = 1", ())),
        _batch(BatchQuery("DELETE FROM bench.t WHERE key = 2", ())),
    ),
]

_DIFFERENT: list[tuple[Request, Request]] = [
    (_execute(b"1"), _execute(b"1", consistency=ConsistencyLevel.QUORUM)),
    (_text("INSERT INTO bench.t1 (key) VALUES (1)"), _text("INSERT INTO bench.t2 (key) VALUES (1)")),
    (
        _text("INSERT INTO bench.t (key) VALUES (1)"),
        _text("INSERT INTO bench.t (key) VALUES (1) IF NOT EXISTS"),
    ),
    (_text("SELECT a FROM bench.t WHERE key = 1"), _text("SELECT b FROM bench.t WHERE key = 1")),
    (_batch(_OF_ID), _batch(_OF_ID, _OF_ID)),
]

_FORWARDED: list[Request] = [
    Query("SELECT * FROM system.local", QueryParameters()),
    Query("SELECT * FROM system_schema.tables WHERE keyspace_name = 'bench'", QueryParameters()),
    Query("CREATE TABLE bench.t (key int PRIMARY KEY)", QueryParameters()),
    Query("TRUNCATE bench.t", QueryParameters()),
    Query("INSERT INTO workbench.t (key) VALUES (1)", QueryParameters()),
    Execute(b"fedcba9876543210", QueryParameters()),
    _batch(_OF_ID, BatchQuery(b"fedcba9876543210", ())),
    _batch(BatchQuery("INSERT INTO other.t (key) VALUES (1)", ())),
    Prepare("SELECT * FROM system.local"),
]


def _frame(request: Request) -> bytes:
    return encode_frame(PROTOCOL_V4, 0, 7, request.opcode, request.encode(PROTOCOL_V4))


def _by_shape(answers: KnownAnswers, request: Request) -> bytes | None:
    return answers.answer_by_shape(request.opcode, request.encode(PROTOCOL_V4))


@pytest.mark.parametrize(("one", "other"), _ALIKE)
def test_alike(answers: KnownAnswers, one: Request, other: Request) -> None:
    question = _question(answers, one)
    assert question is not None
    assert answers.answer(question) is None
    answers.learn(question, 0, Opcode.RESULT, _VOID)
    asked = _question(answers, other)
    assert asked is not None
    assert answers.answer(asked) == encode_frame(0x84, 0, 0, Opcode.RESULT, _VOID)[4:]


@pytest.mark.parametrize(("one", "other"), _DIFFERENT)
def test_different(answers: KnownAnswers, one: Request, other: Request) -> None:
    question, asked = _question(answers, one), _question(answers, other)
    assert question is not None
    assert asked is not None
    answers.learn(question, 0, Opcode.RESULT, _VOID)
    assert answers.answer(asked) is None
    answers.recognise(_frame(one), b"the answer")
    assert _by_shape(answers, other) is None


@pytest.mark.parametrize(("one", "other"), [pair for pair in _ALIKE if not isinstance(pair[0], Execute)])
def test_texts_and_batches_are_known_by_their_shape(
    answers: KnownAnswers, one: Request, other: Request
) -> None:
    assert _by_shape(answers, one) is None
    answers.recognise(_frame(one), b"the answer")
    assert _by_shape(answers, one) == b"the answer"
    # Values of other lengths, and other texts, are alike all the same, but have a shape of their own.
    assert _by_shape(answers, other) == (b"the answer" if isinstance(one, Query) else None)


def test_a_batch_has_its_shape_whatever_the_values(answers: KnownAnswers) -> None:
    answers.recognise(_frame(_batch(_OF_ID, BatchQuery(_ID, (None, b"long")))), b"the answer")
    assert _by_shape(answers, _batch(BatchQuery(_ID, (b"x", b"\n")), BatchQuery(_ID, (None, b"rest"))))
    assert not _by_shape(answers, _batch(_OF_ID, BatchQuery(_ID, (None, b"longer"))))
    assert not _by_shape(answers, _batch(_OF_ID, BatchQuery(b"fedcba9876543210", (None, b"long"))))


def test_there_are_not_too_many_shapes(answers: KnownAnswers) -> None:
    for number in range(MOST_SHAPES + 1):
        answers.recognise(_frame(_text(f"SELECT c{number} FROM bench.t")), b"the answer")
    assert _by_shape(answers, _text(f"SELECT c{MOST_SHAPES - 1} FROM bench.t"))
    assert not _by_shape(answers, _text(f"SELECT c{MOST_SHAPES} FROM bench.t"))


@pytest.mark.parametrize("request_", _FORWARDED)
def test_what_only_the_node_can_answer(answers: KnownAnswers, request_: Request) -> None:
    assert _question(answers, request_) is None


def test_malformed_requests_are_left_to_the_node(answers: KnownAnswers) -> None:
    for opcode in (Opcode.EXECUTE, Opcode.QUERY, Opcode.BATCH, Opcode.PREPARE):
        assert answers.question(opcode, b"\x00") is None


def test_only_a_plain_result_is_learnt(answers: KnownAnswers) -> None:
    question = _question(answers, _execute(b"1"))
    assert question is not None
    answers.learn(question, 0, Opcode.ERROR, b"\x00\x00\x10\x01\x00\x00")
    answers.learn(question, 0x08, Opcode.RESULT, b"\x00\x01\x00\x01!" + _VOID)
    assert answers.answer(question) is None


def test_an_execute_is_known_by_its_head(answers: KnownAnswers) -> None:
    execute = _execute(b"1", b"one")
    question = _question(answers, execute)
    assert question is not None
    answers.learn(question, 0, Opcode.RESULT, _VOID)
    answer = answers.answer(question)
    assert answer is not None
    frame = encode_frame(PROTOCOL_V4, 0, 7, Opcode.EXECUTE, execute.encode(PROTOCOL_V4))
    answers.recognise(frame, answer)
    like = encode_frame(PROTOCOL_V4, 0, 9, Opcode.EXECUTE, _execute(b"2", b"two").encode(PROTOCOL_V4))
    assert answers.by_head == {like[4 : 4 + HEAD_LENGTH]: (len(frame), answer)}
    assert HEADER_LENGTH < HEAD_LENGTH
