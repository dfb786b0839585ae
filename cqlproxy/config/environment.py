"""Keys of the configuration from the environment, where they count more than those of the file.

``CQLPROXY_`` and the key's path in capitals, two underscores between section and key:
``CQLPROXY_PRIMARY__CONTACT_POINTS=10.0.0.1,10.0.0.2`` is ``primary.contact_points``. A number, true or false,
a list and a section are written as in the file; elements of a list may also be separated by commas alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import yaml

from cqlproxy.config.keys import VARIABLE_DELIMITER, VARIABLE_PREFIX, Key, keys, unknown_key

_EITHER: Final = ({"password", "password_file"}, {"token", "token_file"})
"""Of each of these, one is given: where the environment has one, the file's other one does not count."""

_ALSO_WITH_ONE_UNDERSCORE: Final = tuple(
    f"{section}.{name}"
    for section in ("primary", "shadow")
    for name in ("username", "password", "password_file")
)


class EnvironmentProblemsError(Exception):
    """Variables that mean no key; `problems` has a line, ``VARIABLE: what is wrong``, per variable."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def read_value(key: Key, text: str) -> object:
    """What ``text`` means as the value of a key, as YAML would give it. Whether it is one is not judged."""
    kind = key.kind
    if kind is not None and kind.is_text:
        return text
    if kind is not None and kind.is_list and not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",")]
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return text


def add_environment(document: dict[str, object], environment: Mapping[str, str]) -> dict[str, str]:
    """Put what ``environment`` has into ``document``; returns the variable of each key that comes from there.

    An account for a cluster that ``document`` does not have is left alone: it makes no cluster. Raises
    ``EnvironmentProblemsError``.
    """
    found: dict[str, str] = {}
    for path in _ALSO_WITH_ONE_UNDERSCORE:
        variable = keys()[path].variable.replace(VARIABLE_DELIMITER, "_")
        if variable in environment and path.partition(".")[0] in document:
            found[path] = variable
    problems: list[str] = []
    by_variable = {key.variable: key for key in keys().values()}
    for variable in environment:
        if (key := by_variable.get(variable)) is not None:
            found[key.path] = variable
        elif variable.startswith(VARIABLE_PREFIX) and VARIABLE_DELIMITER in variable:
            # Others that begin so are not the configuration's: a command's own, or an orchestrator's.
            path = variable.removeprefix(VARIABLE_PREFIX).lower().replace(VARIABLE_DELIMITER, ".")
            problems.append(f"{variable}: {unknown_key(path)}")
    if problems:
        raise EnvironmentProblemsError(problems)
    # A section before what is in it.
    for path in sorted(found, key=lambda path: path.count(".")):
        _put(document, path, read_value(keys()[path], environment[found[path]]))
    return found


def _put(document: dict[str, object], path: str, value: object) -> None:
    *sections, name = path.split(".")
    inner = document
    for section in sections:
        if not isinstance(inner.get(section), dict):
            if section in inner and inner[section] is not None:
                return  # No mapping: the file's problem is told.
            inner[section] = {}
        below = inner[section]
        assert isinstance(below, dict)
        inner = below
    for either in _EITHER:
        if name in either:
            for other in either - {name}:
                inner.pop(other, None)
    inner[name] = value
