"""The requests of a workload are what the load generator takes them for."""

import pytest

from benchmarks.workload import KEYS, PAYLOAD_BYTES, WORKLOADS, Workload, partition_keys
from frame_codec import PROTOCOL_V4, Execute


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=lambda workload: workload.name)
def test_bodies_differ_in_their_key_and_not_in_length(workload: Workload) -> None:
    bodies = workload.bodies(b"0123456789abcdef")
    requests = [Execute.decode(body, PROTOCOL_V4) for body in bodies]
    assert {len(body) for body in bodies} == {len(bodies[0])}
    assert [request.parameters.values[0] for request in requests] == partition_keys()
    assert {request.id for request in requests} == {b"0123456789abcdef"}
    assert {len(request.parameters.values) for request in requests} == {workload.text.count("?")}


def test_keys_are_many_and_the_same_in_every_run() -> None:
    keys = partition_keys()
    assert len(set(keys)) == KEYS
    assert keys == partition_keys()
    assert {len(key) for key in keys} == {8}


def test_an_insert_writes_a_payload_of_its_key() -> None:
    payloads = [values[1] for values in WORKLOADS["insert"].rows()]
    assert {len(payload) for payload in payloads} == {PAYLOAD_BYTES}
    assert len(set(payloads)) == KEYS
    assert payloads == [values[1] for values in WORKLOADS["insert"].rows()]
