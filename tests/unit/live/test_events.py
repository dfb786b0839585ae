"""What the log tells of the proxy is kept as events: bounded, once each, without values of rows."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest

from cqlproxy import logs
from cqlproxy.live.events import KEPT_OF_A_KIND, LONGEST_PARTICULAR, LONGEST_TEXT, Event, RecentEvents


@pytest.fixture
def events() -> Iterator[RecentEvents]:
    ours = logging.getLogger("cqlproxy")
    level = ours.level
    ours.setLevel(logging.INFO)
    with RecentEvents().listening() as listening:
        yield listening
    ours.setLevel(level)


def texts(events: RecentEvents) -> list[str]:
    return [event.text for event in events.recent()]


def test_the_newest_is_first_and_says_what_it_is_about(events: RecentEvents) -> None:
    logging.getLogger("cqlproxy.mode_in_force").info("the mode is now x", extra={"by": "ann"})
    logging.getLogger("cqlproxy.cluster.backend").warning("lost %s", "it", extra={"node": "10.0.0.1"})
    logging.getLogger("cqlproxy.journal.writer").error("the journal cannot be written")
    told = [(event.kind, event.level, event.text, event.particulars) for event in events.recent()]
    assert told == [
        ("journal", "error", "the journal cannot be written", {}),
        ("nodes", "warning", "lost it", {"node": "10.0.0.1"}),
        ("mode", "info", "the mode is now x", {"by": "ann"}),
    ]
    shown = events.recent()[0].shown()
    assert shown.keys() == set(Event.__slots__)


@pytest.mark.parametrize(
    ("logger", "level", "kept"),
    [
        ("cqlproxy.cluster.x", logging.DEBUG, False),
        ("cqlproxy.admin.authorization", logging.INFO, False),
        ("cqlproxy.admin.authorization", logging.WARNING, True),
        ("cqlproxy.admin.letters_endpoints", logging.INFO, True),
        ("cqlproxy.something.new", logging.INFO, True),
        ("cassandra.cluster", logging.ERROR, False),
        ("uvicorn.error", logging.ERROR, False),
    ],
)
def test_which_are_kept(events: RecentEvents, logger: str, level: int, kept: bool) -> None:
    logging.getLogger(logger).log(level, "said")
    assert texts(events) == ["said"] * kept


def test_the_same_again_is_one_event(events: RecentEvents) -> None:
    log = logging.getLogger("cqlproxy.frontend.listener")
    for client in ("a", "b", "a", "a"):
        log.warning("clients are turned away", extra={"client": client})
    found = [(event.particulars["client"], event.times) for event in events.recent()]
    assert found == [("a", 3), ("b", 1)]
    assert events.number == 4


def test_a_flood_of_one_kind_does_not_push_out_the_others(events: RecentEvents) -> None:
    logging.getLogger("cqlproxy.mode_in_force").info("the mode is now x")
    log = logging.getLogger("cqlproxy.frontend.listener")
    for number in range(3 * KEPT_OF_A_KIND):
        log.warning(f"client {number}")
    assert len(texts(events)) == KEPT_OF_A_KIND + 1
    assert texts(events)[-1] == "the mode is now x"
    assert texts(events)[0] == f"client {3 * KEPT_OF_A_KIND - 1}"


def test_what_is_kept_of_one_is_bounded(events: RecentEvents) -> None:
    log = logging.getLogger("cqlproxy.cluster")
    log.warning("x" * 10_000, extra={f"extra_{number}": "y" * 10_000 for number in range(100)})
    (event,) = events.recent()
    assert (len(event.text), event.text[-3:]) == (LONGEST_TEXT, "...")
    assert len(event.particulars) == 8
    assert {len(value) for value in event.particulars.values()} == {LONGEST_PARTICULAR}


def test_values_of_rows_are_in_the_log_alone(events: RecentEvents, caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("cqlproxy.validation.validator")
    log.warning("the clusters differ: id=42", extra={logs.EVENT: "the clusters differ", "key": "42"})
    assert "id=42" in caplog.text
    (event,) = events.recent()
    assert (event.text, event.particulars) == ("the clusters differ", {})


def test_an_exception_is_told_in_a_line(events: RecentEvents) -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("cqlproxy.supervision").exception("an error that nobody handled")
    (event,) = events.recent()
    assert event.particulars == {"error": "ValueError('two\\nlines')"}


def test_records_come_from_any_thread(events: RecentEvents) -> None:
    def tell(name: str) -> None:
        for number in range(200):
            logging.getLogger("cqlproxy.cluster").warning(f"{name} {number}")

    threads = [threading.Thread(target=tell, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        numbers = [event.number for event in events.recent()]
        assert numbers == sorted(set(numbers), reverse=True)
    assert events.number == 800


def test_after_the_end_nothing_is_taken() -> None:
    with RecentEvents().listening() as listening:
        pass
    logging.getLogger("cqlproxy.cluster").warning("said")
    assert listening.recent() == []
