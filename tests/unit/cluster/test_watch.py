"""Nodes that are silent or at a standstill, and where requests go: real connections, a scripted clock."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import pytest
import uvloop

from benchmarks.micro.nodes import Node, connected_node
from cqlproxy.cluster import backend as backend_module
from cqlproxy.cluster import driver, watch
from cqlproxy.cluster.backend import Backend
from cqlproxy.cluster.circuit import CircuitSettings, CircuitState
from cqlproxy.cluster.driver import HEARTBEAT_STREAM, RawConnection
from cqlproxy.cluster.heartbeat import IDLE_SECONDS, LOST_SECONDS, SILENT_SECONDS
from cqlproxy.cluster.request import Failure, Request
from cqlproxy.cluster.ring import Ring
from frame_codec import REQUEST_VERSIONS, FrameDecoder, Opcode, Supported, encode_frame

REQUEST_SECONDS = 1.0
SETTINGS = CircuitSettings(timeouts=3, open_seconds=10.0)
SWEEP_SECONDS = 0.1


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Probe(Request):
    """A request that keeps what it was told."""

    def __init__(self) -> None:
        self.told: Failure | bytes | None = None

    def answered(self, flags: int, opcode: int, body: bytes) -> None:
        self.told = body

    def failed(self, failure: Failure) -> None:
        self.told = failure


class Bed:
    """A cluster of nodes in this process, swept as the proxy does, by a clock of the test's."""

    def __init__(self, backend: Backend, nodes: list[Node], clock: Clock) -> None:
        self.backend = backend
        self.nodes = nodes
        self.clock = clock
        self.answering = set(nodes)
        """Those that answer requests."""
        self.alive = set(nodes)
        """Those that answer heartbeats, and whatever else they answer."""

    def connection(self, node: Node) -> RawConnection:
        return node._connection

    def send(self, node: Node) -> Probe:
        """A request to this node."""
        probe = Probe()
        assert self.backend.send(probe, self.connection(node), 0, Opcode.QUERY, b"")
        return probe

    def chosen(self, count: int = 12) -> set[Node]:
        """Where the next requests would go, by turns and by the partition: the same."""
        by_turns = {self.backend.pick() for _ in range(count)}
        by_token = {self.backend.pick_replica("ks", b"key") for _ in range(count)}
        assert by_turns == by_token
        return {node for node in self.nodes if self.connection(node) in by_turns}

    async def pass_seconds(self, seconds: float) -> None:
        """Let time go by, with a sweep and the nodes' answers in each step."""
        for _ in range(round(seconds / SWEEP_SECONDS)):
            self.clock.now += SWEEP_SECONDS
            await self.answer()
            self.backend.sweep(self.clock.now)
            await self.answer()

    async def answer(self) -> None:
        await turns()
        for node in self.nodes:
            decoder = FrameDecoder(max_body_length=1 << 20, versions=REQUEST_VERSIONS)
            for _, _, stream, opcode, _ in decoder.feed(node.transport.take()):
                if opcode == Opcode.OPTIONS and node in self.alive:
                    assert stream == HEARTBEAT_STREAM
                    node.receive(encode_frame(0x84, 0, stream, Opcode.SUPPORTED, Supported({}).encode(4)))
                elif opcode != Opcode.OPTIONS and node in self.answering & self.alive:
                    node.receive(encode_frame(0x84, 0, stream, Opcode.RESULT, b"answer"))
        await turns()

    def state(self, node: Node) -> CircuitState:
        found = self.backend.node_of(self.connection(node))
        assert found is not None
        return found.circuit.state


async def turns() -> None:
    """What the event loop has to do, and what follows from it."""
    for _ in range(5):
        await asyncio.sleep(0)


