"""What a log line looks like, and how often it is shown."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Literal

import pytest

from cqlproxy import logs


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    names = ("cassandra", "uvicorn", "asyncio", "cqlproxy")
    level, handlers = root.level, list(root.handlers)
    levels = [logging.getLogger(name).level for name in names]
    # basicConfig(force=True) closes the handlers that it removes: pytest's are kept out of its sight.
    root.handlers.clear()
    yield
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in zip(names, levels, strict=True):
        logging.getLogger(name).setLevel(before)


def set_up(
    level: Literal["debug", "info", "warning", "error"] = "info", form: Literal["text", "json"] = "text"
) -> io.StringIO:
    stream = io.StringIO()
    logs.configure(level, form, stream)
    return stream


def test_text() -> None:
    stream = set_up()
    logging.getLogger("cqlproxy.cluster").info(
        "lost %s", "a node", extra={"node": "10.0.0.1", "error": 'it said "no"', "empty": "", "count": 3}
    )
    line = stream.getvalue()
    time, rest = line.split(" ", 1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time)
    assert rest == (
        'INFO cqlproxy.cluster lost a node node=10.0.0.1 error="it said \\"no\\"" empty="" count=3\n'
    )


def test_what_a_client_sends_cannot_forge_a_line() -> None:
    stream = set_up()
    forged = "x\n2024-01-01T00:00:00.000Z ERROR a b\u2028\x1b[31m"
    logging.getLogger("a").info("text %s", forged, extra={"query": forged})
    (line,) = stream.getvalue().splitlines()
    assert line.endswith(
        "INFO a text x\\n2024-01-01T00:00:00.000Z ERROR a b\\u2028\\x1b[31m"
        ' query="x\\n2024-01-01T00:00:00.000Z ERROR a b\\u2028\\u001b[31m"'
    )


def test_json() -> None:
    stream = set_up(form="json")
    logging.getLogger("a").warning(
        "x\ny", extra={"node": "::1", "count": 3, "error": OSError("no"), "level": 1}
    )
    (line,) = stream.getvalue().splitlines()
    fields = json.loads(line)
    assert list(fields) == ["time", "level", "logger", "message", "node", "count", "error"]
    assert fields | {"time": ""} == {
        "time": "",
        "level": "warning",
        "logger": "a",
        "message": "x\ny",
        "node": "::1",
        "count": 3,
        "error": "no",
    }


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_traceback_is_shown(form: Literal["text", "json"]) -> None:
    stream = set_up(form=form)
    try:
        raise KeyError("there it is")
    except KeyError:
        logging.getLogger("a").exception("a bug")
    text = stream.getvalue()
    if form == "json":
        text = json.loads(text)["exception"]
    assert "Traceback" in text
    assert text.rstrip().endswith("KeyError: 'there it is'")


def test_the_driver_is_named_as_such_and_heard_from_warning_on() -> None:
    stream = set_up("debug")
    for name in ("cassandra", "cassandra.cluster", "cassandraish"):
        logging.getLogger(name).info("quiet")
        logging.getLogger(name).warning("loud")
    seen = [line.split(" ", 1)[1] for line in stream.getvalue().splitlines()]
    assert seen == [
        "WARNING driver loud",
        "WARNING driver.cluster loud",
        "INFO cassandraish quiet",
        "WARNING cassandraish loud",
    ]


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_traceback_of_the_driver_is_one_line_but_for_debugging(form: Literal["text", "json"]) -> None:
    def logged(level: Literal["info", "debug"]) -> str:
        stream = set_up(level, form)
        try:
            raise ConnectionRefusedError(111, "refused")
        except ConnectionRefusedError:
            logging.getLogger("cassandra.pool").warning("node is away", exc_info=True)
        return stream.getvalue()

    brief, whole = logged("info"), logged("debug")
    assert brief.count("\n") == 1
    assert "Traceback" not in brief
    assert "ConnectionRefusedError(111, 'refused')" in brief
    assert "Traceback" in whole
    assert "ConnectionRefusedError: [Errno 111] refused" in whole


def test_levels() -> None:
    stream = set_up("error")
    for name in ("a", "cassandra.pool", "uvicorn.error"):
        logging.getLogger(name).warning("quiet")
        logging.getLogger(name).error("loud")
    assert stream.getvalue().count("quiet") == 0
    assert stream.getvalue().count("loud") == 3


def test_setting_up_twice_does_not_show_lines_twice() -> None:
    first, second = set_up(), set_up()
    logging.getLogger("a").info("once")
    assert (first.getvalue(), second.getvalue().count("once")) == ("", 1)


def record(template: str, *args: object, level: int = logging.WARNING, name: str = "a") -> logging.LogRecord:
    return logging.LogRecord(name, level, "", 0, template, args, None)


def test_a_repeated_warning_is_shown_once_in_an_interval_and_counted() -> None:
    now = 5.0
    repeated = logs.RepeatedWarnings(10.0, clock=lambda: now)
    assert [repeated.filter(record("lost %s", number)) for number in range(4)] == [True, False, False, False]
    assert repeated.filter(record("another"))
    assert repeated.filter(record("lost %s", 1, name="b"))
    now = 14.9
    assert not repeated.filter(record("lost %s", 5))
    now = 15.0
    shown = record("lost %s", 6)
    assert repeated.filter(shown)
    assert vars(shown)["suppressed"] == 4
    now = 25.0
    shown = record("lost %s", 7)
    assert repeated.filter(shown)
    assert "suppressed" not in vars(shown)


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (logging.DEBUG, True),
        (logging.INFO, True),
        (logging.WARNING, False),
        (logging.ERROR, False),
        (logging.CRITICAL, True),
    ],
)
def test_only_warnings_and_errors_are_held_back(level: int, expected: bool) -> None:
    repeated = logs.RepeatedWarnings(10.0, clock=lambda: 0.0)
    assert repeated.filter(record("x", level=level))
    assert repeated.filter(record("x", level=level)) is expected


def test_messages_that_are_all_different_do_not_fill_the_memory() -> None:
    repeated = logs.RepeatedWarnings(10.0, clock=lambda: 0.0)
    assert all(repeated.filter(record(f"lost {number}")) for number in range(5000))
    assert len(repeated._seen) <= 1000


def test_the_number_held_back_is_in_the_line() -> None:
    now = 0.0
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.TextFormatter())
    handler.addFilter(logs.RepeatedWarnings(10.0, clock=lambda: now))
    for moment in (0.0, 1.0, 2.0, 11.0):
        now = moment
        handler.handle(record("lost"))
    lines = stream.getvalue().splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == ["WARNING a lost", "WARNING a lost suppressed=2"]


def test_a_quiet_log_is_still_looked_at_by_others() -> None:
    stream = set_up("error")
    seen: list[str] = []

    class Other(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record.getMessage())

    ours, other = logging.getLogger(logs.OURS), Other()
    ours.addHandler(other)
    try:
        for name in ("cqlproxy.mode_in_force", "another"):
            logging.getLogger(name).info("said by %s", name)
        logging.getLogger("cqlproxy.mode_in_force").debug("in detail")
    finally:
        ours.removeHandler(other)
    assert seen == ["said by cqlproxy.mode_in_force"]
    assert stream.getvalue() == ""


def test_what_stands_in_the_place_of_a_message_is_not_logged() -> None:
    stream = set_up()
    logging.getLogger("cqlproxy.x").warning("id=42", extra={logs.EVENT: "a row"})
    assert stream.getvalue().endswith("WARNING cqlproxy.x id=42\n")
