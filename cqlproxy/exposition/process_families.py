"""What is said of the proxy itself: what runs, since when, in which mode, and how it feels."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from typing import Final

from cqlproxy import __version__
from cqlproxy.exposition.family import (
    Family,
    Histogram,
    Row,
    by_reason,
    counter,
    counters,
    gauge,
    gauges,
    histograms,
)
from cqlproxy.metrics import Metrics
from cqlproxy.modes import Mode
from cqlproxy.state_file import LastRun


def _modes(metrics: Metrics) -> Iterable[Row]:
    for mode in Mode:
        yield (mode.value,), int(mode is metrics.mode)


TRACES: Final[tuple[Family, ...]] = (
    counters(
        "proxy_trace_spans_total",
        ("outcome",),
        "Spans of traced requests and copies that have ended, by what became of them; 0 without `tracing`.",
        lambda m: by_reason(m.gauges.spans(), ("exported", "failed", "dropped")),
        "`failed`: the collector cannot be reached or refuses; the log says why. `dropped`: it is too slow."
        " No"
        " request is the worse for it.",
    ),
)

PROCESS: Final[tuple[Family, ...]] = (
    gauges(
        "proxy_build_info",
        ("version", "python"),
        "Always 1; the labels say what runs.",
        lambda _: ((((__version__, platform.python_version())), 1),),
        "More than one version at a time only while a new one is rolled out.",
    ),
    gauge("proxy_uptime_seconds", "Seconds since the proxy started.", lambda m: round(m.uptime_seconds, 3)),
    gauge(
        "proxy_ready",
        "1 while clients can be served, as `/ready` says, else 0.",
        lambda m: int(m.gauges.ready()),
        "0: `/ready` and `cqlproxy status` say why. The cluster that does not answer clients has no say in"
        " it.",
    ),
    gauges(
        "proxy_mode",
        ("mode",),
        "1 for the write mode in force, 0 for the others.",
        _modes,
        "Proxies of one application in different modes for longer than a switch takes: writes go different"
        " ways.",
    ),
    gauge(
        "proxy_mode_set_timestamp_seconds",
        "When the mode was set, in seconds since the epoch.",
        lambda m: m.mode_since,
    ),
    counter(
        "proxy_mode_changes_total",
        "Times that the mode was switched since the proxy started.",
        lambda m: m.mode_changes,
        "A switch that nobody has announced: the log says who made it.",
    ),
    histograms(
        "proxy_event_loop_lag_seconds",
        (),
        "How late the event loop came to its sweep, every 0.1 s: so long all else had to wait as well.",
        lambda m: (((), Histogram.of(m.loop_lag)),),
        "A 99th percentile above 10 ms: the processor is wanted elsewhere (a limit of the container,"
        " neighbours)"
        " or the proxy is at its limit; compare `process_cpu_seconds_total`.",
    ),
    counter(
        "proxy_unhandled_errors_total",
        "Errors that nobody handled: bugs of the proxy.",
        lambda m: m.unhandled_errors,
        "Any: report it with the lines of the log, which have the traceback. The proxy goes on.",
    ),
    gauge(
        "proxy_write_clock_ahead_seconds",
        "How far write times are ahead of the system's clock, when that has stepped back.",
        lambda m: m.gauges.write_clock_ahead_seconds(),
        "Above 1: look at the machine's time synchronization. Clients that write past this proxy lose to its"
        " write times until the clock has caught up.",
    ),
    gauge(
        "proxy_last_run_unclean",
        "1 when the run before this one was killed, so that copies in its memory are lost, else 0.",
        lambda m: int(m.last_run is LastRun.UNCLEAN),
        "1: compare the clusters (validation, or a comparison of tables); `mirror.journal: always` loses"
        " none.",
    ),
    gauge(
        "proxy_config_stale",
        "1 when the configuration file could not be used when it was last read, else 0.",
        lambda m: int(m.gauges.config_stale()),
        "1: older settings are in force. `cqlproxy check-config` says what is wrong with the file.",
    ),
)
