"""A YAML file as plain values and the line of each: every scalar is the text that was written.

YAML reads 0123 as 83, 12:30 as 750 and no as false; a tenant's value must stay what the operator wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
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
_DEEPEST: Final = 20


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
        try:
            root = _Loader(content.decode("utf-8-sig"), rest).get_single_node()
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
        except RecursionError:
            raise RulesError([f"{path}: the file is nested too deeply"]) from None
        self.value: Value = None if root is None else self._convert(root, ())
        """The root: None for an empty file."""
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

    def _convert(self, node: yaml.Node, location: Location) -> Value:
        self._rest()
        self._lines.setdefault(location, node.start_mark.line + 1)
        if len(location) > _DEEPEST:
            # An alias to what contains it has no end.
            raise RulesError([self.problem(location[:2], "is nested too deeply")])
        if node.tag not in _KNOWN:
            self._problems.append(self.problem(location, f"the tag {node.tag} has no meaning here"))
        if isinstance(node, yaml.MappingNode):
            return self._convert_mapping(node, location)
        if isinstance(node, yaml.SequenceNode):
            return [self._convert(child, (*location, index)) for index, child in enumerate(node.value)]
        return None if node.tag == _NULL else str(node.value)

    def _convert_mapping(self, node: yaml.MappingNode, location: Location) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for key, child in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self._problems.append(self.problem(location, f"a key on line {line} is not plain text"))
                continue
            inner = (*location, key.value)
            if key.value in values:
                first = self._lines[inner]
                self._lines[inner] = line
                self._problems.append(self.problem(inner, f"is given twice, first on line {first}"))
                continue
            self._lines[inner] = line
            values[key.value] = self._convert(child, inner)
        return values


class _Loader(yaml.SafeLoader):
    """Rests between the nodes."""

    def __init__(self, text: str, rest: Rest) -> None:
        super().__init__(text)
        self._rest = rest

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._rest()
        return super().compose_node(parent, index)


def key_path(location: Location) -> str:
    """A place in the words of the operator: ``filters.table_blacklist[2]``."""
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path
