"""The requests of a workload are what the load generator takes them for."""

import pytest

from benchmarks.instant.known_answers import KnownAnswers
from benchmarks.workload import (
    BATCH_OF,
    KEYS,
    KEYSPACE,
    PAYLOAD_BYTES,
    TEXTS,
    WORKLOADS,
    partition_keys,
    workload,
)
from frame_codec import PROTOCOL_V4, Batch, Execute, Opcode, Query, decode_request

_WITH_KEYS = [name for name in WORKLOADS if name != "options"]
_SIZES = {"columns": (2, 50), "tables": (1, 300), "statements": (1, 5000)}


def _ids(count: int) -> list[bytes]:
    return [number.to_bytes(16, "big") for number in range(count)]


@pytest.mark.parametrize(
    ("name", "size"), [(name, size) for name in _WITH_KEYS for size in _SIZES.get(name, (10, 100_000))]
)
def test_bodies_are_requests_that_differ_and_not_in_length(name: str, size: int) -> None:
    asked = workload(name, size)
    ids = _ids(len(asked.statements))
    bodies = asked.bodies(ids)
    assert {len(body) for body in bodies} == {len(bodies[0])}
    assert len(set(bodies)) == len(bodies) >= 16
    assert sum(map(len, bodies)) < 256 << 20
    assert {decode_request(asked.opcode, body, PROTOCOL_V4).opcode for body in bodies} == {asked.opcode}
    used = [Execute.decode(body, PROTOCOL_V4).id for body in bodies] if asked.opcode == Opcode.EXECUTE else []
    assert set(used[: len(ids)]) == (set(ids) if used else set())
    assert asked.bodies(ids) == bodies


@pytest.mark.parametrize("name", _WITH_KEYS)
def test_each_statement_takes_the_values_that_are_sent(name: str) -> None:
    asked = workload(name)
    first = next(iter(asked.requests(_ids(len(asked.statements)))))
    if isinstance(first, Execute):
        assert len(first.parameters.values) == asked.statements[0].count("?")
    elif isinstance(first, Batch):
        assert {len(query.values) for query in first.queries} == {asked.statements[0].count("?")}
        assert len(first.queries) == BATCH_OF
    else:
        assert isinstance(first, Query)
        assert first.text.partition(" VALUES ")[0].count(",") == 9


def test_the_size_is_that_of_the_payload() -> None:
    for size in (PAYLOAD_BYTES, 5000):
        for request in workload("insert", size).requests(_ids(1)):
            assert isinstance(request, Execute)
            assert len(str(request.parameters.values[1])) > size
        (first, *_) = workload("text", size).requests(())
        assert isinstance(first, Query)
        assert len(first.text.rpartition("0x")[2]) == 2 * size + 1
    assert len(workload("columns", 50).statements[0].split(",")) == 2 * 50 - 1
    assert len(workload("tables", 20).schema) == len(set(workload("tables", 20).statements)) == 20


def test_a_text_comes_once_and_is_like_all_others_to_the_backend() -> None:
    answers = KnownAnswers(KEYSPACE)
    asked = workload("text")
    bodies = asked.bodies(())
    assert len(bodies) == TEXTS
    questions = {answers.question(asked.opcode, body) for body in bodies[:2000]}
    assert len(questions) == 1
    assert None not in questions


def test_what_is_read_has_been_written() -> None:
    select = workload("select", 77)
    assert select.filled_by is not None
    assert [
        request.parameters.values for request in select.requests(_ids(1)) if isinstance(request, Execute)
    ] == [
        request.parameters.values[:1]
        for request in select.filled_by.requests(_ids(1))
        if isinstance(request, Execute)
    ]
    assert select.statements[0].split("FROM ")[1].split()[0] in select.filled_by.statements[0]


def test_a_probe_is_answered_by_whoever_it_is_sent_to() -> None:
    probe = workload("options")
    assert (probe.opcode, probe.answer, probe.bodies(())) == (Opcode.OPTIONS, Opcode.SUPPORTED, [b""])


def test_keys_are_many_and_the_same_in_every_run() -> None:
    keys = partition_keys()
    assert len(set(keys)) == KEYS
    assert keys == partition_keys()
    assert {len(key) for key in keys} == {8}
