"""What Prometheus is told of certificates, of watched files and of those who had no token."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from cqlproxy.metrics import Metrics


def security(metrics: Metrics) -> Iterable[Metric]:
    """The families, as of now."""
    left = GaugeMetricFamily(
        "proxy_certificate_seconds_left",
        "Seconds until a file's certificate, or the last of its authorities, expires.",
        labels=["section", "file"],
    )
    for certificate in metrics.gauges.certificates():
        left.add_metric([certificate.section, certificate.file], certificate.seconds_left)
    yield left
    failures = CounterMetricFamily(
        "proxy_security_files_reload_failures_total",
        "Times that changed certificates, keys or tokens could not be used.",
        labels=["section"],
    )
    stale = GaugeMetricFamily(
        "proxy_security_files_stale",
        "1 while such files cannot be used, and what was read before is in force, else 0.",
        labels=["section"],
    )
    for watched in metrics.gauges.watched():
        failures.add_metric([watched.section], watched.failures)
        stale.add_metric([watched.section], float(watched.stale))
    yield failures
    yield stale
    yield CounterMetricFamily(
        "proxy_admin_refused_total",
        "Requests to the admin port without the right token.",
        value=metrics.admin_refused,
    )
