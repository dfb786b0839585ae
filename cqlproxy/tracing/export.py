"""Spans on their way to the collector: on a thread of OpenTelemetry's, from a bounded queue.

A collector that is away, slow or refuses costs spans and nothing else: those that the queue cannot hold are
dropped and counted, and a stop of the proxy does not wait for long.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Tracer

from cqlproxy import __version__

QUEUE: Final = 4_096
"""Spans that wait or are being sent; what comes beyond them is dropped."""

BATCH: Final = 256
"""Spans in one request to the collector: so few that to encode them takes a few milliseconds."""

EVERY_MS: Final = 1_000
SEND_SECONDS: Final = 5.0
"""How long the collector may take for one request, repetitions included."""

STOP_SECONDS: Final = 2.0
"""How long a proxy that stops tries to send what waits."""


class Export:
    """To the OTLP endpoint at ``endpoint``, a URL with its path.

    Requests carry the headers that ``OTEL_EXPORTER_OTLP_HEADERS`` gives.
    """

    def __init__(self, endpoint: str, service_name: str, instance: str) -> None:
        self._counted = _Counted(OTLPSpanExporter(endpoint, timeout=SEND_SECONDS))
        names = {
            "service.name": service_name,
            "service.version": __version__,
            "service.instance.id": instance,
        }
        self._provider = TracerProvider(ALWAYS_ON, Resource(names), shutdown_on_exit=False)
        self._provider.add_span_processor(_Bounded(self._counted))
        self.tracer: Tracer = self._provider.get_tracer("cqlproxy", __version__)

    @property
    def spans(self) -> Mapping[str, int]:
        """Those that have ended, by what became of them: exported, failed, dropped."""
        counted = self._counted
        return {"exported": counted.exported, "failed": counted.failed, "dropped": counted.dropped}

    async def stop(self) -> None:
        """Send what waits, for ``STOP_SECONDS`` at most."""
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()

        def stop() -> None:
            self._provider.shutdown()
            # Whoever waited may have given up, and the loop be gone.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(stopped.set)

        # A daemon: a collector that does not answer must not keep the process alive.
        threading.Thread(target=stop, name="tracing-stop", daemon=True).start()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await stopped.wait()


class _Counted(SpanExporter):
    """Counts what becomes of spans: ``dropped`` on the event loop, the others on the thread."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self.exported = self.failed = self.dropped = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            self.exported += len(spans)
        else:
            self.failed += len(spans)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class _Bounded(SpanProcessor):
    """Hands spans to the thread, unless too many wait for it."""

    def __init__(self, counted: _Counted) -> None:
        self._counted = counted
        self._taken = 0
        self._batches = BatchSpanProcessor(
            counted,
            max_queue_size=QUEUE,
            schedule_delay_millis=EVERY_MS,
            max_export_batch_size=BATCH,
        )
        self._stop: Callable[[], None] = self._batches.shutdown

    def on_end(self, span: ReadableSpan) -> None:
        counted = self._counted
        if self._taken - counted.exported - counted.failed >= QUEUE:
            counted.dropped += 1
            return
        self._taken += 1
        self._batches.on_end(span)

    def shutdown(self) -> None:
        self._stop()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._batches.force_flush(timeout_millis)
