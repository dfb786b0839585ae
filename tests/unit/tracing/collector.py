"""A collector of traces, as far as OTLP over HTTP goes: it decodes what comes, and keeps it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

SERVER, CLIENT, ERROR = 2, 3, 2


class Seen(NamedTuple):
    """One span."""

    name: str
    kind: int
    trace: str
    span: str
    parent: str
    seconds: float
    attributes: Mapping[str, object]
    status: int


class Collector:
    """What came, and how it is asked for."""

    def __init__(self) -> None:
        self.spans: list[Seen] = []
        self.services: set[object] = set()
        self.raw = b""
        self.status = 200
        self._come = threading.Condition()
        self.url = ""

    def take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        with self._come:
            self.raw += body
            for of_resource in request.resource_spans:
                names = {one.key: one.value.string_value for one in of_resource.resource.attributes}
                self.services.add(names["service.name"])
                for of_scope in of_resource.scope_spans:
                    for span in of_scope.spans:
                        values = {
                            one.key: getattr(one.value, str(one.value.WhichOneof("value")))
                            for one in span.attributes
                        }
                        self.spans.append(
                            Seen(
                                span.name,
                                span.kind,
                                span.trace_id.hex(),
                                span.span_id.hex(),
                                span.parent_span_id.hex(),
                                (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
                                values,
                                span.status.code,
                            )
                        )
            self._come.notify_all()

    def wait_for(self, count: int) -> list[Seen]:
        """The spans, once there are so many."""
        return self.wait_until(lambda spans: len(spans) >= count)

    def wait_until(self, holds: Callable[[list[Seen]], bool], seconds: float = 60.0) -> list[Seen]:
        """The spans, once that is true of them."""
        with self._come:
            assert self._come.wait_for(lambda: holds(self.spans), seconds), self.spans
            return list(self.spans)


@contextmanager
def running_collector() -> Iterator[Collector]:
    """One that listens on a port of its own."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.path == "/v1/traces"
            assert self.headers["content-type"] == "application/x-protobuf"
            if collector.status == 200:
                collector.take(body)
            self.send_response(collector.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector.url = f"http://127.0.0.1:{server.server_address[1]}/v1/traces"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
