"""Logs to stderr, as text or as JSON lines; what repeats without end is let through once in a while.

A log call gives a constant message and its particulars as `extra`: `log.warning("lost a node", extra={"node":
address})`. Text shows them as `node=10.0.0.1`, JSON as keys of their own, and the message stays countable.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Literal, TextIO

REPEAT_AFTER_SECONDS: Final = 10.0
"""A warning or error is shown at most once in this time; the next one shown tells how many were not."""

OURS: Final = "cqlproxy"
"""The logger above all of ours."""

EVENT: Final = "event"
"""The extra of a record with what is shown in its place where values of rows should not be (see
cqlproxy.live)."""

_MAX_TEMPLATES: Final = 1000
_DRIVER: Final = "cassandra"
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {
    EVENT,
    "message",
    "asctime",
    "taskName",
    "color_message",
}


def configure(
    level: Literal["debug", "info", "warning", "error"],
    form: Literal["text", "json"],
    stream: TextIO | None = None,
) -> None:
    """Send the logs of the whole process to `stream` (stderr when None), in place of what was set up before.

    The driver and the HTTP server log from WARNING on, whatever `level` is; the driver's tracebacks, which
    come with each node that is away, are cut to their last line but for the level debug.
    """
    output = logging.StreamHandler(stream if stream is not None else sys.stderr)
    whole = level == "debug"
    output.setFormatter(
        TextFormatter(driver_tracebacks=whole) if form == "text" else JsonFormatter(driver_tracebacks=whole)
    )
    output.addFilter(RepeatedWarnings(REPEAT_AFTER_SECONDS))
    output.setLevel(level.upper())
    logging.basicConfig(level=level.upper(), handlers=[output], force=True)
    # Others than the log look at what goes on, too.
    logging.getLogger(OURS).setLevel(min(logging.INFO, output.level))
    logging.captureWarnings(True)
    for talkative in (_DRIVER, "uvicorn", "asyncio"):
        logging.getLogger(talkative).setLevel(max(logging.WARNING, logging.getLogger().level))


class _Formatter(logging.Formatter):
    """What both forms share: which particulars and how much of an exception are shown."""

    def __init__(self, *, driver_tracebacks: bool = True) -> None:
        super().__init__()
        self._driver_tracebacks = driver_tracebacks

    def _traceback(self, record: logging.LogRecord) -> str:
        """What is shown of the exception that `record` carries; empty when it carries none."""
        return self.formatException(record.exc_info) if record.exc_info and not self._is_cut(record) else ""

    def _is_cut(self, record: logging.LogRecord) -> bool:
        return _is_of_driver(record) and not self._driver_tracebacks

    def _particulars(self, record: logging.LogRecord) -> dict[str, object]:
        particulars = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info and record.exc_info[1] is not None and self._is_cut(record):
            particulars.setdefault("error", repr(record.exc_info[1]))
        return particulars


class TextFormatter(_Formatter):
    """`time level logger message key=value ...`: one line, but for the traceback that may follow."""

    def format(self, record: logging.LogRecord) -> str:
        """Render `record`; control characters, which clients may have sent, are escaped."""
        parts = [_time(record), record.levelname, _source(record), _one_line(record.getMessage())]
        parts += [f"{key}={_quoted(value)}" for key, value in self._particulars(record).items()]
        line = " ".join(parts)
        traceback = self._traceback(record)
        return f"{line}\n{traceback}" if traceback else line


class JsonFormatter(_Formatter):
    """One JSON object a line: time, level, logger, message, then the particulars, then exception."""

    def format(self, record: logging.LogRecord) -> str:
        """Render `record`; particulars that JSON has no type for are shown as text."""
        fields: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": _source(record),
            "message": record.getMessage(),
        }
        for key, value in self._particulars(record).items():
            fields.setdefault(key, value)
        if traceback := self._traceback(record):
            fields["exception"] = traceback
        return json.dumps(fields, default=str)


class RepeatedWarnings(logging.Filter):
    """Lets a WARNING or ERROR of one logger and one template pass once in `interval` seconds.

    The next one to pass carries `suppressed`, the number of those held back since. The driver logs from
    threads of its own, hence the lock.
    """

    def __init__(self, interval: float, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._interval = interval
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether `record` is shown."""
        if not logging.WARNING <= record.levelno < logging.CRITICAL:
            return True
        now = self._clock()
        template = (record.name, str(record.msg))
        with self._lock:
            shown_at, suppressed = self._seen.get(template, (now - self._interval, 0))
            if now - shown_at < self._interval:
                self._seen[template] = (shown_at, suppressed + 1)
                return False
            if len(self._seen) >= _MAX_TEMPLATES:
                # Messages that were formatted before they were logged are all different, and never end.
                self._seen.clear()
            self._seen[template] = (now, 0)
        if suppressed:
            vars(record)["suppressed"] = suppressed
        return True


def in_words(record: logging.LogRecord) -> tuple[str, dict[str, str]]:
    """The message on one line, and its particulars by name."""
    particulars = {key: _plain(value) for key, value in vars(record).items() if key not in _STANDARD}
    if record.exc_info and record.exc_info[1] is not None:
        particulars.setdefault("error", _one_line(repr(record.exc_info[1])))
    return _one_line(record.getMessage()), particulars


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else _one_line(str(value))


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _source(record: logging.LogRecord) -> str:
    """The logger's name; the driver's are put under `driver`, which says more than the package's name."""
    return "driver" + record.name.removeprefix(_DRIVER) if _is_of_driver(record) else record.name


def _is_of_driver(record: logging.LogRecord) -> bool:
    return record.name.partition(".")[0] == _DRIVER


def _one_line(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _quoted(value: object) -> str:
    text = str(value)
    if not text or not text.isprintable() or any(c in text for c in ' "='):
        return _one_line(json.dumps(text, ensure_ascii=False))
    return text
