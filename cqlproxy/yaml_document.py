"""A YAML file read as a mapping; refuses what PyYAML lets pass: duplicate keys, keys that are not text."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import yaml

_MAX_BYTES: Final = 1024 * 1024
_NULL: Final = "tag:yaml.org,2002:null"
_TEXT: Final = "tag:yaml.org,2002:str"


class DocumentError(Exception):
    """The file holds no usable mapping; `problems` has one line for each reason."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


class Document(NamedTuple):
    """What a file holds: the mapping, {} of an empty one, and the line of each key.

    Lines are counted from 1, keys are written ``a.b``, elements of lists ``a.b[0]``.
    """

    content: dict[str, object]
    lines: dict[str, int]


def read_document(path: Path) -> Document:
    """Return what the file at `path` holds. Raises DocumentError."""
    text = _read_text(path)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is None or root.tag == _NULL:
            return Document({}, {})
        if not isinstance(root, yaml.MappingNode):
            raise DocumentError("the file must be a mapping of keys, such as `mode: primary_only`")
        lines, problems = _keys(root)
        if problems:
            raise DocumentError(*problems)
        return Document(yaml.safe_load(text), lines)
    except yaml.MarkedYAMLError as error:
        raise DocumentError(_syntax_problem(error, text)) from None
    # What PyYAML lets through: a control character, a date such as 2024-99-99, brackets by the thousand.
    except (yaml.YAMLError, ValueError) as error:
        raise DocumentError(f"the file is not valid YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise DocumentError("the file is nested too deeply") from None


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise DocumentError("there is no such file") from None
    except OSError as error:
        raise DocumentError(f"the file cannot be read: {error.strerror}") from None
    if len(content) > _MAX_BYTES:
        raise DocumentError(f"the file is longer than {_MAX_BYTES} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DocumentError(f"the file is not UTF-8 text: line {line}") from None


def _syntax_problem(error: yaml.MarkedYAMLError, text: str) -> str:
    what = ", ".join(part for part in (error.context, error.problem) if part)
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return f"not valid YAML: {what}"
    lines = text.splitlines()
    # To YAML, [::1] is a list of a mapping without a key.
    quotes = mark.line < len(lines) and "::" in lines[mark.line]
    hint = ' (an IPv6 address needs quotes, such as "::1")' if quotes else ""
    return f"line {mark.line + 1}, column {mark.column + 1}: not valid YAML: {what}{hint}"


def _keys(root: yaml.Node) -> tuple[dict[str, int], list[str]]:
    """The line of each key and element; and one line of text for each key that is not text or stands twice
    in its mapping. Both in the order of the file."""
    places: dict[str, int] = {}
    problems: list[str] = []
    # Aliases make the document a graph, with cycles even: each node is judged once.
    seen: set[int] = set()
    waiting: list[tuple[str, yaml.Node]] = [("", root)]
    while waiting:
        path, node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        children: list[tuple[str, yaml.Node]] = []
        if isinstance(node, yaml.SequenceNode):
            children = [(f"{path}[{index}]", child) for index, child in enumerate(node.value)]
            places.update((name, child.start_mark.line + 1) for name, child in children)
        elif isinstance(node, yaml.MappingNode):
            lines: dict[str, int] = {}
            for key, child in node.value:
                line = key.start_mark.line + 1
                if not isinstance(key, yaml.ScalarNode) or key.tag != _TEXT or not key.value.isprintable():
                    problems.append(f"{path + ': ' if path else ''}line {line}: a key must be plain text")
                    continue
                name = f"{path}.{key.value}" if path else key.value
                if key.value in lines:
                    problems.append(f"{name}: is given twice, on lines {lines[key.value]} and {line}")
                lines[key.value] = places[name] = line
                children.append((name, child))
        waiting.extend(reversed(children))
    return places, problems
