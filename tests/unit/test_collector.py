"""The garbage collector: when it looks, and at what."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from cqlproxy.collector import FULL_SECONDS, NEW_OBJECTS, OBJECTS_EACH, PATIENCE_SECONDS, Collector


@pytest.fixture(autouse=True)
def _collector_as_it_was() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


class Collections:
    """The generations that are collected from now on."""

    def __init__(self) -> None:
        self.generations: list[int] = []

    def __enter__(self) -> Collections:
        gc.callbacks.append(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        gc.callbacks.remove(self._note)

    def _note(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self.generations.append(info["generation"])


def begun(under_way: int = 0) -> Collector:
    collector = Collector(lambda: under_way)
    collector.begin(100.0)
    return collector


def test_few_new_objects_are_not_looked_at() -> None:
    collector = begun()
    with Collections() as seen:
        collector.look(100.1)
    assert seen.generations == []


def test_many_new_objects_are_looked_at_and_those_that_were_left_with_each_fifth_look() -> None:
    collector = begun()
    kept: list[list[list[object]]] = []
    with Collections() as seen:
        for _ in range(6):
            kept.append([[] for _ in range(NEW_OBJECTS)])
            collector.look(100.1)
    assert seen.generations == [0, 0, 0, 0, 1, 0]


def test_what_is_under_way_is_not_looked_at() -> None:
    collector = begun(under_way=NEW_OBJECTS // OBJECTS_EACH)
    kept: list[list[object]] = [[] for _ in range(NEW_OBJECTS + NEW_OBJECTS // 2)]
    with Collections() as seen:
        collector.look(100.1)
    assert seen.generations == []
    kept += [[] for _ in range(NEW_OBJECTS)]
    with Collections() as seen:
        collector.look(100.2)
    assert seen.generations == [0]


def test_some_ten_thousand_requests_at_once_are_not_looked_at() -> None:
    begun()
    with Collections() as seen:
        under_way: list[list[object]] = [[] for _ in range(40_000)]
        del under_way
    assert seen.generations == []


def test_all_is_looked_at_when_nothing_is_under_way() -> None:
    under_way = 0
    collector = Collector(lambda: under_way)
    collector.begin(100.0)
    with Collections() as seen:
        collector.look(100.0 + FULL_SECONDS - 1)
        under_way = 1
        collector.look(100.0 + FULL_SECONDS)
        under_way = 0
        assert seen.generations == []
        collector.look(100.0 + FULL_SECONDS + 1)
        collector.look(100.0 + FULL_SECONDS + 2)
    assert seen.generations == [2]


def test_all_is_looked_at_in_the_end_although_something_is_always_under_way() -> None:
    collector = begun(under_way=1)
    with Collections() as seen:
        collector.look(100.0 + FULL_SECONDS + PATIENCE_SECONDS - 1)
        assert seen.generations == []
        collector.look(100.0 + FULL_SECONDS + PATIENCE_SECONDS)
    assert seen.generations == [2]


def test_what_was_there_at_the_beginning_is_left_out() -> None:
    before = gc.get_freeze_count()
    begun()
    assert gc.get_freeze_count() > before + 1000
