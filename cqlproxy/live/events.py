"""Recent events, for the page and for `/events`: what the log tells of the proxy's parts, in a bounded ring.

Whoever has something to tell logs it, and need not know that it is shown: so what the page says and what
the log says are the same, whatever part it comes from. Kept are records from INFO on, even where the log is
quieter. A record of which the text may hold values of rows carries ``event``: what is shown in its place.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from cqlproxy import logs

KEPT_OF_A_KIND: Final = 50
"""So many of each kind, so that a flood of one does not push out the others."""

REPEATED_WITHIN_SECONDS: Final = 60.0
"""What is told again within this time is the same event, once more."""

LONGEST_TEXT: Final = 400
LONGEST_PARTICULAR: Final = 200
MOST_PARTICULARS: Final = 8

# By the logger's name, the first that it begins with: what an event is about, and from which level on.
_KINDS: Final = (
    ("cqlproxy.mode_in_force", "mode", logging.INFO),
    ("cqlproxy.rules_in_force", "rules", logging.INFO),
    ("cqlproxy.config_in_force", "configuration", logging.INFO),
    ("cqlproxy.files_in_force", "certificates", logging.INFO),
    ("cqlproxy.tls", "certificates", logging.INFO),
    ("cqlproxy.cluster", "nodes", logging.INFO),
    ("cqlproxy.live", "copies", logging.INFO),
    ("cqlproxy.mirror", "copies", logging.INFO),
    ("cqlproxy.admin.letters", "copies", logging.INFO),
    ("cqlproxy.journal", "journal", logging.INFO),
    ("cqlproxy.validation", "validation", logging.INFO),
    # What an operator changes is told by what was changed.
    ("cqlproxy.admin", "admin", logging.WARNING),
    ("cqlproxy.frontend", "clients", logging.INFO),
    ("cqlproxy.routing", "clients", logging.INFO),
    ("cqlproxy", "proxy", logging.INFO),
)

KINDS: Final = tuple(dict.fromkeys(kind for _, kind, _ in _KINDS))


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, once or several times in a row. Times are seconds since the epoch."""

    number: int
    """Ascending; another one when it happens once more."""
    kind: str
    level: str
    """`info`, `warning`, `error` or `critical`."""
    first: float
    last: float
    times: int
    text: str
    particulars: Mapping[str, str]
    """Such as which node, or by whom."""

    def shown(self) -> dict[str, object]:
        """As JSON types."""
        return {
            "number": self.number,
            "kind": self.kind,
            "level": self.level,
            "first": round(self.first, 3),
            "last": round(self.last, 3),
            "times": self.times,
            "text": self.text,
            "particulars": dict(self.particulars),
        }


class RecentEvents(logging.Handler):
    """The ring. Records may come from any thread; it is read from the event loop."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._ring_lock = threading.Lock()
        self._by_kind: dict[str, deque[Event]] = {kind: deque(maxlen=KEPT_OF_A_KIND) for kind in KINDS}
        self.number = 0
        """Of the newest event; 0 before the first."""

    @contextmanager
    def listening(self) -> Iterator[RecentEvents]:
        """Take what the proxy logs, from now until the end of the block."""
        source = logging.getLogger(logs.OURS)
        source.addHandler(self)
        try:
            yield self
        finally:
            source.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep ``record`` if it is of interest. Never raises."""
        kind, lowest = _kind_of(record.name)
        if record.levelno < lowest:
            return
        try:
            text, particulars = _in_words(record)
        except Exception:
            self.handleError(record)
            return
        now = record.created
        with self._ring_lock:
            self.number += 1
            ring = self._by_kind[kind]
            same = next((one for one in ring if one.text == text and one.particulars == particulars), None)
            if same is not None and now - same.last < REPEATED_WITHIN_SECONDS:
                ring.remove(same)
                ring.append(replace(same, number=self.number, last=now, times=same.times + 1))
            else:
                ring.append(
                    Event(self.number, kind, record.levelname.lower(), now, now, 1, text, particulars)
                )

    def recent(self) -> list[Event]:
        """All that are kept, the newest first."""
        with self._ring_lock:
            found = [event for ring in self._by_kind.values() for event in ring]
        return sorted(found, key=lambda event: -event.number)


def _kind_of(logger: str) -> tuple[str, int]:
    return next((kind, lowest) for prefix, kind, lowest in _KINDS if logger.startswith(prefix))


def _in_words(record: logging.LogRecord) -> tuple[str, dict[str, str]]:
    instead = vars(record).get(logs.EVENT)
    if isinstance(instead, str):
        return _shortened(instead, LONGEST_TEXT), {}
    text, particulars = logs.in_words(record)
    shown = {
        name: _shortened(value, LONGEST_PARTICULAR)
        for name, value in islice(particulars.items(), MOST_PARTICULARS)
    }
    return _shortened(text, LONGEST_TEXT), shown


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."
