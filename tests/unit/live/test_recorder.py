"""A row for each second, for whoever waits; losses told in the log."""

from __future__ import annotations

import asyncio
import json

import pytest
import uvloop

from cqlproxy.live import RecentEvents, Recorder
from cqlproxy.live import recorder as recording
from cqlproxy.live.losses import TOLD_EVERY_SECONDS, Losses
from cqlproxy.live.samples import FIELDS
from cqlproxy.metrics import Metrics, MirrorState
from cqlproxy.modes import Mode


def test_history_is_bounded_and_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "KEPT_SECONDS", 3)
    metrics = Metrics(Mode.PRIMARY_ONLY)
    recorder = Recorder(metrics, RecentEvents())
    assert json.loads(recorder.history()) == {"fields": list(FIELDS), "samples": []}
    assert recorder.latest() == b"null"
    metrics.gauges.mirrors = lambda: [MirrorState("shadow", depth=recorder.number)]
    for _ in range(5):
        recorder.look()
    samples = json.loads(recorder.history())["samples"]
    assert [sample[FIELDS.index("waiting_in_memory")] for sample in samples] == [2, 3, 4]
    assert json.loads(recorder.latest()) == samples[-1]
    assert recorder.number == 5


def test_all_who_wait_are_woken_by_the_next_row() -> None:
    async def run() -> None:
        recorder = Recorder(Metrics(Mode.PRIMARY_ONLY), RecentEvents())
        waiting = [recorder.next_row() for _ in range(3)]
        assert not any(one.done() for one in waiting)
        recorder.look()
        assert all(one.done() for one in waiting)
        assert not recorder.next_row().done()

    uvloop.run(run())


def test_it_looks_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "EVERY_SECONDS", 0.01)

    async def run() -> None:
        recorder = Recorder(Metrics(Mode.PRIMARY_ONLY), RecentEvents())
        task = asyncio.create_task(recorder.run())
        for _ in range(3):
            await asyncio.wait_for(recorder.next_row(), 5)
        task.cancel()
        assert recorder.number == 3

    uvloop.run(run())


def test_losses_are_told_by_reason_and_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    metrics, losses = Metrics(Mode.PRIMARY_ONLY), Losses()
    losses.look(metrics.snapshot(), 100.0)
    assert caplog.records == []
    metrics.count_dropped("queue_full", 5)
    metrics.count_mirror_failed("refused")
    losses.look(metrics.snapshot(), 101.0)
    told = [(record.getMessage(), vars(record)["copies"]) for record in caplog.records]
    assert told == [
        ("copies were given up; with a journal they are dead letters (refused)", 1),
        ("copies were dropped: they are lost (queue_full)", 5),
    ]
    metrics.count_dropped("queue_full", 7)
    losses.look(metrics.snapshot(), 102.0)
    assert len(caplog.records) == 2
    losses.look(metrics.snapshot(), 101.0 + TOLD_EVERY_SECONDS)
    losses.look(metrics.snapshot(), 200.0)
    assert [vars(record)["copies"] for record in caplog.records[2:]] == [7]
