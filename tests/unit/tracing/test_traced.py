"""What is traced is served as what is not, and a collector gets a span for each request and each copy."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvloop
from hypothesis import given, settings

from benchmarks.micro.in_process import Setting, started
from frame_codec import PROTOCOL_V4, FrameFlag, Opcode, encode_custom_payload, encode_frame
from tests.unit.routing.test_together import pair, sequences
from tests.unit.routing.traffic import REQUESTS, mark
from tests.unit.routing.whole_proxy import Asked, World
from tests.unit.tracing.collector import CLIENT, ERROR, SERVER, Collector, Seen, running_collector

NOWHERE = "http://127.0.0.1:9/v1/traces"
"""Where nobody listens."""

MODES = [
    ("primary_only", "off"),
    ("dual_write_async", "overflow"),
    ("dual_write_async", "always"),
    ("dual_write_sync", "off"),
    ("shadow_primary", "off"),
]


@pytest.mark.parametrize(
    ("mode", "journal", "traced"), [*((*one, 1.0) for one in MODES), ("dual_write_async", "overflow", 0.3)]
)
def test_what_is_traced_is_served_as_what_is_not(mode: str, journal: str, traced: float) -> None:
    with (
        running_collector() as collector,
        pair(Setting(mode, journal, traces=collector.url, traced=traced), Setting(mode, journal)) as both,
    ):

        @settings(max_examples=6)
        @given(asked=sequences)
        def same(asked: list[Asked]) -> None:
            both.compare(asked)

        same()


def spans_of(asked: list[Asked], count: int, mode: str = "dual_write_async") -> tuple[Collector, list[Seen]]:
    """Those of these requests, once so many have come; without those that prepare."""

    async def run(collector: Collector) -> list[Seen]:
        async with started(Setting(mode, "off", traces=collector.url)) as proxy:
            world = World(proxy, mode)
            await world.prepare()
            prepares = len(proxy.proxy._routes.main.prepared)
            await world.run(asked, together=True)
            found = await asyncio.to_thread(collector.wait_for, count + prepares)
            spans = proxy.proxy.metrics.gauges.spans
            # They count when the collector's answer is there.
            async with asyncio.timeout(60):
                while spans()["exported"] < len(found):
                    await asyncio.sleep(0.01)
            assert spans() == {"exported": len(found), "failed": 0, "dropped": 0}
            return [span for span in found if span.attributes.get("cqlproxy.opcode") != "PREPARE"]

    with running_collector() as collector, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return collector, runner.run(run(collector))


def test_a_write_and_its_copy_are_one_trace() -> None:
    collector, spans = spans_of([Asked("insert")], 2)
    assert collector.services == {"cqlproxy"}
    request, copy = sorted(spans, key=lambda span: span.kind)
    assert (request.kind, copy.kind) == (SERVER, CLIENT)
    assert (copy.trace, copy.parent) == (request.trace, request.span)
    assert request.parent == ""
    assert (request.name, copy.name) == (f"INSERT {table(request)}", f"copy INSERT {table(request)}")
    assert (
        request.attributes.items()
        >= {
            "db.system.name": "cassandra",
            "db.operation.name": "INSERT",
            "cqlproxy.opcode": "EXECUTE",
            "cqlproxy.cluster": "primary",
            "cassandra.consistency.level": "one",
        }.items()
    )
    assert copy.attributes["cqlproxy.cluster"] == "shadow"
    assert copy.attributes["cqlproxy.copy.attempt"] == 1
    for span in spans:
        assert 0 <= span.seconds < 60
        assert str(span.attributes["network.peer.address"]).startswith("127.")
        assert span.attributes["network.peer.port"] == 9042
        assert span.status == 0


def table(span: Seen) -> str:
    return f"{span.attributes['db.namespace']}.{span.attributes['db.collection.name']}"


def test_each_kind_of_request_has_its_span_and_no_span_has_a_value() -> None:
    asked = [
        Asked(kind) for kind in sorted(REQUESTS) if kind not in ("unknown id", "held", "batch, some held")
    ]
    collector, spans = spans_of(asked, len(asked))
    requests = [span for span in spans if span.kind == SERVER]
    assert len(requests) == len(asked)
    assert {span.attributes["cqlproxy.opcode"] for span in requests} == {"QUERY", "EXECUTE", "BATCH"}
    assert {"INSERT", "SELECT", "UPDATE", "BATCH"} <= {
        span.attributes.get("db.operation.name") for span in requests
    }
    for number in range(len(asked)):
        assert mark(number) not in collector.raw
        assert mark(number).hex().encode() not in collector.raw


@pytest.mark.parametrize("mode", ["dual_write_async", "dual_write_sync", "shadow_primary"])
def test_errors_are_told(mode: str) -> None:
    _, spans = spans_of(
        [Asked("insert", "invalid"), Asked("select", "overloaded"), Asked("unknown id")], 3, mode
    )
    requests = {str(span.attributes.get("error.type")): span for span in spans if span.kind == SERVER}
    assert requests.keys() == {"invalid", "overloaded", "unprepared"}
    assert all(span.status == ERROR for span in requests.values())
    assert requests["invalid"].attributes["db.response.status_code"] == "0x2200"


def test_a_copy_that_fails_is_told() -> None:
    _, spans = spans_of([Asked("insert", copy="invalid")], 2)
    (copy,) = (span for span in spans if span.kind == CLIENT)
    assert (copy.attributes["error.type"], copy.status) == ("invalid", ERROR)


def test_a_client_may_say_whose_trace_it_is_and_that_it_is_not_to_be_traced() -> None:
    trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"

    async def run(collector: Collector) -> list[Seen]:
        # No request is chosen by itself.
        async with started(Setting("primary_only", "off", traces=collector.url, traced=0.0)) as proxy:
            for flags in ("01", "00"):
                payload = encode_custom_payload({"traceparent": f"00-{trace}-{parent}-{flags}".encode()})
                _, opcode, body = REQUESTS["text select"](mark(0))
                frame = encode_frame(PROTOCOL_V4, FrameFlag.CUSTOM_PAYLOAD, 1, Opcode(opcode), payload + body)
                proxy.receive(frame)
                await proxy.settle()
                await proxy.client.written()
            return await asyncio.to_thread(collector.wait_for, 1)

    with running_collector() as collector, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        (span,) = runner.run(run(collector))
        assert (span.trace, span.parent) == (trace, parent)
        assert len(collector.spans) == 1


@contextmanager
def hung() -> Iterator[str]:
    """An endpoint that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1/traces"


@pytest.mark.parametrize("away", ["refused", "hung"])
def test_a_collector_that_is_away_is_not_felt(away: str) -> None:
    async def run(url: str) -> float:
        async with started(Setting("dual_write_async", "off", traces=url)) as proxy:
            world = World(proxy, "dual_write_async")
            await world.prepare()
            for _ in range(5):
                seen = await world.run([Asked("insert")] * 100, together=True)
                assert len(seen.answers) == 100
            began = asyncio.get_running_loop().time()
        return asyncio.get_running_loop().time() - began

    with hung() as url, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        took = runner.run(run(NOWHERE if away == "refused" else url))
    # What a stop takes without traces, and STOP_SECONDS at most.
    assert took < 30
