"""Spans of a sample of the requests and of their copies, for an OpenTelemetry collector (OTLP over HTTP).

Imported only where ``tracing`` is configured: without it nothing of this is on the way of a request, and with
it only what is sampled goes through ``TracingRouter``'s slower path.
"""

from cqlproxy.tracing.export import Export
from cqlproxy.tracing.router import TracingRouter
from cqlproxy.tracing.sampling import Sampler

__all__ = ["Export", "Sampler", "TracingRouter"]
