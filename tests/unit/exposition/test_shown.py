"""The text itself: what other programs read in it, whatever the names, and how long it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.openmetrics import parser as open_parser
from prometheus_client.openmetrics.exposition import generate_latest as generate_open
from prometheus_client.parser import text_string_to_metric_families as families
from prometheus_client.registry import Collector

from cqlproxy.exposition import FAMILIES, Exposition, Kind
from cqlproxy.exposition.host import host_rows
from cqlproxy.exposition.shown import Shown
from cqlproxy.metrics import Metrics
from cqlproxy.modes import Mode
from cqlproxy.table_counts import MAX_SERIES

open_families: Callable[[str], Iterable[Metric]] = open_parser.text_string_to_metric_families

OPEN = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"


def shown(metrics: Metrics, accept: str = "") -> tuple[str, str]:
    text, media = asyncio.run(Exposition(metrics).render(accept))
    return text.decode(), media


def with_tables(count: int) -> Metrics:
    metrics = Metrics(Mode.DUAL_WRITE_ASYNC)
    for number in range(count):
        table = f"table_{number}"
        metrics.mirrored_by_table.add([("keyspace", table)])
        metrics.validation.mismatches.add([("keyspace", table)])
        for counts in (metrics.filtered, metrics.would_filter, metrics.undelivered_by_table):
            counts.add("reason", "keyspace", table)
    return metrics


def test_every_family_is_declared_once_and_shown_once_from_the_start() -> None:
    names = [family.name for family in FAMILIES]
    assert len(set(names)) == len(names)
    text, media = shown(Metrics(Mode.PRIMARY_ONLY))
    assert media.startswith("text/plain; version=0.0.4")
    types = [line.split()[2:] for line in text.splitlines() if line.startswith("# TYPE ")]
    assert types == [[family.name, str(family.kind)] for family in FAMILIES]


def test_names_are_as_prometheus_wants_them() -> None:
    for family in FAMILIES:
        assert (family.kind is Kind.COUNTER) == family.name.endswith("_total")
        assert not family.name.endswith(("_count", "_sum", "_bucket", "_milliseconds", "_ms"))
        if family.kind is Kind.HISTOGRAM:
            assert family.unit == "seconds"
        assert family.meaning.endswith(".")
        assert not set(family.meaning) & set('\\\n"')


def test_openmetrics_is_given_to_who_asks_for_it() -> None:
    metrics = with_tables(3)
    text, media = shown(metrics, OPEN)
    assert media == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    found = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in open_families(text)
        for sample in family.samples
    }
    plain = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families(shown(metrics)[0])
        for sample in family.samples
    }
    assert found.keys() == plain.keys()
    changing = ("process_", "python_gc_", "proxy_uptime")
    assert {key: value for key, value in found.items() if not key[0].startswith(changing)} == {
        key: value for key, value in plain.items() if not key[0].startswith(changing)
    }


@given(names=st.lists(st.text(max_size=20), min_size=1, max_size=5, unique=True), open_metrics=st.booleans())
def test_rows_are_as_prometheus_client_writes_them(names: list[str], open_metrics: bool) -> None:
    metrics = Metrics(Mode.PRIMARY_ONLY)
    family = CounterMetricFamily(
        "proxy_mirrored_writes",
        "Copies that a cluster acknowledged, by each table that they write.",
        labels=["keyspace", "table"],
    )
    for name in names:
        metrics.mirrored_by_table.add([(name, "t")])
        family.add_metric([name, "t"], 1)

    class One(Collector):
        def collect(self) -> Iterable[Metric]:
            yield family

    registry = CollectorRegistry(auto_describe=False)
    registry.register(One())
    theirs = (generate_open if open_metrics else generate_latest)(registry).decode()
    ours, _ = shown(metrics, OPEN if open_metrics else "")
    # They write an integer with a fraction.
    expected = theirs.replace(" 1.0\n", " 1\n").removesuffix("# EOF\n")
    assert expected in ours


def test_a_row_that_is_gone_is_forgotten() -> None:
    (family,) = (family for family in FAMILIES if family.name == "proxy_rules_info")
    shown = Shown(family)
    for number in range(2_500):
        text = shown.text([((str(number),), 1)], is_open=False)
    assert text.splitlines()[2:] == ['proxy_rules_info{hash="2499"} 1']
    assert shown.remembered <= 1_001


def test_the_event_loop_turns_while_a_thousand_tables_are_shown() -> None:
    metrics = with_tables(MAX_SERIES)
    exposition = Exposition(metrics)

    async def longest_stall() -> float:
        await exposition.render()
        longest = 0.0
        rendering = asyncio.ensure_future(exposition.render())
        while not rendering.done():
            began = thread_time()
            await asyncio.sleep(0)
            longest = max(longest, thread_time() - began)
        assert (await rendering)[0].count(b"table_999") == 5
        return longest

    # Of processor time, since the machine may have other work; and the best of some for the same reason.
    assert min(asyncio.run(longest_stall()) for _ in range(5)) < 0.005


def test_names_of_tables_beyond_the_bound_are_counted_together() -> None:
    text, _ = shown(with_tables(MAX_SERIES + 50))
    for name in ("proxy_mirrored_writes_total", "proxy_consistency_mismatches_total"):
        rows = [line for line in text.splitlines() if line.startswith(f"{name}{{")]
        assert len(rows) == MAX_SERIES + 1
        assert f'{name}{{keyspace="other",table="other"}} 50' in rows


@pytest.mark.parametrize("name", ["process_cpu_seconds_total", "process_resident_memory_bytes"])
def test_the_figures_of_the_process_are_those_of_this_one(name: str) -> None:
    ((_, value),) = host_rows()[name]
    assert isinstance(value, float)
    assert value > 0


def test_what_prometheus_client_finds_of_the_process_is_declared() -> None:
    assert host_rows().keys() <= {family.name for family in FAMILIES}
