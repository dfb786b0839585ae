"""The open loop: requests keep to their times whatever the answers do, and a stall is seen by all of them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import Pipe
from multiprocessing.connection import Connection

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.open_loop import TICK, Schedule, follow
from benchmarks.plan import COUNT, GO, REPORT, STOP, Load, Plan
from tests.unit.benchmarks.scripted_node import ScriptedNode

_RATE = 2000.0


@contextmanager
def _generator(node: ScriptedNode) -> Iterator[Connection]:
    """The pipe to a generator in a thread, which is ready."""
    ours, theirs = Pipe()
    plan = Plan("127.0.0.1", node.port, "insert", connections=2, rate=_RATE)
    ended: list[type[BaseException]] = []

    def run() -> None:
        try:
            follow(theirs, plan, _RATE, 0)
        except (EOFError, BenchmarkError) as error:
            ended.append(type(error))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert _receive(ours) == Load()
        yield ours
    finally:
        ours.close()
        thread.join(10)
        assert ended == [EOFError]


def _receive(control: Connection) -> Load:
    assert control.poll(10)
    load = control.recv()
    assert isinstance(load, Load)
    return load


def _seconds_of_load(control: Connection, seconds: float) -> Load:
    control.send(COUNT)
    time.sleep(seconds)
    control.send(REPORT)
    return _receive(control)


def test_requests_come_at_their_rate_and_each_answer_is_counted() -> None:
    node = ScriptedNode()
    with _generator(node) as control:
        control.send(GO)
        first = _seconds_of_load(control, 0.5)
        control.send(STOP)
        rest = _receive(control)
        assert first.errors == rest.errors == 0
        assert len(first.latencies) == pytest.approx(0.5 * _RATE, rel=0.3)
        assert min(first.latencies) > 0
        # After the end nothing is sent, and it can begin again.
        executed = node.executed.total()
        assert executed >= len(first.latencies) + len(rest.latencies)
        time.sleep(0.05)
        assert node.executed.total() == executed
        control.send(GO)
        assert len(_seconds_of_load(control, 0.2).latencies) > 0
        control.send(STOP)
        _receive(control)
    node.close()


def test_a_stall_is_seen_by_all_that_were_due_meanwhile() -> None:
    node = ScriptedNode()
    with _generator(node) as control:
        control.send(GO)
        control.send(COUNT)
        node.may_answer.clear()
        time.sleep(0.4)
        node.may_answer.set()
        time.sleep(0.2)
        control.send(STOP)
        load = _receive(control)
    node.close()
    # A closed loop would have sent no more than one window, and have seen one slow answer for each of it.
    assert sum(latency > 0.1 for latency in load.latencies) >= 0.2 * _RATE
    assert max(load.latencies) >= 0.35


def test_errors_are_told_apart() -> None:
    node = ScriptedNode(fails=True)
    with _generator(node) as control:
        control.send(GO)
        load = _seconds_of_load(control, 0.1)
        assert load.errors == len(load.latencies) > 0
        assert load.first_error == "0x1001 too much"
        control.send(STOP)
        _receive(control)
    node.close()


def test_sends_fall_on_ticks_and_none_is_left_out() -> None:
    schedule = Schedule(2500.0, 100.0)
    due = []
    for _ in range(2500):
        due.append(schedule.next_due)
        schedule.advance()
    assert due[0] == 100.0
    assert due == sorted(due)
    assert due[-1] == pytest.approx(101.0, abs=2 * TICK)
    assert set(Counter(round((at - 100.0) / TICK) for at in due).values()) <= {2, 3}
