"""A YAML file as plain values and the line of each: every scalar is the text that was written.

YAML reads 0123 as 83, 12:30 as 750 and no as false; a tenant's value must stay what the operator wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import yaml

from filters.resting import Rest, no_rest

Value = str | list["Value"] | dict[str, "Value"] | None
Location = tuple[str | int, ...]
"""Keys and positions from the root of the document to a value."""

_NULL: Final = "tag:yaml.org,2002:null"
_KNOWN: Final = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge", "value")
)
_NULLS: Final = frozenset(("", "~", "null", "Null", "NULL"))
"""How YAML writes nothing without quotes."""
_DEEPEST: Final = 20
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's, 20 times as fast, wherever PyYAML has it. Of both only the events are used."""


class RulesError(Exception):
    """The rules file cannot be used. ``problems``: one line each, with file, line and key where known."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Document:
    """A rules file that was read: its values, and where they stand. Raises RulesError."""

    def __init__(self, path: Path, content: bytes, rest: Rest = no_rest) -> None:
        self._path = path
        self._rest = rest
        self._lines: dict[Location, int] = {(): 1}
        self._problems: list[str] = []
        self._anchors: dict[str, Value] = {}
        self._unfinished: Value = []
        """Stands for what a name means until its end was read."""
        self.value: Value = None
        """The root: None for an empty file."""
        try:
            self._events = _events(content.decode("utf-8-sig"))
            self._read_document()
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise RulesError([f"{path}:{line}: the file is not UTF-8 text"]) from None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = f"{path}:{mark.line + 1}" if mark else str(path)
            what = ", ".join(part for part in (error.context, error.problem) if part)
            raise RulesError([f"{where}: not valid YAML: {what}"]) from None
        except yaml.YAMLError as error:
            raise RulesError([f"{path}: not valid YAML: {' '.join(str(error).split())}"]) from None
        if self._problems:
            raise RulesError(self._problems)

    def problem(self, location: Location, what: str) -> str:
        """One line that says what is wrong with the value at a place, or with its absence there."""
        line = self._lines.get(location)
        known = location
        while line is None:
            known = known[:-1]
            line = self._lines.get(known)
        key = key_path(location)
        return f"{self._path}:{line}: {key}: {what}" if key else f"{self._path}:{line}: {what}"

    def _read_document(self) -> None:
        next(self._events)  # the stream begins
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return
        self.value = self._value(next(self._events), ())
        next(self._events)  # the document ends
        another = next(self._events)
        if not isinstance(another, yaml.StreamEndEvent):
            self._problems.append(f"{self._path}:{_line(another)}: a second document begins")

    def _value(self, event: yaml.Event, location: Location) -> Value:
        """What begins with ``event``; all of its events are taken."""
        self._rest()
        self._lines.setdefault(location, _line(event))
        if isinstance(event, yaml.AliasEvent):
            return self._anchored(event, location)
        if not isinstance(event, yaml.ScalarEvent | yaml.SequenceStartEvent | yaml.MappingStartEvent):
            raise AssertionError(f"{event} is not the beginning of a value")
        if event.tag is not None and event.tag not in _KNOWN:
            self._problems.append(self.problem(location, f"the tag {event.tag} has no meaning here"))
        if isinstance(event, yaml.ScalarEvent):
            null = event.value in _NULLS if event.implicit[0] else event.tag == _NULL
            scalar = None if null else str(event.value)
            if event.anchor is not None:
                self._anchors[event.anchor] = scalar
            return scalar
        if len(location) >= _DEEPEST:
            raise RulesError([self.problem(location[:2], "is nested too deeply")])
        values: list[Value] | dict[str, Value] = [] if isinstance(event, yaml.SequenceStartEvent) else {}
        if event.anchor is not None:
            # Known before its end, so that what contains itself is told from a name that nothing has.
            self._anchors[event.anchor] = self._unfinished
        if isinstance(values, list):
            self._read_sequence(values, location)
        else:
            self._read_mapping(values, location)
        if event.anchor is not None:
            self._anchors[event.anchor] = values
        return values

    def _anchored(self, event: yaml.AliasEvent, location: Location) -> Value:
        if event.anchor not in self._anchors:
            what = f"*{event.anchor} stands for nothing above it"
            raise RulesError([self.problem(location, what)])
        value = self._anchors[event.anchor]
        if value is self._unfinished:
            # What contains itself has no end.
            raise RulesError([self.problem(location[:2], "is nested too deeply")])
        return value

    def _read_sequence(self, values: list[Value], location: Location) -> None:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            values.append(self._value(event, (*location, len(values))))

    def _read_mapping(self, values: dict[str, Value], location: Location) -> None:
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            line = _line(event)
            if not isinstance(event, yaml.ScalarEvent):
                self._problems.append(self.problem(location, f"a key on line {line} is not plain text"))
                self._value(event, (*location, f"the key on line {line}"))
                self._value(next(self._events), (*location, f"the value of line {line}"))
                continue
            inner = (*location, event.value)
            if event.value in values:
                first = self._lines[inner]
                self._lines[inner] = line
                self._problems.append(self.problem(inner, f"is given twice, first on line {first}"))
            self._lines[inner] = line
            values[event.value] = self._value(next(self._events), inner)


def _line(event: yaml.Event) -> int:
    """Counted from 1."""
    return event.start_mark.line + 1 if event.start_mark else 1


def _events(text: str) -> Iterator[yaml.Event]:
    loader = _LOADER(text)
    while loader.check_event():
        yield loader.get_event()


def key_path(location: Location) -> str:
    """A place in the words of the operator: ``filters.table_blacklist[2]``."""
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path