@asynccontextmanager
async def bed(count: int, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bed]:
    clock = Clock()
    for module in (driver, watch, backend_module):
        monkeypatch.setattr(module, "monotonic", clock)
    backend = Backend(
        name="primary",
        contact_points=[],
        port=0,
        local_datacenter=None,
        request_timeout=REQUEST_SECONDS,
        circuit=SETTINGS,
    )
    nodes = [await connected_node(backend, f"127.0.0.{number}", 19042) for number in range(1, count + 1)]
    backend._rings["ks"] = Ring([2**63 - 1], [tuple(backend.nodes.values())])
    try:
        yield Bed(backend, nodes, clock)
    finally:
        await backend.close()


def run(
    monkeypatch: pytest.MonkeyPatch, test: Callable[[Bed], Coroutine[object, object, None]], nodes: int = 3
) -> None:
    async def main() -> None:
        async with bed(nodes, monkeypatch) as on:
            await test(on)

    uvloop.run(main())


def test_a_node_that_goes_silent_is_passed_over_and_closed_within_ten_seconds(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(on: Bed) -> None:
        gone, *others = on.nodes
        await on.pass_seconds(20)
        assert on.chosen() == set(on.nodes), "an idle cluster is in use"
        on.alive.remove(gone)
        await on.pass_seconds(IDLE_SECONDS + SILENT_SECONDS + 2 * SWEEP_SECONDS)
        assert on.chosen() == set(others)
        assert on.connection(gone).alive
        await on.pass_seconds(LOST_SECONDS - SILENT_SECONDS)
        await until_closed(on, gone)
        assert on.clock.now < 1020 + 10
        assert on.chosen() == set(others)
        assert all(on.connection(node).alive for node in others)

    with caplog.at_level(logging.INFO, "cqlproxy.cluster"):
        run(monkeypatch, test)
    said = [record.getMessage() for record in caplog.records]
    assert [message for message in said if message.startswith("a node is silent")]
    assert "lost a connection to a node" in said


async def until_closed(on: Bed, node: Node) -> None:
    """A transport that is aborted is lost a few turns of the loop later."""
    for _ in range(100):
        if not on.connection(node).alive:
            return
        await turns()
    raise AssertionError("the connection is still open")


def test_requests_find_a_silent_node_sooner_and_each_is_told_what_became_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test(on: Bed) -> None:
        on.backend.request_timeout = 60.0
        gone = on.nodes[0]
        await on.pass_seconds(1)
        on.alive.remove(gone)
        probes = [on.send(gone) for _ in range(5)]
        await on.pass_seconds(2.2)
        assert gone not in on.chosen()
        await on.pass_seconds(3)
        await until_closed(on, gone)
        assert [probe.told for probe in probes] == [Failure.CONNECTION_LOST] * 5
        assert [node.requests_lost for node in on.backend.nodes.values()] == [5, 0, 0]

    run(monkeypatch, test)


class Read(Probe):
    """A request that may go to another node."""

    def __init__(self, on: Bed, other: Node) -> None:
        super().__init__()
        self._on = on
        self._other = other

    def goes_elsewhere(self) -> bool:
        gone = self.connection
        assert self._on.backend.send(self, self._on.connection(self._other), 0, Opcode.QUERY, b"")
        assert gone not in {self._on.backend.pick() for _ in range(9)}, "nobody else is sent there"
        return True


@pytest.mark.parametrize("fault", ["silent", "at a standstill"])
def test_reads_under_way_on_a_node_that_is_passed_over_are_handed_over(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(on: Bed) -> None:
        gone, other, _ = on.nodes
        on.backend.request_timeout = 60.0
        await on.pass_seconds(1)
        (on.alive if fault == "silent" else on.answering).remove(gone)
        read, write = Read(on, other), on.send(gone)
        assert on.backend.send(read, on.connection(gone), 0, Opcode.QUERY, b"")
        if fault != "silent":
            for _ in range(SETTINGS.timeouts):
                late = Probe()
                assert on.connection(gone).send(late, 0, Opcode.QUERY, b"", on.clock.now + 1)
        await on.pass_seconds(3)
        assert (read.told, write.told) == (b"answer", None)
        assert on.connection(gone).pending == 1
        # Its late answer is nobody's.
        (stream, *_) = on.connection(gone)._orphaned
        gone.receive(encode_frame(0x84, 0, stream, Opcode.RESULT, b"late"))
        assert read.told == b"answer"

    run(monkeypatch, test)


def test_a_pause_costs_a_node_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(on: Bed) -> None:
        slow = on.nodes[0]
        on.alive.remove(slow)
        await on.pass_seconds(IDLE_SECONDS + LOST_SECONDS - 0.5)
        assert slow not in on.chosen()
        on.alive.add(slow)
        # The questions of before were dropped by the script; any byte is life.
        slow.receive(encode_frame(0x84, 0, HEARTBEAT_STREAM, Opcode.SUPPORTED, Supported({}).encode(4)))
        await on.pass_seconds(SWEEP_SECONDS)
        assert on.chosen() == set(on.nodes)
        await on.pass_seconds(20)
        assert on.connection(slow).alive

    run(monkeypatch, test)


def test_a_standstill_of_the_proxy_is_not_laid_at_the_nodes_door(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(on: Bed) -> None:
        await on.pass_seconds(IDLE_SECONDS)  # the question is out, its answer unread
        on.clock.now += 60
        on.backend.sweep(on.clock.now)
        await on.answer()
        await on.pass_seconds(1)
        assert all(on.connection(node).alive for node in on.nodes)
        assert on.chosen() == set(on.nodes)

    run(monkeypatch, test)


def test_a_node_on_which_requests_time_out_is_passed_over_tried_and_used_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(on: Bed) -> None:
        stuck, *others = on.nodes
        await on.pass_seconds(1)
        on.answering.remove(stuck)  # it answers heartbeats
        probes = [on.send(stuck) for _ in range(SETTINGS.timeouts)]
        probes_elsewhere = [on.send(node) for node in others]
        await on.pass_seconds(REQUEST_SECONDS + SWEEP_SECONDS)
        assert [probe.told for probe in probes] == [Failure.TIMEOUT] * len(probes)
        assert [probe.told for probe in probes_elsewhere] == [b"answer"] * len(others)
        assert (on.state(stuck), on.chosen()) == (CircuitState.OPEN, set(others))
        # It is asked, and is silent still.
        await on.pass_seconds(2.5 * SETTINGS.open_seconds)
        assert (on.state(stuck), on.chosen()) == (CircuitState.OPEN, set(others))
        assert on.connection(stuck).alive
        on.answering.add(stuck)
        await on.pass_seconds(SETTINGS.open_seconds)
        assert (on.state(stuck), on.chosen()) == (CircuitState.HALF_OPEN, set(on.nodes))
        on.send(stuck)
        await on.pass_seconds(SWEEP_SECONDS)
        assert (on.state(stuck), on.chosen()) == (CircuitState.CLOSED, set(on.nodes))

    with caplog.at_level(logging.INFO, "cqlproxy.cluster"):
        run(monkeypatch, test)
    said = [record.getMessage() for record in caplog.records if record.name == "cqlproxy.cluster.watch"]
    assert said == [
        "requests to a node time out, one after the other: others take its requests",
        "a node that is passed over gives no answer still",
        "a node that is passed over gives no answer still",
        "a node that was passed over answers: a few requests try it",
        "a node that was passed over takes requests again",
    ]


def test_a_trial_is_of_a_few_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(on: Bed) -> None:
        stuck, *others = on.nodes
        await on.pass_seconds(1)
        on.answering.remove(stuck)
        for _ in range(SETTINGS.timeouts):
            on.send(stuck)
        await on.pass_seconds(REQUEST_SECONDS + 2 * SWEEP_SECONDS)
        on.answering.add(stuck)
        await on.pass_seconds(SETTINGS.open_seconds)
        assert on.state(stuck) is CircuitState.HALF_OPEN
        on.answering.remove(stuck)
        on.send(stuck)
        await on.pass_seconds(SWEEP_SECONDS)
        assert (on.state(stuck), on.chosen()) == (CircuitState.HALF_OPEN, set(others))
        await on.pass_seconds(REQUEST_SECONDS + SWEEP_SECONDS)
        assert (on.state(stuck), on.chosen()) == (CircuitState.OPEN, set(others))

    run(monkeypatch, test)


def test_late_answers_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(on: Bed) -> None:
        slow = on.nodes[0]
        on.answering.remove(slow)
        for _ in range(SETTINGS.timeouts):
            on.send(slow)
            await on.pass_seconds(REQUEST_SECONDS + SWEEP_SECONDS)
            stream = driver.DRIVER_STREAMS
            while stream not in on.connection(slow)._orphaned:
                stream += 1
            slow.receive(encode_frame(0x84, 0, stream, Opcode.RESULT, b"late"))
        await on.pass_seconds(SWEEP_SECONDS)
        assert on.state(slow) is CircuitState.OPEN

    run(monkeypatch, test)


def test_where_all_nodes_are_passed_over_all_are_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(on: Bed) -> None:
        on.answering.clear()
        for node in on.nodes:
            for _ in range(SETTINGS.timeouts):
                on.send(node)
        await on.pass_seconds(REQUEST_SECONDS + SWEEP_SECONDS)
        assert {on.state(node) for node in on.nodes} == {CircuitState.OPEN}
        assert on.chosen() == set(on.nodes)
        # Requests themselves are the trial.
        on.answering = set(on.nodes)
        for _ in range(3):
            for node in on.nodes:
                on.send(node)
            await on.pass_seconds(SWEEP_SECONDS)
        assert {on.state(node) for node in on.nodes} == {CircuitState.CLOSED}
        assert on.chosen() == set(on.nodes)

    run(monkeypatch, test)
    assert "all nodes do so, and all are used all the same" in caplog.text


def test_where_all_nodes_are_silent_all_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(on: Bed) -> None:
        await on.pass_seconds(1)
        on.alive.clear()
        await on.pass_seconds(IDLE_SECONDS + SILENT_SECONDS + 0.5)
        assert all(on.connection(node).silent for node in on.nodes)
        assert on.chosen() == set(on.nodes)

    run(monkeypatch, test)


def test_the_last_node_is_used_though_it_was_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(on: Bed) -> None:
        stuck, *others = on.nodes
        on.answering.remove(stuck)
        for _ in range(SETTINGS.timeouts):
            on.send(stuck)
        await on.pass_seconds(REQUEST_SECONDS + SWEEP_SECONDS)
        for node in others:
            node.close()
            await until_closed(on, node)
        assert on.chosen() == {stuck}

    run(monkeypatch, test)


def test_a_single_node_is_used_whatever_times_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(on: Bed) -> None:
        (node,) = on.nodes
        await on.pass_seconds(1)
        on.answering.clear()
        for _ in range(30):
            on.send(node)
            await on.pass_seconds(REQUEST_SECONDS)
            assert on.backend.only is on.connection(node)
        assert on.state(node) is CircuitState.CLOSED

    run(monkeypatch, test, nodes=1)
    assert [record.levelname for record in caplog.records if record.name == "cqlproxy.cluster.watch"] == []


def test_those_who_wait_for_a_congested_node_wait_no_longer_when_it_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test(on: Bed) -> None:
        gone = on.nodes[0]
        waiting: list[str] = []
        on.connection(gone).when_writable(lambda: waiting.append("goes on"))
        on.alive.remove(gone)
        await on.pass_seconds(IDLE_SECONDS + SILENT_SECONDS - 0.5)
        assert waiting == []
        await on.pass_seconds(1)
        assert waiting == ["goes on"]

    run(monkeypatch, test)
