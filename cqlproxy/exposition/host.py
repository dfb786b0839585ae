"""The figures of the process that prometheus-client knows how to find: processor, memory, descriptors, GC."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from cqlproxy.exposition.family import Family, Row, counter, counters, gauge
from cqlproxy.metrics import Metrics

_REGISTRY: Final = CollectorRegistry(auto_describe=False)
ProcessCollector(registry=_REGISTRY)
GCCollector(registry=_REGISTRY)


def host_rows() -> Mapping[str, list[Row]]:
    """By family, as of now. Reads /proc, where ten thousand descriptors take a while to list."""
    found: dict[str, list[Row]] = {}
    for family in _REGISTRY.collect():
        for sample in family.samples:
            found.setdefault(sample.name, []).append((tuple(sample.labels.values()), sample.value))
    return found


def _elsewhere(_: Metrics) -> float:
    raise NotImplementedError("host_rows has it")


def _no_rows(_: Metrics) -> Iterable[Row]:
    raise NotImplementedError("host_rows has them")


HOST_FAMILIES: Final[tuple[Family, ...]] = (
    counter(
        "process_cpu_seconds_total",
        "Processor time of the process, in user and system mode.",
        _elsewhere,
        "`rate` near 1: the proxy is at its limit, which is one core. Add proxies, or look at what the load"
        " is.",
    ),
    gauge(
        "process_resident_memory_bytes",
        "Memory of the process that is in use.",
        _elsewhere,
        "Grows with connections, prepared statements and the queue, whose limits bound it. Growth without"
        " an end"
        " while those stand still is a bug of the proxy.",
    ),
    gauge("process_virtual_memory_bytes", "Memory that the process has mapped.", _elsewhere),
    gauge(
        "process_start_time_seconds",
        "When the process started, in seconds since the epoch.",
        _elsewhere,
        "A change is a restart: see `proxy_last_run_unclean`.",
    ),
    gauge(
        "process_open_fds",
        "Open descriptors: connections of clients and to nodes, and a few files.",
        _elsewhere,
        "Near `process_max_fds`: raise the limit (`LimitNOFILE`, `ulimit -n`); see"
        " `proxy_accepting_paused_total`.",
    ),
    gauge("process_max_fds", "How many descriptors the process may have.", _elsewhere),
    counters(
        "python_gc_objects_collected_total",
        ("generation",),
        "Objects that Python's garbage collector has freed.",
        _no_rows,
    ),
    counters(
        "python_gc_objects_uncollectable_total",
        ("generation",),
        "Objects that it found and could not free.",
        _no_rows,
        "Above 0: a bug of the proxy.",
    ),
    counters(
        "python_gc_collections_total",
        ("generation",),
        "Runs of Python's garbage collector.",
        _no_rows,
        "Many of generation 2 a minute cost latency: see `proxy_event_loop_lag_seconds`.",
    ),
)
