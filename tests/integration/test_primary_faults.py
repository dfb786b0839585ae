"""A primary that fails: each request has one answer, nothing is applied twice, and only drivers retry.

The oracles are counters, of which a write that is applied twice shows, and the requests that arrive at the
primary, which a relay before it counts. The driver sends nothing again, unless a test says so.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from frame_codec import (
    ConsistencyLevel,
    ErrorCode,
    ErrorResponse,
    Opcode,
    PlainError,
    Unavailable,
    WriteTimeout,
)
from tests.integration.conftest import StartProxy
from tests.integration.noted_load import NotedLoad, Requests
from tests.integration.programs.noted_requests import kind
from tests.nodes import CassandraNode, ProxyProcess
from tests.nodes.faults import Blackholed, Failing, Forgetful, NeverReading, Refused
from tests.nodes.relay import Relay

RATE = 400
SECONDS = 2.0
"""How long each fault lasts."""

TIMED_OUT = WriteTimeout("a replica is slow", ConsistencyLevel.LOCAL_ONE, 0, 1, "SIMPLE")
TOO_FEW = Unavailable("a replica is down", ConsistencyLevel.LOCAL_ONE, 1, 0)
OVERLOADED = PlainError("too much to do", ErrorCode.OVERLOADED)


@pytest.fixture
def relay(primary: CassandraNode) -> Iterator[Relay]:
    """Stands before the primary."""
    with Relay(primary) as relay:
        yield relay


@pytest.fixture
def proxy(start_proxy: StartProxy, relay: Relay) -> ProxyProcess:
    return start_proxy(primary={"contact_points": [relay.address]}, request_timeout_ms=1000)


def sent(requests: Requests) -> int:
    """How many EXECUTEs must have arrived at the primary: one each, and those that the driver repeated."""
    return len(requests.all) + requests.retried


def nothing_twice(requests: Requests, load: NotedLoad, primary: CassandraNode, shadow: CassandraNode) -> None:
    """All that was acknowledged is there once; what ended in an error, at most once on each cluster."""
    numbers = [request.number for request in requests.all]
    assert numbers == list(range(len(numbers)))  # one answer each
    on_primary, on_shadow = load.on(primary), load.on(shadow)
    surely, perhaps = requests.counted(), requests.counted(acknowledged=False)
    for row, count in on_primary.counts().items():
        assert surely[row] <= count <= surely[row] + perhaps[row], row
        assert surely[row] <= on_shadow.counts()[row] <= count, row
    assert requests.inserted() <= on_primary.ids()
    assert requests.inserted() <= on_shadow.ids() <= on_primary.ids()


def test_statements_that_the_primary_forgets_are_prepared_again_unseen(
    proxy: ProxyProcess, relay: Relay, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    load = NotedLoad(proxy, "primary_forgets", rate=RATE, root=root)
    for _ in range(3):
        relay.suffer(Forgetful())
        load.wait_running(int(RATE * SECONDS / 4))
    requests = load.end()
    assert requests.errors == []
    proxy.wait_copied()
    nothing_twice(requests, load, primary, shadow)
    again = relay.spoiled()[Opcode.EXECUTE]
    assert again >= 3 * 3  # each statement, each time
    assert relay.seen()[Opcode.EXECUTE] == sent(requests) + again
    assert load.on(primary).counts() == load.on(shadow).counts() == requests.counted()


@pytest.mark.parametrize("retries", [0, 1])
def test_a_write_that_times_out_on_the_primary_is_sent_again_by_nobody_but_the_driver(
    retries: int, proxy: ProxyProcess, relay: Relay, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    """The primary does what it was asked, and says that it may not have."""
    load = NotedLoad(proxy, f"primary_times_out_{retries}", rate=RATE, retries=retries, root=root)
    relay.suffer(Failing(TIMED_OUT, applied=True, every=10))
    load.wait_running(int(RATE * SECONDS / 2))
    relay.heal()
    requests = load.end()
    spoiled = relay.spoiled()[Opcode.EXECUTE]
    assert spoiled > 30
    assert relay.seen()[Opcode.EXECUTE] == sent(requests)
    failed = {request.number for request in requests.errors}
    assert all(str(request.error).startswith("WriteTimeout") for request in requests.errors)
    proxy.wait_copied()
    on_primary = load.on(primary).counts()
    surely, perhaps = requests.counted(), requests.counted(acknowledged=False)
    if retries:
        # A driver that repeats counters counts them twice, with or without a proxy.
        assert requests.retried > 30
        assert on_primary.total() > (surely + perhaps).total()
    else:
        assert len(failed) == spoiled
        assert on_primary == surely + perhaps
        nothing_twice(requests, load, primary, shadow)
        # What is not known to be applied is not copied.
        assert load.on(shadow).counts() == surely


@pytest.mark.parametrize("error", [TOO_FEW, OVERLOADED], ids=["unavailable", "overloaded"])
def test_an_error_of_the_primary_reaches_the_client_as_it_is(
    error: ErrorResponse,
    proxy: ProxyProcess,
    relay: Relay,
    primary: CassandraNode,
    shadow: CassandraNode,
    root: Path,
) -> None:
    load = NotedLoad(proxy, f"primary_says_{error.code}", rate=RATE, root=root)
    relay.suffer(Failing(error, every=10))
    load.wait_running(int(RATE * SECONDS / 2))
    relay.heal()
    requests = load.end()
    assert len(requests.errors) == relay.spoiled()[Opcode.EXECUTE] > 30
    assert relay.seen()[Opcode.EXECUTE] == sent(requests)
    assert all(error.message in str(request.error) for request in requests.errors)
    proxy.wait_copied()
    nothing_twice(requests, load, primary, shadow)
    assert load.on(primary).counts() == load.on(shadow).counts() == requests.counted()


def test_a_request_that_the_primary_never_answers_times_out_once(
    proxy: ProxyProcess, relay: Relay, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    load = NotedLoad(proxy, "primary_is_silent", rate=RATE, root=root)
    relay.suffer(Failing(None, applied=True, every=20))
    load.wait_running(int(RATE * SECONDS / 2))
    relay.heal()
    requests = load.end()
    unanswered = relay.spoiled()[Opcode.EXECUTE]
    assert unanswered > 15
    assert relay.seen()[Opcode.EXECUTE] == sent(requests)
    assert len(requests.errors) == unanswered
    for request in requests.errors:
        expected = "ReadTimeout" if kind(request.number) == "read" else "WriteTimeout"
        assert str(request.error).startswith(expected)
        assert 0.9 < request.seconds < 5
    proxy.wait_copied()
    nothing_twice(requests, load, primary, shadow)
    assert load.on(primary).counts() == requests.counted() + requests.counted(acknowledged=False)


def test_requests_to_a_primary_that_hangs_are_answered_and_carried_out_once(
    proxy: ProxyProcess, relay: Relay, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    """It reads what it was sent when it goes on: late answers reach nobody, late writes are applied once."""
    load = NotedLoad(proxy, "primary_hangs", rate=RATE // 4, root=root)
    relay.suffer(NeverReading())
    time.sleep(SECONDS)
    relay.heal()
    load.wait_running(timeout=60)
    requests = load.end()
    assert requests.errors
    proxy.wait_copied()
    nothing_twice(requests, load, primary, shadow)
    # A read may be given to another connection, once.
    reads = sum(kind(request.number) == "read" for request in requests.errors)
    assert sent(requests) <= relay.seen()[Opcode.EXECUTE] + len(requests.errors)
    assert relay.seen()[Opcode.EXECUTE] <= sent(requests) + reads


def test_a_primary_whose_network_swallows_everything_is_found_within_ten_seconds(
    proxy: ProxyProcess, relay: Relay, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    load = NotedLoad(proxy, "primary_blackholed", rate=RATE // 4, root=root)
    relay.suffer(Blackholed())
    proxy.wait_until(lambda stats: primary_up(stats) is False, 10, what="the primary's only node down")
    relay.heal()
    proxy.wait_until(lambda stats: primary_up(stats) is True, 30, what="the primary's only node up")
    load.wait_running(timeout=60)
    requests = load.end()
    assert {str(request.error).partition(":")[0] for request in requests.errors} <= {
        "Unavailable",
        "WriteTimeout",
        "ReadTimeout",
    }
    proxy.wait_copied()
    nothing_twice(requests, load, primary, shadow)


def primary_up(stats: dict[str, object]) -> object:
    """Whether the proxy is connected to the primary."""
    nodes = cast("list[dict[str, object]]", stats["nodes"])
    return next(node["up"] for node in nodes if node["cluster"] == "primary")


def test_a_primary_that_restarts_has_applied_nothing_twice(
    proxy: ProxyProcess, relay: Relay, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    load = NotedLoad(proxy, "primary_restarts", rate=RATE, root=root)
    for _ in range(3):
        relay.suffer(Refused())
        time.sleep(SECONDS / 3)
        relay.heal()
        load.wait_running()
    requests = load.end()
    assert {str(request.error).partition(":")[0] for request in requests.errors} <= {
        "Unavailable",
        "WriteTimeout",
        "ReadTimeout",
    }
    proxy.wait_copied()
    nothing_twice(requests, load, primary, shadow)
    # Only reads whose connection was lost are sent again, once.
    reads = sum(kind(request.number) == "read" for request in requests.all)
    assert relay.seen()[Opcode.EXECUTE] <= sent(requests) + reads
